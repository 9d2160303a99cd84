// server/delivery/fanout_flush.cpp: from a session's pending stanzas to its transport, within its
// budget.
#include <map>
#include <utility>

#include "pubsub/model/records.hpp"
#include "server/delivery/fanout.hpp"
#include "server/session/management_words.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server {
namespace {
/// The bytes that fit into one write; waiting for more gains no speed.
constexpr std::size_t waiting_bytes_max = 64 * 1024;

xml::Bytes to_bytes(const xml::Element& element) {
    return std::make_shared<const std::string>(xml::to_string(element, xml::ns::client.uri()));
}

Outgoing element_of(xml::Bytes bytes) {
    return Outgoing::whole(StanzaKind::Element, std::move(bytes));
}

/// Of a notification: what stands in the quotes behind that, escaped. In a quoted value there is no
/// quote.
std::string_view quoted_behind(std::string_view text, std::string_view before) {
    const std::size_t at = text.find(before);
    if (at == std::string_view::npos) return {};
    const std::size_t from = at + before.size();
    return text.substr(from, text.find('\'', from) - from);
}

/// The node at the broker's address whose items a stanza tells of, as it stands there; empty: it
/// tells of none. An account's own address has an `@`.
std::string_view node_told_of(const Outgoing& stanza) {
    static const std::string items =
        "<event xmlns='" + std::string(xml::ns::pubsub_event.uri()) + "'><items node='";
    if (stanza.to == Address::None) return {};
    const std::string_view text = *stanza.text;
    if (quoted_behind(text, " from='").find('@') != std::string_view::npos) return {};
    return quoted_behind(text, items);
}

std::string unescaped(std::string_view value) {
    const auto element = pubsub::parse_payload("<x xmlns='' v='" + std::string(value) + "'/>");
    return element ? std::string(element->attr_or("v", "")) : std::string();
}

/// A message of the same sender that says nothing: it has the other's number in the client's count.
Outgoing without_content(const Outgoing& stanza) {
    const std::string_view text = *stanza.text;
    const std::string_view sender = quoted_behind(text, " from='");
    Outgoing empty = stanza;
    empty.text = std::make_shared<const std::string>(" from='" + std::string(sender) + "'/>");
    return empty;
}
}   // namespace

void Fanout::send(const SessionPtr& session, Outgoing stanza) {
    if (!session->is_open()) return;   // gone: its items are replayed at the next login
    if (session->held && stanza.is_stanza()) {
        if (session->held->hold(stanza)) return;
        for (Outgoing& earlier : session->held->take()) put(session, std::move(earlier));
    }
    put(session, std::move(stanza));
}

void Fanout::let_go(const SessionPtr& session) {
    const auto held = std::exchange(session->held, nullptr);
    if (!held || !session->is_open()) return;
    for (Outgoing& stanza : held->take()) put(session, std::move(stanza));
}

/// To another member at once: presence that is broadcast there keeps its place between stanzas.
void Fanout::put(const SessionPtr& session, Outgoing stanza) {
    if (session->other_member) {
        std::vector<Outgoing> one;
        one.push_back(std::move(stanza));
        return session->transport->send(std::move(one), 0);
    }
    session->pending_bytes += stanza.bytes();
    // Events may wait for each other, up to what fits into one write; answers and replay may not.
    const bool may_wait =
        stanza.is_item && !session->replay && session->pending_bytes < waiting_bytes_max;
    session->pending.push_back(std::move(stanza));
    if (!may_wait && !std::exchange(session->is_urgent, true)) urgent_.push_back(session);
    if (!std::exchange(session->is_dirty, true)) dirty_.push_back(session);
}

void Fanout::send_element(const SessionPtr& session, const xml::Element& element) {
    send(session, element_of(to_bytes(element)));
}

void Fanout::send_element(const SessionPtr& session, xml::Bytes element) {
    send(session, element_of(std::move(element)));
}

void Fanout::flush_now(const SessionPtr& session) {
    if (!session->pending.empty()) urgent_.push_back(session);
    flush();
}

void Fanout::flush() {
    for (const auto& session : std::exchange(urgent_, {})) {
        session->is_urgent = false;
        flush_one(session);
    }
    // The end of a session that hibernates flushes, too.
    for (auto left = dirty_.size(); left != 0 && !dirty_.empty() && !flush_limiter_.is_saturated();
         --left) {
        const auto session = std::move(dirty_.front());
        dirty_.pop_front();
        session->is_dirty = false;
        flush_one(session);
    }
    end_streams();
}

void Fanout::flush_one(const SessionPtr& session) {
    if (session->pending.empty()) return;
    if (!session->is_open()) {
        std::vector<Outgoing>().swap(session->pending);
        session->pending_bytes = 0;
    } else if (session->other_member) {   // gone there with what waited
        session->pending_bytes = 0;
        session->transport->send(std::exchange(session->pending, {}), 0);
    } else if (!hand_over(session)) {
        make_room_for(*session);
        if (!std::exchange(session->is_dirty, true)) dirty_.push_back(session);
    }
}

/// False: the queues of the account, or all together, are full.
bool Fanout::hand_over(const SessionPtr& session) {
    const Room room = take_room(session);
    if (room == Room::Later) return false;
    if (room == Room::Never) {
        close_slow(session);
        return true;
    }
    if (session->pending.empty()) return true;
    session->stanzas_out += session->pending.size();
    counts_.stanzas += session->pending.size();
    if (session->sent_to != session->queued_to) {
        session->sent_to = session->queued_to;
        replay_listener_->on_sent(session);
    }
    if (session->management) keep_unacked(session);
    auto stanzas = std::exchange(session->pending, {});
    const std::size_t bytes = std::exchange(session->pending_bytes, 0);
    if (session->transport) session->transport->send(std::move(stanzas), bytes);
    return true;
}

