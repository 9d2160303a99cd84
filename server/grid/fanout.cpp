// server/grid/fanout.cpp: from a notification to outboxes.
#include "server/grid/fanout.hpp"

namespace grid::server {
namespace {
/// How many deliveries pass between two looks at the clock.
constexpr std::size_t deliveries_per_look = 256;
}   // namespace

void Fanout::notify(pubsub::Notification notification) {
    queue_.push_back(std::move(notification));
}

void Fanout::node_removed(std::uint64_t node) {
    // Behind what is still to be said to its subscribers.
    pubsub::Notification end;
    end.node = node;
    queue_.push_back(std::move(end));
}

bool Fanout::may_receive(const Session& session) const {
    return session.is_active &&
           controller_.state(session.principal) == controller::AccountState::Enabled;
}

void Fanout::add_recipients(const xml::Jid& to, std::vector<Recipient>& into) const {
    if (!to.is_bare()) {
        auto session = sessions_.find(to);
        if (session && may_receive(*session)) into.push_back({session, &session->head_full});
        return;
    }
    // RFC 6121 §8.5.2.1: never to a negative priority; all others that logged in.
    for (const auto& session : sessions_.of_account(to.str()))
        if (may_receive(*session) && session->priority >= 0)
            into.push_back({session, &session->head_bare});
}

Fanout::Audience Fanout::audience(std::uint64_t node) {
    auto& known = audiences_[node];
    if (!known) {
        auto recipients = std::make_shared<std::vector<Recipient>>();
        for (const auto& subscriber : broker_.audience(node))
            add_recipients(subscriber.jid, *recipients);
        known = std::move(recipients);
    }
    return known;
}

bool Fanout::deliver(std::chrono::steady_clock::time_point deadline) {
    if (!queue_.empty() && !stale_.empty()) forget_stale();
    std::size_t since_look = 0;
    while (!queue_.empty()) {
        auto& notification = queue_.front();
        if (!notification.rest) {
            audiences_.erase(notification.node);
            queue_.pop_front();
            continue;
        }
        if (!current_) {
            if (notification.to.empty() && notification.node != 0) {
                current_ = audience(notification.node);
            } else {
                auto recipients = std::make_shared<std::vector<Recipient>>();
                if (notification.node != 0) *recipients = *audience(notification.node);
                for (const auto& to : notification.to) add_recipients(to, *recipients);
                current_ = std::move(recipients);
            }
            next_ = 0;
        }
        while (next_ < current_->size()) {
            if (++since_look == deliveries_per_look) {
                since_look = 0;
                if (std::chrono::steady_clock::now() >= deadline) return false;
            }
            const auto& [session, head] = (*current_)[next_++];
            send(session, {head, notification.rest});
            ++deliveries_;
        }
        current_ = nullptr;
        queue_.pop_front();
    }
    return true;
}

void Fanout::send(const SessionPtr& session, Outgoing stanza) {
    if (!session->transport) return;   // gone; what is owed to it is not kept here
    session->pending_bytes += stanza.bytes();
    session->pending.push_back(std::move(stanza));
    if (session->is_dirty) return;
    session->is_dirty = true;
    dirty_.push_back(session);
}

void Fanout::flush() {
    for (const auto& session : std::exchange(dirty_, {})) {
        session->is_dirty = false;
        if (!session->transport) {
            session->pending = {};
            session->pending_bytes = 0;
            continue;
        }
        using Taken = net::Budget::Taken;
        const auto taken = session->budget->take(session->pending_bytes);
        if (taken == Taken::FullAbove) {
            // Not this session's fault: the one that holds most goes, this one waits for the room.
            close_largest();
            session->is_dirty = true;
            dirty_.push_back(session);
        } else if (taken == Taken::Full) {
            close_slow(session);
        } else {
            session->stanzas_out += session->pending.size();
            session->transport->send(
                std::exchange(session->pending, {}), std::exchange(session->pending_bytes, 0)
            );
        }
    }
}

void Fanout::close_largest() {
    SessionPtr largest;
    sessions_.for_each([&](const SessionPtr& session) {
        if (session->transport && (!largest || session->budget->used() > largest->budget->used()))
            largest = session;
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
    session->transport = nullptr;
    session->pending = {};
    session->pending_bytes = 0;
}

void Fanout::forget_stale() {
    for (const auto& bare : std::exchange(stale_, {}))
        for (auto node : broker_.subscribed_nodes(bare)) audiences_.erase(node);
}

void Fanout::close_account(const xml::Jid& bare, xml::StreamError error) {
    for (const auto& session : sessions_.of_account(bare.str()))
        if (session->transport) session->transport->close(error);
}

}   // namespace grid::server
