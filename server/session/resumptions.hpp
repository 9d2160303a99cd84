// server/session/resumptions.hpp: the tokens with which sessions are resumed, and the sessions
// that wait for it (XEP-0198 §5).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/session/session.hpp"

namespace grid::server {

/// Core strand. A token is 64 bits by which it is found and 128 that are compared in constant time,
/// both unpredictable. Of sessions that ended the counts are remembered for a while, so that a
/// client that comes too late learns what was handled.
class Resumptions {
public:
    using Clock = std::chrono::steady_clock;

    /// A new token for that session.
    std::string issue(const SessionPtr& session);
    /// A session that came from another member of a cluster keeps its token.
    void adopt(const SessionPtr& session);
    /// The session has gone to another member, and its token with it.
    void forget(const Session& session);
    /// Others may know it: the token does not follow from it. Any thread.
    static std::string hash_of(std::string_view token);
    /// Null: no session has it.
    SessionPtr find(std::string_view token) const;
    /// The session can be resumed no more; `handled`: by its last count.
    void end(const Session& session, std::uint32_t handled);
    /// The count of an ended session, for its own account and key only.
    std::optional<std::uint32_t> handled_by_ended(
        std::string_view token, const controller::Identity& asker
    ) const;

    // Sessions without a transport, by the time at which they end.
    void wait(const Session& session, Clock::time_point until);
    void wait_no_more(const Session& session);
    /// The session whose time ends next; 0: none waits.
    std::uint64_t next() const { return waiting_.empty() ? 0 : waiting_.begin()->second; }
    /// Sessions whose time is over, `most` of them.
    std::vector<std::uint64_t> due(Clock::time_point now, std::size_t most) const;
    std::size_t waiting() const { return waiting_.size(); }

    /// Both certificates are of one account and one key: what a token is bound to.
    static bool is_same(const controller::Identity& one, const controller::Identity& other);

private:
    struct Ended {
        std::string token;
        std::string account, key;
        std::uint32_t handled = 0;
    };
    /// The part by which it is found; of what is no token any number, since all of it is compared.
    static std::uint64_t selector_of(std::string_view token);

    std::unordered_map<std::uint64_t, SessionPtr> by_selector_;
    std::unordered_map<std::uint64_t, Ended> ended_;
    std::deque<std::uint64_t> ended_order_;   // the oldest first
    std::set<std::pair<Clock::time_point, std::uint64_t>> waiting_;
    std::unordered_map<std::uint64_t, Clock::time_point> until_;
};

}   // namespace grid::server
