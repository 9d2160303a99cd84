// server/router/router_presence.cpp: a session says that it is there, how, and that it is no more.
#include <algorithm>
#include <cstdlib>

#include "server/clock.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"
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
    // Presence is not shared here. RFC 6121 §8.5.1, §8.5.2: requests to an account that is not
    // there get no answer, so that none is got anywhere: accounts cannot be probed.
    if (!to.empty()) return;
    auto type = presence.attr_or("type", "");
    if (type == "unavailable") {
        session->is_present = false;
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
        if (session->is_active && session->priority >= 0 && priority < 0)
            catch_up_.stepped_back(session);
        session->priority = priority;
        session->show = show;
        if (session->is_active && moved) fanout_.presence_changed(session->bare);
        if (session->is_active && is_back) catch_up_.stepped_forth(session);
        // Initial presence logs in, which only an enabled account may.
        if (controller_.state(session->principal) != controller::AccountState::Enabled) return;
        session->is_present = true;
        set_active(session, true);
    }
}

void Router::set_active(const SessionPtr& session, bool active) {
    if (session->is_active == active) return;
    // The position is stored while the session still counts as a recipient.
    if (!active) catch_up_.paused(session);
    session->is_active = active;
    controller_.record_session(
        session->identity, active ? "login" : "logout", session->principal.address, ""
    );
    fanout_.presence_changed(session->bare);
    if (active) {
        catch_up_.on_available(session);
        controller_.logged_in(session->jid, now(), fanout_);
    } else {
        end_presence(session);
    }
}

void Router::end_presence(const SessionPtr& session) {
    session->is_present = false;
    controller_.session_ended(session->id);
    forget_queries(session);
    auto end = [this, session] {
        const auto& others = sessions_.of_account(session->bare.str());
        const auto is_there = [&](const SessionPtr& other) {
            return other != session && (other->is_active || other->jid == session->jid);
        };
        const bool is_last = std::ranges::none_of(others, is_there);
        if (session->is_active) return;   // the session logged in again meanwhile
        const auto successor = sessions_.find(session->jid);
        if (!successor || successor == session) broker_.session_ended(session->jid, is_last);
    };
    if (!session->queue || session->queue->empty()) return end();
    // A subscription that is being committed is temporary, too.
    session->queue->push(std::make_unique<CallbackTransaction<pubsub::Reply, xml::StanzaError>>(
        [](const pubsub::Context&) { return pubsub::Decision(pubsub::Reply{}); }, to_stanza_error,
        [end](const auto&) { end(); }
    ));
}

}   // namespace grid::server
