// server/core/core_other_members.cpp: sessions on other members of a cluster, as the directory
// tells of them.
#include "server/core/core.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::server {

void Core::enter_elsewhere(const SessionPtr& session) { sessions_.enter_elsewhere(session); }

void Core::replaced_elsewhere(const SessionPtr& session) {
    sessions_.leave(*session);
    replaced_by_bind(session);
}

void Core::said_elsewhere(const SessionPtr& session, const Presence::Words& words) {
    if (words.is_available)
        presence_.announce(session, *words.rest, {});
    else
        presence_.withdraw(session, words.rest ? *words.rest : std::string());
}

void Core::set_active_elsewhere(const SessionPtr& session, bool is_active) {
    if (session->is_active == is_active) return;
    session->is_active = is_active;
    if (is_active) return;
    router_.logged_out_elsewhere(session);
    if (sessions_.count_here(session->bare.str()) != 0) offline_.on_stored(session->bare.str());
}

void Core::leave_elsewhere(const SessionPtr& session) {
    session->state = Session::State::Ended;
    session->is_active = false;
    presence_.withdraw(session);   // without a transport: its member is lost
    session->transport = nullptr;
    router_.logged_out_elsewhere(session);
    in_band_.session_ended(*session);
    presence_.forget(*session);
    sessions_.leave(*session);
    catch_up_.left_elsewhere(session->bare.str(), session->other_member->member());
    // A session here may be the one that takes the messages which wait.
    if (sessions_.count_here(session->bare.str()) != 0) offline_.on_stored(session->bare.str());
}

void Core::tell_end(const Session& session) {
    SessionWatcher* const watcher = sessions_.watcher();
    if (watcher == nullptr) return;
    const std::string bare = session.bare.str();
    watcher->on_ended(
        {session.id, session.jid, catch_up_.known(session.jid.str()), catch_up_.known(bare),
         offline_.take_arrived(bare)}
    );
}

void Core::ended_elsewhere(const EndOfSession& end) {
    const std::string bare(end.jid.bare_view());
    catch_up_.known_elsewhere(end.jid.str(), end.items);
    catch_up_.known_elsewhere(bare, end.account_items);
    controller_.offline().delivered_elsewhere(bare, end.messages, fanout_.applied());
}

void Core::reach_elsewhere(const SessionPtr& session, std::shared_ptr<Transport> transport) {
    session->transport = std::move(transport);
}

void Core::undelivered(const SessionPtr& session, std::vector<Outgoing> messages) {
    router_.hand_on(
        session, std::move(messages),
        [this](const std::shared_ptr<SenderQueue>& queue) { pipeline_->advance(queue); }
    );
}

void Core::deliver_here(
    const SessionPtr& target, Outgoing stanza, const std::optional<xml::Element>& head
) {
    router_.deliver_here(
        target, std::move(stanza), head,
        [this](const std::shared_ptr<SenderQueue>& queue) { pipeline_->advance(queue); }
    );
}

void Core::take_elsewhere(const SessionPtr& asker, xml::Element iq, const ForwardedQuery& query) {
    router_.take_elsewhere(asker, std::move(iq), query);
}

void Core::unanswered_elsewhere(const ForwardedQuery& query) { router_.unanswered(query); }

void Core::note_waiting(const storage::Committed& committed) {
    for (const storage::Write& write : committed.batch.operations) {
        if (write.erase || write.family != storage::Family::Index) continue;
        storage::Decoder key(write.key);
        if (key.u8() != static_cast<std::uint8_t>(storage::Tag::Message)) continue;
        const std::string account(key.text());
        if (key.ok() && sessions_.count_here(account) != 0) offline_.on_stored(account);
    }
}

}   // namespace grid::server
