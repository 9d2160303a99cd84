// server/delivery/offline_delivery.hpp: messages that waited go to a session that takes them
// (XEP-0160), the oldest first.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/controller.hpp"
#include "controller/messages/offline_messages.hpp"
#include "server/delivery/fanout.hpp"
#include "server/net/tls_stream.hpp"
#include "server/session/registry.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// Of each account one session at a time is given the messages, in parts, as fast as it reads. A
/// message is erased after it has reached the session: as far as TCP tells (Transport::mark). Until
/// then another session gets it, should this one end: so a crash or a lost stream repeats messages
/// and loses none. Core strand.
class OfflineDelivery {
public:
    OfflineDelivery(
        net::Strand strand,
        storage::Store& store,
        controller::Controller& controller,
        SessionRegistry& sessions,
        Fanout& fanout,
        Log& log,
        storage::Millis keep_ms
    )
        : strand_(std::move(strand)),
          store_(store),
          controller_(controller),
          sessions_(sessions),
          fanout_(fanout),
          log_(log),
          keep_ms_(keep_ms) {}

    /// The session takes messages for its bare JID from now on.
    void on_available(const SessionPtr& session);
    /// A message for that account was committed.
    void on_stored(const std::string& account);
    /// The session's transport has ended.
    void on_unavailable(const SessionPtr& session, const Delivered& delivered);
    /// Whether messages for that account are still to be sent, or are being committed: a later one
    /// goes behind them.
    bool is_behind(const std::string& account) const;
    /// The session that gets the messages which waited; null: none is on its way.
    SessionPtr taker(const std::string& account) const;
    // A session that moves to another member of a cluster is sent none meanwhile.
    HandedMessages handed_over(const Session& session) const;
    void gone(const Session& session);
    void come(const SessionPtr& session, const HandedMessages& handed);
    /// In a cluster: up to which message those have arrived that sessions here were sent since the
    /// last call; 0: none did.
    storage::Revision take_arrived(const std::string& account);
    /// Called every 100 ms or more often: sessions that had no room, what has arrived.
    void tick();

private:
    struct Way {
        std::weak_ptr<Session> to;
        storage::Revision sent_to = 0;     // the last message that went to the session
        storage::Revision marked_to = 0;   // `mark` stands behind it
        std::uint64_t mark = 0;
        bool is_counted = false;   // the mark is a number of stanzas (XEP-0198)
        /// Of a client that counts: which of its stanzas each message is.
        std::deque<std::pair<std::uint64_t, storage::Revision>> counted;
        bool is_reading = false;
        std::chrono::steady_clock::time_point again_at;   // not before, after a fault
    };
    using Ways = std::map<std::string, std::shared_ptr<Way>, std::less<>>;

    bool takes(const Session& session) const;
    SessionPtr find_taker(const std::string& account) const;
    SessionPtr find_taker_elsewhere(const std::string& account) const;
    std::vector<controller::OfflineMessages::Message> next(
        const std::string& account,
        const Way& way,
        std::size_t messages_max = 1,
        std::size_t bytes_max = 1
    ) const;
    void go_on(const std::string& account);
    void read(const std::string& account, const std::shared_ptr<Way>& way);
    void send(
        const SessionPtr& session,
        const controller::OfflineMessages::Message& message,
        const controller::OfflineMessages::Text& text
    );
    void ask(const std::string& account, const std::shared_ptr<Way>& way);
    void arrived(const std::string& account, storage::Revision up_to);
    /// The client has acknowledged all its stanzas up to that one.
    void acknowledged(const std::string& account, Way& way, std::uint64_t up_to);

    net::Strand strand_;
    storage::Store& store_;
    controller::Controller& controller_;
    SessionRegistry& sessions_;
    Fanout& fanout_;
    Log& log_;
    storage::Millis keep_ms_;
    Ways ways_;
    std::map<std::string, storage::Revision> arrived_;   // of accounts with sessions here
    std::string looked_at_;                              // the last account at which `tick` looked
};

}   // namespace grid::server
