// server/grid/fanout.hpp: notifications into the outboxes of those who are to get them.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controller/controller.hpp"
#include "controller/ports.hpp"
#include "pubsub/engine.hpp"
#include "server/log.hpp"
#include "server/router/session_registry.hpp"

namespace grid::server {

/// Serialized once, delivered to many. Per node the recipients are kept as a list of sessions,
/// built when the node publishes and dropped when a subscription, a session or a right changes.
/// Grid strand.
class Fanout final : public controller::SessionControl {
public:
    Fanout(
        pubsub::Engine& broker,
        const controller::Controller& controller,
        SessionRegistry& sessions,
        Log& log
    )
        : broker_(broker), controller_(controller), sessions_(sessions), log_(log) {}

    /// Logged in, and by the certificate that its account belongs to.
    bool may_receive(const Session& session) const;

    // SessionControl
    void notify(pubsub::Notification notification) override;
    void audience_changed(std::uint64_t node) override { audiences_.erase(node); }
    void node_removed(std::uint64_t node) override;
    void close_account(const xml::Jid& bare, xml::StreamError error) override;
    void rights_changed() override { audiences_.clear(); }

    /// A session came, went, or changed its presence: its account's nodes have another audience.
    /// (Looked at with the next notification, so that it costs the same however often it happens.)
    void presence_changed(const xml::Jid& bare) { stale_.insert(bare); }
    /// Puts a stanza into a session's outbox; it leaves with the next flush.
    void send(const SessionPtr& session, Outgoing stanza);
    /// Delivers queued notifications until done (true) or the deadline (false).
    bool deliver(std::chrono::steady_clock::time_point deadline);
    void flush();

    std::uint64_t deliveries() const { return deliveries_; }

private:
    struct Recipient {
        SessionPtr session;
        const std::string* head = nullptr;   // the session's
    };
    using Audience = std::shared_ptr<const std::vector<Recipient>>;

    Audience audience(std::uint64_t node);
    void add_recipients(const xml::Jid& to, std::vector<Recipient>& into) const;
    void close_slow(const SessionPtr& session);
    void close_largest();
    void forget_stale();

    pubsub::Engine& broker_;
    const controller::Controller& controller_;
    SessionRegistry& sessions_;
    Log& log_;
    std::unordered_map<std::uint64_t, Audience> audiences_;
    std::unordered_set<xml::Jid> stale_;   // accounts whose presence changed
    std::deque<pubsub::Notification> queue_;
    Audience current_;       // of queue_.front(), while it is going out
    std::size_t next_ = 0;   // in current_
    std::vector<SessionPtr> dirty_;
    std::uint64_t deliveries_ = 0;
};

}   // namespace grid::server
