// server/cluster/directory_peer.hpp: another member, its sessions, and what it was told.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "server/cluster/directory.hpp"
#include "server/cluster/remote_session.hpp"

namespace grid::server::cluster {

/// Ends that wait for room in a link. Those beyond are not told: a client that moves may get again
/// what it had in the last second, and its bind waits for DirectorySettings::told_within.
inline constexpr std::size_t ended_most = 10'000;

/// Core strand.
struct Directory::Peer final : public OtherMember {
    Peer(Member who, StanzaOutbox::Send send, std::shared_ptr<Budget> bytes)
        : is(std::move(who)), outbox(std::move(send)), budget(std::move(bytes)) {}

    storage::MemberId member() const override { return is.id; }
    const std::string& name() const override { return is.name; }
    bool ask(const ForwardedQuery& query) override {
        const auto owner = directory.lock();
        return owner && owner->ask(*this, query);
    }

    void end_hibernating(std::uint64_t session) override {
        if (const auto owner = directory.lock()) owner->end_hibernating(*this, session);
    }
    void ask_place(const Session& newcomer, Placed done) override;
    bool has_token(std::uint64_t session, const std::string& token) const override;
    std::uint64_t fetch(const FetchRequest& wanted, Fetched done) override;
    bool take(std::uint64_t number, storage::Revision told_to) override {
        const auto owner = directory.lock();
        return owner && owner->take(number, told_to);
    }
    void leave(std::uint64_t number) override {
        if (const auto owner = directory.lock()) owner->leave(number);
    }

    const Member is;
    StanzaOutbox outbox;
    std::shared_ptr<Budget> budget;   // of its sessions
    std::weak_ptr<Directory> directory;
    bool is_connected = false;
    bool is_reachable = true;   // false: the patience with it is over
    TimePoint since;            // the connection came, or went

    // Sessions of that member.
    struct Known {
        SessionPtr session;
        std::uint64_t words = 0;   // Presence::Words::number
        std::string token_hash;
        std::vector<std::uint64_t> replaced = {};   // SessionConstant::replaced
    };
    std::unordered_map<std::uint64_t, Known> sessions;
    std::unordered_set<std::uint64_t> unlisted;   // not told by this connection yet
    bool is_complete = false;                     // all were
    std::uint64_t taken = 0;                      // stanzas, by number
    bool owes_taken = false;

    // Words to it by this connection.
    struct Told {
        std::uint64_t attachment = 0;   // Session::attachment, with which `constant` was told
        std::uint64_t words = 0;
    };
    std::unordered_map<std::uint64_t, Told> told;
    std::set<std::uint64_t> changed;   // sessions that are to be told
    std::vector<std::uint64_t> gone;
    std::vector<EndOfSession> ended;
    std::deque<PlaceOf> questions;
    std::deque<std::uint64_t> who_has;     // questions, by number
    std::uint64_t marked = 0;              // the last Mark that was sent
    std::uint64_t seen = 0;                // and that it has heard, by any connection
    std::optional<std::uint64_t> listed;   // up to here; nullopt: all are
    bool has_begun = false;                // it has said what it took
    bool is_stuck = false;                 // its queue is full: again with the next tick
};

/// A frame with a stanza, its text read.
struct Directory::Arrived {
    StanzaFrame frame;
    /// Of an answer to a query, and of a message of which copies were made: the start tag.
    std::optional<xml::Element> head;
    std::optional<xml::Element> iq;   // of a query, or the message of a packet
};

}   // namespace grid::server::cluster
