// server/router/shared_messages.hpp: messages that several sessions of an account were sent, where
// one of them has ended and left them unread, and others are on other members of a cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/session/other_member.hpp"
#include "server/session/transport.hpp"

namespace grid::server {

/// Such a message is handed on by one session alone, the last of the account that has it. On one
/// member sessions end one after the other. On several they end at once, and each member asks the
/// others about the messages before it hands them on. Ends have turns, over all members: one that
/// comes behind a question has a later turn than that question. An end leaves a message to
/// sessions that are there, and to ends with later turns, which wait for its own. So the last one
/// is left with it, whatever arrives first, and no two wait for each other. Core strand.
class SharedMessages {
public:
    static SharedMessage named(const Outgoing& message);

    /// A session has ended with these messages, and the others are asked about those that are
    /// shared, the first `asked_max` of them: the question. The rest is in nobody's care.
    UnreadShared begin(
        const std::string& account, std::uint64_t session, const std::vector<Outgoing>& messages
    );
    /// All members have answered.
    void end(std::uint64_t turn) { ends_.erase(turn); }
    /// The message was handed on here, or a client here has read it: no other end is to hand it on.
    void finish(SharedMessage message);
    /// Whether an end here with a later turn than that one has the message, or it is finished.
    bool takes_care(const UnreadShared& asked, const SharedMessage& message) const;
    /// Turns of this member are behind that one from now on.
    void hear(const UnreadShared& asked);
    /// An end here with an earlier turn has one of the messages, and may be left with it: that is
    /// not known yet.
    bool must_wait(const UnreadShared& asked) const;
    /// Ends whose questions are not answered.
    std::size_t waiting() const { return ends_.size(); }

    static constexpr std::size_t finished_max = 4'096;   // remembered
    static constexpr std::size_t asked_max = 10'000;     // of one end, in one frame

private:
    struct End {
        std::string account;
        std::uint64_t session = 0;
        std::set<SharedMessage> messages;
    };
    using Turn = std::pair<std::uint64_t, std::uint64_t>;   // two members may give one number
    static Turn turn_of(const UnreadShared& asked) { return {asked.turn, asked.session}; }

    std::map<std::uint64_t, End> ends_;   // by turn
    std::uint64_t last_turn_ = 0;
    std::set<SharedMessage> finished_;
    std::deque<SharedMessage> finished_order_;   // the oldest first
};

}   // namespace grid::server