/// Takes the bytes of `pending` from the session's budget; items for which there is no room are
/// left out.
Fanout::Room Fanout::take_room(const SessionPtr& session) {
    using Taken = Budget::Taken;
    Budget& budget = *session->budget;
    // Items wait in the store while others need the room, so that no stream is closed for it. Items
    // that are not acknowledged leave half of the room to answers and messages.
    const auto used = budget.used();
    const auto most = budget.fair_bytes_max() / (session->management ? 2 : 1);
    // One stanza may be larger than the room. Many that came at once leave some of it to stanzas
    // that are no items.
    const bool is_alone = used == 0 && session->pending.size() == 1;
    const bool is_over = !is_alone && used + session->pending_bytes > most;
    auto taken = is_over ? Taken::Full : budget.take(session->pending_bytes);
    if (taken == Taken::Full) {
        leave_out_items(session);
        if (session->pending.empty()) return Room::Taken;
        taken = budget.take(session->pending_bytes);
    }
    if (taken == Taken::Full && session->management &&
        session->management->unacked.forget(session->pending_bytes))
        taken = budget.take(session->pending_bytes);
    if (taken == Taken::FullAbove) return Room::Later;
    return taken == Taken::Yes ? Room::Taken : Room::Never;
}

/// The stanzas of `pending` stay in the budget until they are acknowledged.
void Fanout::keep_unacked(const SessionPtr& session) {
    Management& management = *session->management;
    std::size_t elements = 0;
    for (const Outgoing& stanza : session->pending) {
        if (!stanza.is_stanza())
            elements += stanza.bytes();
        else
            management.unacked.push(stanza);
    }
    session->budget->give(elements);
    session->pending_bytes = 0;
    if (!session->transport) return;
    if (management.should_ask()) {
        management.asked(std::chrono::steady_clock::now());
        session->pending.push_back(element_of(sm::request()));
    }
    ack_requests_.watch(session);
}

void Fanout::ask_for_acks(std::chrono::steady_clock::time_point now) {
    ack_requests_.tick(now, [this](const SessionPtr& session) {
        send_element(session, sm::request());
    });
}

/// Items were kept while the right to them may have ended: each is asked about as at its delivery.
/// One that the session may not have any more gives way to a message without content, since the
/// numbers of stanzas that the client may have had cannot change (XEP-0198 §4).
void Fanout::send_again(const SessionPtr& session, const xml::Element& first) {
    std::map<std::pair<std::string_view, Address>, bool> rights;
    const auto may_have = [&](const Outgoing& stanza) {
        const std::string_view name = node_told_of(stanza);
        if (name.empty()) return true;
        const auto [known, is_new] = rights.try_emplace({name, stanza.to}, false);
        if (!is_new) return known->second;
        const std::uint64_t node = broker_.node_uid(unescaped(name));
        known->second = node != 0 && broker_.is_in_audience(session->address(stanza.to), node) &&
                        broker_.may_receive_here(session->principal, node);
        return known->second;
    };
    const auto kept = session->management->unacked.kept();
    std::vector<Outgoing> stanzas{element_of(to_bytes(first))};
    for (const Outgoing& stanza : kept)
        stanzas.push_back(may_have(stanza) ? stanza : without_content(stanza));
    session->transport->send(std::move(stanzas), 0);
    if (!kept.empty()) ack_requests_.watch(session);
}

/// Drops the pending items of a reader that is too slow: it is replayed from its position later.
void Fanout::leave_out_items(const SessionPtr& session) {
    const auto left_out = std::erase_if(session->pending, [&](const Outgoing& stanza) {
        if (stanza.is_item) session->pending_bytes -= stanza.bytes();
        return stanza.is_item;
    });
    if (left_out == 0) return;
    replay_listener_->on_dropped(session);
    session->queued_to = session->sent_to;
}

/// Not this session's fault: of those that share the bound which is full, the one that holds most
/// goes, and this one waits for the room. A full account takes none of another account along.
void Fanout::make_room_for(const Session& session) {
    const Budget* full = session.budget->parent().get();
    while (full && full->used() + session.pending_bytes <= full->bytes_max())
        full = full->parent().get();
    if (!full) return;   // there is room again
    SessionPtr largest;
    sessions_.for_each([&](const SessionPtr& other) {
        const Budget* above = other->budget.get();
        while (above && above != full) above = above->parent().get();
        if (!above || !other->is_open()) return;
        if (!largest || other->budget->used() > largest->budget->used()) largest = other;
    });
    if (largest && largest->budget->used() > 0) close_slow(largest);
}

void Fanout::close_slow(const SessionPtr& session) {
    ++counts_.slow_closed;
    log_.warn(
        "slow_reader", {{"session", std::to_string(session->id)},
                        {"jid", session->jid.str()},
                        {"outbox_bytes", std::to_string(session->budget->used())}}
    );
    if (!session->transport)
        return end_hibernating_(session, "what it was sent fills limits.outbox_bytes_max");
    session->transport->close(xml::StreamError{
        "resource-constraint",
        "your stream is not being read: the outbox reached limits.outbox_bytes_max",
        {}
    });
    replay_listener_->detached(*session);
    session->transport = nullptr;
    std::vector<Outgoing>().swap(session->pending);
    session->pending_bytes = 0;
}

}   // namespace grid::server
