// server/bulk/permits.hpp: the right to a byte stream: the policy's, from account to account, or a
// permit that a provider's answer to a BulkQuery gave to the two clients.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

#include "controller/controller.hpp"
#include "server/session/session.hpp"

namespace grid::server::bulk {

/// A client that may take the past of a topic is sent it by a provider of the topic, for which the
/// policy need not allow the provider to send bulk data to that client at will: the answer that
/// names a stream's id permits this one stream, from this provider's session to that client's, once
/// and soon. Core strand only.
class Permits {
public:
    using Time = std::chrono::steady_clock::time_point;
    /// The stream has to begin within so long.
    static constexpr auto seconds_max = std::chrono::minutes(5);
    static constexpr std::size_t total_max = 10'000, per_provider_max = 256;

    explicit Permits(const controller::Controller& controller) : controller_(controller) {}

    using Question = std::shared_ptr<const xml::Element>;   // gi::bulk_question
    /// The provider has answered that question of the client's with a stream of that id. An earlier
    /// permit of the same id is replaced; without room there is none.
    void give(
        const Session& provider,
        const Session& client,
        const std::string& sid,
        Question question,
        Time now
    );

    struct Right {
        /// Asked when the stream begins, and while it runs.
        std::function<pubsub::Verdict()> check;
        /// Of the one that asked for the stream: its quotas are used.
        std::string account, address;   // bare; of the network
        bool is_permit = false;
    };
    Right right_to(const Session& from, const Session& to, std::string_view sid, Time now) const;
    /// The stream has begun.
    void use(const Session& from, const Session& to, std::string_view sid);
    /// Whether it may begin some stream by a permit.
    bool has_any(const xml::Jid& from, Time now) const;
    std::size_t size() const { return permits_.size(); }

private:
    using Key = std::tuple<std::string, std::string, std::string>;   // provider, client, id
    struct Permit {
        std::uint64_t provider = 0, client = 0;   // sessions
        pubsub::Principal asker;
        Question question;
        std::multimap<Time, Key>::iterator end;
    };
    static Key key_of(const Session& from, const Session& to, std::string_view sid);
    const Permit* find(const Session& from, const Session& to, std::string_view sid, Time now)
        const;
    /// The keys of permits whose provider's address begins so.
    std::size_t count_of(const std::string& provider) const;
    void forget(const Key& key);

    const controller::Controller& controller_;
    std::multimap<Time, Key> by_time_;
    std::map<Key, Permit> permits_;
};

}   // namespace grid::server::bulk
