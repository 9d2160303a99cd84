// controller/rest/backup_routes.cpp: backups by REST: made, listed, read as an archive, removed.
#include <array>

#include "controller/administration/backup_acts.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

namespace {

std::string_view word_of(BackupView::State state) {
    if (state == BackupView::State::Running) return "running";
    return state == BackupView::State::Complete ? "complete" : "failed";
}

json::object backup_json(const BackupView& backup) {
    const bool is_complete = backup.state == BackupView::State::Complete;
    json::value audit;
    if (is_complete)
        audit = json::object{{"number", backup.audit_number}, {"hash", backup.audit_hash}};
    return {{"name", backup.name},         {"state", word_of(backup.state)},
            {"reason", backup.reason},     {"time", time_text(backup.time)},
            {"revision", backup.revision}, {"epoch", backup.epoch},
            {"audit", std::move(audit)},   {"bytes", backup.bytes},
            {"files", backup.files}};
}

/// All of them: the server keeps a few.
HttpDecision list_backups(const Call& call) {
    json::array list;
    if (const BackupControl* backups = call.server.backups())
        for (const BackupView& backup : backups->list()) list.push_back(backup_json(backup));
    return ok({{"backups", std::move(list)}});
}

/// Files are touched on the reader pool.
HttpDecision on_reader_pool(std::function<HttpResponse()> work) {
    HttpDecision::Query query;
    query.run = [work = std::move(work)](const storage::Snapshot&) {
        return std::variant<HttpResponse, HttpResponse>(std::in_place_index<1>, work());
    };
    return query;
}

HttpDecision begin_backup(const Call& call) {
    auto work = administration::begin_backup(call, call.server);
    if (!work) return refuse(work.error());
    return on_reader_pool([work = std::move(*work)] {
        const auto begun = work();
        return begun ? ok(backup_json(*begun)) : refuse(begun.error());
    });
}

HttpDecision show_backup(const Call& call) {
    const auto found = administration::find_backup(call.server, call.request.in_path("name"));
    if (!found) return refuse(found.error());
    return ok(backup_json(*found));
}

HttpDecision give_archive(const Call& call) {
    const auto found = administration::read_backup(call, call.server, call.request.in_path("name"));
    if (!found) return refuse(found.error());
    HttpResponse response;
    response.type = "application/x-tar";
    response.backup = found->name;
    return response;
}

HttpDecision remove_backup(const Call& call) {
    const std::string& name = call.request.in_path("name");
    auto work = administration::remove_backup(call, call.server, name);
    if (!work) return refuse(work.error());
    return on_reader_pool([work = std::move(*work), name] {
        const auto removed = work();
        return removed ? ok({{"deleted", name}}) : refuse(removed.error());
    });
}

}   // namespace

std::span<const Route> backup_routes() {
    static const std::array routes{
        Route{"GET", "backups", {}, {}, list_backups, Act::ReadBackups},
        Route{"POST", "backups", {}, {}, begin_backup, Act::KeepBackups},
        Route{"GET", "backups/{name}", {}, {}, show_backup, Act::ReadBackups},
        Route{"DELETE", "backups/{name}", {}, {}, remove_backup, Act::KeepBackups},
        // An archive has the second factors of all accounts.
        Route{"GET", "backups/{name}/archive", {}, {}, give_archive, Act::KeepBackups},
    };
    return routes;
}

}   // namespace grid::controller::rest
