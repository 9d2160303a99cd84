// server/router/relay_message.cpp: messages from one client to another.
#include "server/router/router.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server {

void Router::take_relayed(const SessionPtr& session, const Inbound& inbound) {
    const auto& stanza = inbound.stanza;
    auto type = stanza.attr_or("type", "normal");
    if (stanza.name() == "iq")
        return type == "get" || type == "set" ? take_query(session, inbound)
                                              : take_answer(session, inbound);
    auto refuse = [&] {
        if (type != "error" && type != "result" && type != "headline")
            reply_error(session, stanza, xml::service_unavailable("nobody is there"));
    };
    const xml::Jid& to = inbound.to.empty() ? session->bare : inbound.to;
    // As for a missing account, so that accounts cannot be probed (B.1).
    if (controller_.state(to.bare()) != controller::AccountState::Enabled) return refuse();
    if (type == "groupchat") return refuse();
    // Nobody fills another's outbox, so that he would be closed for it: half of it is for events.
    bool is_full = false;
    const auto relay = [&](const SessionPtr& target) {
        const auto& budget = *target->budget;
        const std::size_t used = budget.used() + target->pending_bytes;
        if (used != 0 && used + inbound.relayed->size() > budget.fair_bytes_max() / 2) {
            is_full = true;
            return false;
        }
        fanout_.send(target, {nullptr, inbound.relayed});
        return true;
    };
    bool reached = false;
    auto target = to.is_bare() ? nullptr : sessions_.find(to);
    if (target && fanout_.may_receive(*target)) {
        reached = relay(target);
    } else {   // RFC 6121 §8.5.2.1.1
        for (const auto& other : sessions_.of_account(to.bare_view()))
            if (fanout_.may_receive(*other) && other->priority >= 0)
                reached = relay(other) || reached;
    }
    if (reached) return;
    if (is_full && type != "error")
        return reply_error(
            session, stanza, xml::resource_constraint("the addressee does not read: try later")
        );
    refuse();
}

}   // namespace grid::server
