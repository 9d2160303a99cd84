// server/grid/fanout_control.cpp: messages and stream ends for one account, besides events.
#include "server/grid/fanout.hpp"

namespace grid::server {

void Fanout::tell(const xml::Jid& full, xml::Bytes rest) {
    const auto session = sessions_.find(full);
    if (!session) return;
    // A session whose certificate does not belong to the account is not the addressee.
    using controller::AccountState;
    if (controller_.state(session->principal) == AccountState::Init &&
        controller_.state(session->bare) != AccountState::Init)
        return;
    send(session, {&session->head_full, std::move(rest), false});
}

void Fanout::close_session(const xml::Jid& full, xml::StreamError error) {
    if (const SessionPtr session = sessions_.find(full)) end(session, std::move(error));
}

void Fanout::close_account(const xml::Jid& bare, xml::StreamError error) {
    for (const auto& session : sessions_.of_account(bare.str())) end(session, error);
}

void Fanout::end(const SessionPtr& session, xml::StreamError error) {
    if (!std::exchange(session->is_ended, true)) presence_changed(session->bare);
    endings_.emplace_back(session, std::move(error));
}

/// Stanzas of this turn leave before the goodbye, and so does the answer to a request that ends its
/// own sender's stream (XEP-0077 §3.2).
void Fanout::end_streams() {
    for (auto& [session, error] : std::exchange(endings_, {})) {
        flush_one(session);
        if (session->transport) session->transport->close(std::move(error));
    }
}

}   // namespace grid::server
