// controller/rest/act_routes.cpp: settings, topics that go, sessions that end, announcements: the
// acts of the ad-hoc commands by REST.
#include <array>

#include "controller/administration/acts.hpp"
#include "controller/administration/live_settings.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

namespace {

HttpDecision acted(const Call& call, storage::Batch batch, json::object answer) {
    // The batch expects the actor's right: it is refused when the actor is no administrator any
    // more at the commit.
    if (!batch.operations.empty()) call.state.expect_gates(batch, call.context.actor);
    return changed(std::move(batch), ok(std::move(answer)));
}

json::object tuning_json(const commands::Tuning& tuning) {
    return {
        {"auto_approve", tuning.auto_approve}, {"default_groups", to_json(tuning.default_groups)}
    };
}

HttpDecision show_settings(const Call& call) {
    json::object body = tuning_json(commands::tuning_of(call.state.settings));
    body["configured"] = tuning_json(commands::tuning_of(call.state.configured));
    return ok(std::move(body));
}

/// Settings that the body does not name stay as they are.
HttpDecision put_settings(const Call& call) {
    commands::Tuning tuning = commands::tuning_of(call.state.settings);
    const json::object& body = call.request.body;
    if (body.contains("auto_approve")) {
        const auto flag = optional_flag(body, "auto_approve");
        if (!flag) return refuse(flag.error());
        tuning.auto_approve = *flag;
    }
    if (const json::value* groups = body.if_contains("default_groups")) {
        const auto names = optional_groups({{"groups", *groups}});
        if (!names) return refuse(names.error());
        tuning.default_groups = **names;
    }
    if (const auto failure = commands::refuse_tuning(tuning)) return refuse(*failure);
    return acted(call, commands::tune(call.state, tuning, call.context), tuning_json(tuning));
}

HttpDecision delete_topic(const Call& call) {
    const std::string& name = call.request.in_path("name");
    auto batch = commands::delete_topic(call.state, name, call.context);
    if (!batch) return refuse(batch.error());
    return acted(call, std::move(*batch), {{"deleted", name}});
}

HttpDecision end_sessions(const Call& call) {
    const auto text = required_text(call.request.body, "jid");
    if (!text) return refuse(text.error());
    const auto jid = xml::Jid::parse(*text);
    if (!jid || jid->local().empty())
        return refuse({Errc::MalformedRequest, "jid is an account, or a session's full JID", {}});
    const auto live = call.sessions.resources(jid->bare());
    std::size_t count = 0;
    for (const xml::Jid& full : live) count += jid->is_bare() || full == *jid ? 1U : 0U;
    if (count == 0)
        return refuse({Errc::UnknownAccount, "no session of " + jid->str() + " is there", {}});
    return acted(call, commands::end_sessions({*jid}, call.context), {{"ended", count}});
}

HttpDecision announce(const Call& call) {
    constexpr std::size_t bytes_max = 16 * 1024;
    const auto text = required_text(call.request.body, "text");
    if (!text) return refuse(text.error());
    const auto subject = optional_text(call.request.body, "subject");
    if (!subject) return refuse(subject.error());
    const std::string title = subject->value_or("");
    if (text->find_first_not_of(" \t\r\n") == std::string::npos ||
        text->size() + title.size() > bytes_max)
        return refuse({Errc::MalformedRequest, "text has 1 byte to 16 KiB", {}});
    return acted(call, commands::announce(title, *text, call.context), {{"announced", true}});
}

}   // namespace

std::span<const Route> act_routes() {
    static const std::array routes{
        Route{"GET", "settings", {}, {}, show_settings},
        Route{"PUT", "settings", {}, {"auto_approve", "default_groups"}, put_settings},
        Route{"DELETE", "topics/{name...}", {}, {}, delete_topic},
        Route{"POST", "sessions/end", {}, {"jid"}, end_sessions},
        Route{"POST", "announce", {}, {"subject", "text"}, announce},
    };
    return routes;
}

}   // namespace grid::controller::rest
