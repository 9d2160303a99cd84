// controller/rest/act_routes.cpp: settings, the deletion of a topic, the end of sessions,
// announcements.
#include <array>

#include "controller/administration/session_acts.hpp"
#include "controller/administration/settings_acts.hpp"
#include "controller/administration/topic_acts.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"

namespace grid::controller::rest {

namespace {

json::object settings_json(const administration::LiveSettings& settings) {
    return {
        {"auto_approve", settings.auto_approve},
        {"default_groups", to_json(settings.default_groups)}
    };
}

HttpDecision show_settings(const Call& call) {
    json::object body = settings_json(administration::live_settings(call.state.settings));
    body["configured"] = settings_json(administration::live_settings(call.state.configured));
    return ok(std::move(body));
}

/// Settings that the body does not name stay as they are.
HttpDecision put_settings(const Call& call) {
    administration::LiveSettings wanted = administration::live_settings(call.state.settings);
    const json::object& body = call.request.body;
    if (body.contains("auto_approve")) {
        const auto flag = optional_flag(body, "auto_approve");
        if (!flag) return refuse(flag.error());
        wanted.auto_approve = *flag;
    }
    if (const json::value* groups = body.if_contains("default_groups")) {
        const auto names = optional_groups({{"groups", *groups}});
        if (!names) return refuse(names.error());
        wanted.default_groups = **names;
    }
    auto batch = administration::change_settings(call, wanted);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok(settings_json(wanted)));
}

HttpDecision delete_topic(const Call& call) {
    const std::string& name = call.request.in_path("name");
    auto batch = administration::delete_topic(call, name);
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"deleted", name}}));
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
    auto batch = administration::end_sessions(call, {*jid});
    if (!batch) return refuse(batch.error());
    return changed(std::move(*batch), ok({{"ended", count}}));
}

HttpDecision announce(const Call& call) {
    const auto text = required_text(call.request.body, "text");
    if (!text) return refuse(text.error());
    const auto subject = optional_text(call.request.body, "subject");
    if (!subject) return refuse(subject.error());
    const std::string title = subject->value_or("");
    if (text->find_first_not_of(" \t\r\n") == std::string::npos ||
        text->size() + title.size() > administration::announcement_bytes_max)
        return refuse({Errc::MalformedRequest, "text has 1 byte to 16 KiB", {}});
    return changed(administration::announce(call, title, *text), ok({{"announced", true}}));
}

}   // namespace

std::span<const Route> act_routes() {
    static const std::array routes{
        Route{"GET", "settings", {}, {}, show_settings, Act::ReadSettings, settings_tag},
        Route{
            "PUT",
            "settings",
            {},
            {"auto_approve", "default_groups"},
            put_settings,
            Act::ChangeSettings,
            settings_tag
        },
        Route{"DELETE", "topics/{name...}", {}, {}, delete_topic, Act::DeleteTopics, topic_tag},
        Route{"POST", "sessions/end", {}, {"jid"}, end_sessions, Act::EndSessions},
        Route{"POST", "announce", {}, {"subject", "text"}, announce, Act::Announce},
    };
    return routes;
}

}   // namespace grid::controller::rest
