// server/net/entrance.hpp: how many connections are taken, and which one gives way to a newcomer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace grid::server::net {

/// Of displaced connections whose descriptors are not closed yet, where `most` may be open.
inline std::size_t leaving_max(std::size_t most) {
    return std::clamp<std::size_t>(most / 8, 4, 64);
}

/// Counts connections in all and per source (source.hpp), and apart from those the strangers: the
/// connections that have not shown yet whose they are. Strangers keep no newcomer out: where a
/// bound is reached a stranger is closed for the newcomer. That one is taken from the source that
/// has the most of them, so that a crowd from a few addresses displaces itself (up to a sixteenth
/// of the places all sources are alike); there first the oldest that has not sent a byte, then the
/// oldest that has not begun TLS, then the oldest. Any thread; the lock is taken a few times per
/// connection.
class Entrance : public std::enable_shared_from_this<Entrance> {
public:
    /// The names are the configuration's, for the reasons of refusals.
    struct Bound {
        std::size_t most = SIZE_MAX;
        std::string name;
    };
    struct Bounds {
        Bound all, per_source, strangers, strangers_per_source;
        std::size_t leaving = leaving_max(256);
    };
    class Place;
    struct Entered {
        std::shared_ptr<Place> place;   // null: refused
        std::string reason;             // why, or why another one had to give way; else empty
    };

    explicit Entrance(Bounds bounds) : bounds_(std::move(bounds)) {}
    Entered enter(const std::string& source);
    std::size_t connections() const;

private:
    using Displaced = std::function<void()>;
    struct Source {
        std::size_t all = 0;
        std::array<std::set<std::uint64_t>, 3> stages;   // strangers, by Place::Stage
        std::size_t strangers() const {
            return stages[0].size() + stages[1].size() + stages[2].size();
        }
        void erase(std::uint64_t id) {
            for (auto& stage : stages) stage.erase(id);
        }
    };
    using Sources = std::map<std::string, Source>;
    /// Of a source and a stage. The first is the next to give way.
    struct Rank {
        std::size_t strangers = 0;   // of all stages; at least as many as are no crowd
        std::size_t stage = 0;
        std::uint64_t oldest = 0;
        Sources::iterator source;
        bool operator<(const Rank& other) const;
    };
    static Rank rank_of(Sources::iterator source);
    template <class Use>
    void each_rank(Sources::iterator source, Use use) const;
    /// Changes a source and its ranks together.
    template <class Change>
    void change(Sources::iterator source, Change change);
    void forget(Sources::iterator source);
    void displace(std::uint64_t id, Sources::iterator newcomer, Displaced& then);
    std::uint64_t first_to_go() const;
    /// Makes room where `source` is at its own bounds, then in all; or says why there is none.
    std::string make_room(
        Sources::iterator source, std::string& reason, std::array<Displaced, 2>& then
    );
    void leave(Place& place);

    void reach(Place& place, std::size_t stage);
    bool keep(Place& place);
    void closed(Place& place);

    const Bounds bounds_;
    mutable std::mutex mutex_;
    std::uint64_t last_id_ = 0;
    std::size_t all_ = 0, strangers_ = 0, leaving_ = 0;
    Sources sources_;
    std::set<Rank> ranks_;   // of sources with strangers, one for each stage
    std::map<std::uint64_t, Place*> places_;
};

/// One connection, from its acceptance to its end. Counted until it is destroyed.
class Entrance::Place {
public:
    Place(std::shared_ptr<Entrance> entrance, Sources::iterator source, std::uint64_t id)
        : entrance_(std::move(entrance)), source_(source), id_(id) {}
    ~Place() { entrance_->closed(*this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// `then` closes the connection when it has to give way; from any thread, at most once, never
    /// under the lock. At once when that has happened already.
    void on_displaced(Displaced then);
    enum class Stage { Silent, Speaking, Tls };
    /// The peer has sent a byte; it has begun TLS. A stage that is behind it is no news.
    void speak() { entrance_->reach(*this, static_cast<std::size_t>(Stage::Speaking)); }
    void begin() { entrance_->reach(*this, static_cast<std::size_t>(Stage::Tls)); }
    /// The connection's owner is known, and may stay: the place gives way to none. False when
    /// it has been displaced.
    bool keep() { return entrance_->keep(*this); }
    /// The descriptor is closed; the rest of the connection may live on.
    void close() { entrance_->closed(*this); }

private:
    friend class Entrance;
    enum class State { Stranger, Kept, Displaced, Closed };
    std::shared_ptr<Entrance> entrance_;
    Sources::iterator source_;
    std::uint64_t id_;
    State state_ = State::Stranger;   // under the lock of the entrance, like the rest
    std::size_t stage_ = 0;
    Displaced then_;
};

}   // namespace grid::server::net
