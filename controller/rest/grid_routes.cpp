// controller/rest/grid_routes.cpp: message of the day, welcome, administrators, the end of the
// process, and what it reads anew.
#include <array>

#include "controller/administration/account_acts.hpp"
#include "controller/administration/greeting_acts.hpp"
#include "controller/administration/process_acts.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"

namespace grid::controller::rest {

namespace {

json::value greeting_json(const std::optional<Greeting>& greeting) {
    if (!greeting) return nullptr;
    return json::object{
        {"text", greeting->text},
        {"set", time_text(greeting->set)},
        {"changed_by", greeting->changed_by}
    };
}

HttpDecision show_motd(const Call& call) {
    return ok({{"motd", greeting_json(call.state.greetings.motd)}});
}

HttpDecision put_motd(const Call& call) {
    const auto text = required_text(call.request.body, "text");
    if (!text) return refuse(text.error());
    const auto corrects = optional_flag(call.request.body, "corrects");
    if (!corrects) return refuse(corrects.error());
    auto batch = administration::set_motd(call, *text, *corrects);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"set", true}}));
}

HttpDecision delete_motd(const Call& call) {
    return changed(administration::delete_motd(call), ok({{"deleted", true}}));
}

HttpDecision show_welcome(const Call& call) {
    return ok({{"welcome", greeting_json(call.state.greetings.welcome)}});
}

HttpDecision put_welcome(const Call& call) {
    const auto text = required_text(call.request.body, "text");
    if (!text) return refuse(text.error());
    auto batch = administration::set_welcome(call, *text);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"set", true}}));
}

HttpDecision delete_welcome(const Call& call) {
    return changed(administration::delete_welcome(call), ok({{"deleted", true}}));
}

HttpDecision show_administrators(const Call& call) {
    const std::string after = call.request.in_query("after");
    json::array names;
    std::string next;
    if (const auto* members = call.state.accounts.members(administrators_group))
        for (auto at = members->upper_bound(after); at != members->end(); ++at) {
            if (names.size() == call.page_max()) {
                next = std::string(names.back().as_string());
                break;
            }
            names.emplace_back(*at);
        }
    return ok({{"administrators", std::move(names)}, {"next", cursor(next)}});
}

HttpDecision put_administrators(const Call& call) {
    const json::value* given = call.request.body.if_contains("administrators");
    if (given == nullptr || !given->is_array())
        return refuse(malformed("expected \"administrators\": a list of accounts"));
    std::vector<xml::Jid> jids;
    for (const json::value& entry : given->get_array()) {
        if (!entry.is_string())
            return refuse(malformed("expected \"administrators\": a list of accounts"));
        auto jid = bare_jid(entry.get_string());
        if (!jid) return refuse(jid.error());
        jids.push_back(std::move(*jid));
    }
    auto batch = administration::set_administrators(call, jids);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"administrators", *given}}));
}

HttpDecision shut_down(const Call& call) {
    administration::Stop wanted;
    const json::object& body = call.request.body;
    const auto restarts = optional_flag(body, "restart");
    if (!restarts) return refuse(restarts.error());
    wanted.restarts = *restarts;
    if (const json::value* delay = body.if_contains("delay_seconds")) {
        boost::system::error_code error;
        const auto seconds = delay->to_number<std::uint32_t>(error);
        if (error) return refuse(malformed("expected \"delay_seconds\": a whole number"));
        wanted.delay_seconds = seconds;
    }
    const auto text = optional_text(body, "announcement");
    if (!text) return refuse(text.error());
    wanted.announcement = text->value_or("");
    auto batch = administration::stop_server(call, wanted);
    if (!batch) return refuse(batch.error());
    return changed(
        std::move(*batch),
        ok({{wanted.restarts ? "restarts" : "ends", true}, {"in_seconds", wanted.delay_seconds}})
    );
}

json::array remarks_json(const std::vector<ReloadReport::Remark>& remarks) {
    json::array list;
    for (const ReloadReport::Remark& remark : remarks)
        list.push_back(json::object{{"where", remark.where}, {"text", remark.text}});
    return list;
}

/// A refusal has all mistakes, beside the error that every refusal has.
HttpResponse reload_answer(const ReloadReport& report) {
    if (report.is_taken())
        return ok(
            {{"changed", to_json(report.changed)},
             {"needs_restart", to_json(report.needs_restart)},
             {"warnings", remarks_json(report.warnings)}}
        );
    const std::size_t count = report.mistakes.size();
    return http_problem(
        409, "reload-refused",
        "everything stays as it was: " + std::to_string(count) +
            (count == 1 ? " mistake" : " mistakes"),
        {{"mistakes", remarks_json(report.mistakes)}}
    );
}

HttpDecision reload(const Call& call) {
    HttpDecision::Query query;
    query.run = [work = administration::reload_server(call)](const storage::Snapshot&) {
        using Either = std::variant<HttpResponse, HttpResponse>;
        const ReloadReport report = work();
        if (!report.is_taken()) return Either(std::in_place_index<0>, reload_answer(report));
        return Either(std::in_place_index<1>, reload_answer(report));
    };
    return query;
}

}   // namespace

std::span<const Route> grid_routes() {
    static const std::array routes{
        Route{"GET", "motd", {}, {}, show_motd, Act::ReadGreetings, motd_tag},
        Route{"PUT", "motd", {}, {"text", "corrects"}, put_motd, Act::SetGreetings, motd_tag},
        Route{"DELETE", "motd", {}, {}, delete_motd, Act::SetGreetings, motd_tag},
        Route{"GET", "welcome", {}, {}, show_welcome, Act::ReadGreetings, welcome_tag},
        Route{"PUT", "welcome", {}, {"text"}, put_welcome, Act::SetGreetings, welcome_tag},
        Route{"DELETE", "welcome", {}, {}, delete_welcome, Act::SetGreetings, welcome_tag},
        Route{
            "GET",
            "administrators",
            {"after", "max"},
            {},
            show_administrators,
            Act::ReadAccounts,
            administrators_tag
        },
        Route{
            "PUT",
            "administrators",
            {},
            {"administrators"},
            put_administrators,
            Act::ChooseAdministrators,
            administrators_tag,
            true
        },
        Route{
            "POST",
            "shutdown",
            {},
            {"restart", "delay_seconds", "announcement"},
            shut_down,
            Act::StopServer
        },
        Route{"POST", "reload", {}, {}, reload, Act::ReloadServer},
    };
    return routes;
}

}   // namespace grid::controller::rest
