// server/delivery/fanout_flush.cpp: from a session's pending stanzas to its transport, within its
// budget.
#include "server/delivery/fanout.hpp"

namespace grid::server {
namespace {
/// The bytes that fit into one write; waiting for more gains no speed.
constexpr std::size_t waiting_bytes_max = 64 * 1024;
}   // namespace

void Fanout::send(const SessionPtr& session, Outgoing stanza) {
    if (!session->transport) return;   // gone: its items are replayed at the next login
    session->pending_bytes += stanza.bytes();
    // Events may wait for each other, up to what fits into one write; answers and replay may not.
    const bool may_wait =
        stanza.is_item && !session->replay && session->pending_bytes < waiting_bytes_max;
    session->pending.push_back(std::move(stanza));
    if (!may_wait && !std::exchange(session->is_urgent, true)) urgent_.push_back(session);
    if (!std::exchange(session->is_dirty, true)) dirty_.push_back(session);
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
    for (auto left = dirty_.size(); left != 0 && !flush_limiter_.is_saturated(); --left) {
        const auto session = std::move(dirty_.front());
        dirty_.pop_front();
        session->is_dirty = false;
        flush_one(session);
    }
    end_streams();
}

void Fanout::flush_one(const SessionPtr& session) {
    if (session->pending.empty()) return;
    if (!session->transport) {
        session->pending = {};
        session->pending_bytes = 0;
    } else if (!hand_over(session)) {
        make_room_for(*session);
        if (!std::exchange(session->is_dirty, true)) dirty_.push_back(session);
    }
}

/// False: the queues of the account, or all together, are full.
bool Fanout::hand_over(const SessionPtr& session) {
    using Taken = Budget::Taken;
    // Items wait in the store while others need the room, so that no stream is closed for it.
    const auto used = session->budget->used();
    const bool is_over =
        used != 0 && used + session->pending_bytes > session->budget->fair_bytes_max();
    auto taken = is_over ? Taken::Full : session->budget->take(session->pending_bytes);
    if (taken == Taken::Full) {
        leave_out_items(session);
        if (session->pending.empty()) return true;
        taken = session->budget->take(session->pending_bytes);
    }
    if (taken == Taken::FullAbove) return false;
    if (taken == Taken::Full) {
        close_slow(session);
        return true;
    }
    session->stanzas_out += session->pending.size();
    if (session->sent_to != session->queued_to) {
        session->sent_to = session->queued_to;
        replay_listener_->on_sent(session);
    }
    session->transport->send(
        std::exchange(session->pending, {}), std::exchange(session->pending_bytes, 0)
    );
    return true;
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
        if (!above || !other->transport) return;
        if (!largest || other->budget->used() > largest->budget->used()) largest = other;
    });
    if (largest && largest->budget->used() > 0) close_slow(largest);
}

void Fanout::close_slow(const SessionPtr& session) {
    log_.warn(
        "slow_reader", {{"session", std::to_string(session->id)},
                        {"jid", session->jid.str()},
                        {"outbox_bytes", std::to_string(session->budget->used())}}
    );
    session->transport->close(xml::StreamError{
        "resource-constraint",
        "your stream is not being read: the outbox reached limits.outbox_bytes_max",
        {}
    });
    replay_listener_->detached(*session);
    session->transport = nullptr;
    session->pending = {};
    session->pending_bytes = 0;
}

}   // namespace grid::server
