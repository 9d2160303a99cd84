// server/router/pending_queries.hpp: iqs between clients that wait for their answer: asker,
// provider and time.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "controller/bulk/offers.hpp"
#include "xml/element.hpp"
#include "xml/jid.hpp"

namespace grid::server {

/// Core strand only. Bounded per asker and as a whole; who does not answer in time has not
/// answered.
class Queries {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Bounds {
        std::size_t per_session_max = 256;
        std::size_t total_max = 100'000;
        std::chrono::seconds timeout{120};
    };
    /// A query that waits for its answer.
    struct Query {
        std::uint64_t asker = 0;      // session
        std::uint64_t answerer = 0;   // session
        xml::Jid from, to;            // full JIDs of the two
        std::string id;
        xml::Jid asked;   // the address that was asked, where it was another one; else empty
        std::optional<controller::bulk::Offer> offer;        // of an in-band stream: open or close
        std::shared_ptr<const xml::Element> bulk_question;   // null: it is no BulkQuery
        /// The right that it rests on is asked about again when it is answered.
        enum class Right : std::uint8_t {
            None,
            Query,
            Message,
            AmongClients,   // `message`, and presence that is shared
            Elsewhere       // Query or AmongClients: the answerer's member knows which
        } right = Right::None;
        std::shared_ptr<const xml::Element> question;   // the payload; null: of None, of Message
        Time until;
    };
    enum class Taken { Yes, Busy, Duplicate };

    explicit Queries(Bounds bounds) : bounds_(bounds) {}

    Taken add(Query query, Time now);
    /// The query that this session answers; nullopt when it was not asked.
    std::optional<Query> answer(
        std::uint64_t answerer, const xml::Jid& asker, const std::string& id
    );
    /// The query of that session that `from` has answered, by its own address or the one that was
    /// asked: where its answerer is on another member of a cluster.
    std::optional<Query> take_by_asker(
        std::uint64_t asker, const xml::Jid& from, const std::string& id
    );
    /// A session has logged out: the queries that get no answer from it any more. Its own go on.
    std::vector<Query> logged_out(std::uint64_t session);
    /// A session is gone: the same, and its own ones are forgotten.
    std::vector<Query> session_ended(std::uint64_t session);
    /// A session moves to another member of a cluster: those that it asked, and was asked.
    std::vector<Query> session_moves(std::uint64_t session);
    std::vector<Query> expired(Time now, std::size_t max);
    std::size_t size() const { return waiting_.size(); }

private:
    using Key = std::tuple<std::uint64_t, std::string, std::string>;   // answerer, asker's JID, id
    std::map<Key, Query>::iterator remove(std::map<Key, Query>::iterator at);

    Bounds bounds_;
    std::map<Key, Query> waiting_;   // by answerer first
    std::map<std::uint64_t, std::set<Key>> by_asker_;
    std::set<std::pair<Time, Key>> by_time_;
};

}   // namespace grid::server
