// controller/rest/file_routes.cpp: files that clients exchange by HTTPS.
#include <array>

#include "controller/administration/file_acts.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"

namespace grid::controller::rest {

namespace {

json::object file_json(const bulk::File& file) {
    return {
        {"id", file.id},
        {"owner", file.owner},
        {"name", file.name},
        {"type", file.media_type},
        {"size", file.size},
        {"sha256", file.hash.empty() ? json::value() : json::value(file.hash)},
        {"state", file.is_complete ? "complete" : "slot"},
        {"created", time_text(file.created)},
        {"expires", time_text(file.expires)},
        {"readers", to_json(file.readers)}
    };
}

HttpDecision list_files(const Call& call) {
    const std::size_t max = call.page_max();
    const std::string account = call.request.in_query("account");
    const auto& files = call.state.files.all();
    json::array list;
    std::string last;
    auto at = files.upper_bound(call.request.in_query("after"));
    // A page looks at so many of them at most, and may be empty where most are of other accounts.
    for (std::size_t looked = 0; at != files.end() && looked < max; ++at, ++looked) {
        last = at->first;
        if (account.empty() || at->second.owner == account) list.push_back(file_json(at->second));
    }
    const bool has_more = at != files.end();
    return ok({{"files", std::move(list)}, {"next", cursor(has_more ? last : std::string())}});
}

HttpDecision show_file(const Call& call) {
    const std::string& id = call.request.in_path("id");
    const bulk::File* file = call.state.files.find(id);
    if (file == nullptr) return refuse({Errc::UnknownFile, "no file " + id, {}});
    return ok(file_json(*file));
}

HttpDecision delete_file(const Call& call) {
    const std::string& id = call.request.in_path("id");
    auto batch = administration::remove_file(call, id);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"deleted", id}}));
}

}   // namespace

std::span<const Route> file_routes() {
    static const std::array routes{
        Route{"GET", "files", {"account", "after", "max"}, {}, list_files, Act::ReadFiles},
        Route{"GET", "files/{id}", {}, {}, show_file, Act::ReadFiles, file_tag},
        Route{"DELETE", "files/{id}", {}, {}, delete_file, Act::RemoveFiles, file_tag},
    };
    return routes;
}

}   // namespace grid::controller::rest
