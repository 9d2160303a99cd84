// server/presence/last_items.hpp: the last items of accounts' own nodes, for sessions that became
// available (XEP-0163 §4.3.4). Core strand.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/controller.hpp"
#include "pubsub/broker.hpp"
#include "server/delivery/fanout.hpp"
#include "server/log.hpp"
#include "server/presence/interests.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// One round per session goes over its own account and those whose presence it gets. Payloads are
/// read in parts, as fast as the session takes them, and rounds go on in turn, a slice at a time.
class LastItems {
public:
    /// Puts work behind what the core strand has to do already. Any thread.
    using Post = std::function<void(std::function<void()> work)>;

    LastItems(
        Post post,
        storage::Store& store,
        const controller::Controller& controller,
        const pubsub::Broker& broker,
        const Interests& interests,
        Fanout& fanout,
        Log& log
    )
        : post_(std::move(post)),
          store_(store),
          controller_(controller),
          broker_(broker),
          interests_(interests),
          fanout_(fanout),
          log_(log) {}

    /// Of all these accounts. `had`: the nodes that the session's client asked for before, whose
    /// items it has; null: none.
    void begin(const SessionPtr& session, presence::WantsPtr had);
    /// Of one account more: a contact's subscription to its presence has begun.
    void begin(const SessionPtr& session, std::string owner);
    /// Items for the session were left out, maybe of these nodes: all of them again, when it reads.
    void missed(const SessionPtr& session);
    /// Called every 100 ms or more often: sessions that had no room.
    void tick();

private:
    struct Round {
        std::weak_ptr<Session> to;
        presence::WantsPtr had;
        std::deque<std::string> owners;        // single ones, before the others
        bool is_of_all = false;                // the roster is gone through
        std::string at;                        // the last contact of it that was looked at
        std::vector<pubsub::OwedItem> items;   // to be read
        bool is_reading = false;
        std::chrono::steady_clock::time_point again_at;   // not before
    };
    using RoundPtr = std::shared_ptr<Round>;

    RoundPtr round_of(const SessionPtr& session);
    void plan();
    void work();
    /// False: the round is over.
    bool go_on(const RoundPtr& round, std::chrono::steady_clock::time_point deadline);
    /// The next account; nullopt: there is none.
    std::optional<std::string> next_owner(Round& round, const Session& session) const;
    bool has_room(const Session& session) const;
    void read(const SessionPtr& session, const RoundPtr& round);
    void tell(
        const SessionPtr& session,
        const std::vector<pubsub::OwedItem>& items,
        const std::vector<std::string>& payloads
    );

    Post post_;
    storage::Store& store_;
    const controller::Controller& controller_;
    const pubsub::Broker& broker_;
    const Interests& interests_;
    Fanout& fanout_;
    Log& log_;
    std::map<std::uint64_t, RoundPtr> rounds_;   // by session
    std::uint64_t worked_at_ = 0;                // the last session whose round went on
    bool is_planned_ = false;
};

}   // namespace grid::server
