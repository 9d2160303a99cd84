// server/router/presence.cpp: a session says that it is there, how, and that it is no more.
#include <algorithm>
#include <cstdlib>

#include "server/router/router.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server {

namespace {

/// RFC 6121 §4.7.2.1.
pubsub::Show show_of(const xml::Element& presence) {
    const auto* child = presence.child("show");
    const std::string text = child ? child->text() : "";
    if (text == "away") return pubsub::Show::Away;
    if (text == "chat") return pubsub::Show::Chat;
    if (text == "dnd") return pubsub::Show::Dnd;
    if (text == "xa") return pubsub::Show::ExtendedAway;
    return pubsub::Show::Online;
}

}   // namespace

void Router::take_presence(
    const SessionPtr& session, const xml::Element& presence, const xml::Jid& to
) {
    if (!to.empty()) {
        if (auto type = presence.attr_or("type", ""); type == "subscribe" || type == "probe")
            reply_error(session, presence, xml::service_unavailable("presence is not shared here"));
        return;
    }
    auto type = presence.attr_or("type", "");
    if (type == "unavailable") {
        set_active(session, false);
    } else if (type.empty()) {
        int priority = 0;
        if (const auto* child = presence.child("priority")) {
            auto text = child->text();
            priority = std::clamp(std::atoi(text.c_str()), -128, 127);
        }
        const auto show = show_of(presence);
        const bool moved = priority != session->priority || show != session->show;
        const bool is_back = session->priority < 0 && priority >= 0;
        session->priority = priority;
        session->show = show;
        if (session->is_active && moved) fanout_.presence_changed(session->bare);
        if (session->is_active && is_back) catch_up_.came(session);
        // Initial presence is login (B.3), which only an enabled account may.
        if (controller_.state(session->principal) == controller::AccountState::Enabled)
            set_active(session, true);
    }
}

void Router::set_active(const SessionPtr& session, bool active) {
    if (session->is_active == active) return;
    // What it has is noted while it still counts as one of those who receive.
    if (!active) catch_up_.went(session, {});
    session->is_active = active;
    fanout_.presence_changed(session->bare);
    if (active) catch_up_.came(session);
}

}   // namespace grid::server
