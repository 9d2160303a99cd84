// server/session/held_presence.hpp: others' presence that waits while no person looks at a client
// (XEP-0352).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/session/budget.hpp"
#include "server/session/transport.hpp"

namespace grid::server {

/// Of one session whose client is inactive: of each sender the last presence. Its bytes are in the
/// session's budget meanwhile. Core strand.
class HeldPresence {
public:
    HeldPresence(std::shared_ptr<Budget> budget, std::size_t senders_max)
        : budget_(std::move(budget)), senders_max_(senders_max) {}
    HeldPresence(const HeldPresence&) = delete;
    HeldPresence& operator=(const HeldPresence&) = delete;
    ~HeldPresence() { budget_->give(bytes_); }

    /// False: this one does not wait, and what waits goes out before it. It is no presence that
    /// says whether and how somebody is there, there is no room, or a message is.
    bool hold(Outgoing& stanza);
    /// All that wait, in the order in which they came.
    std::vector<Outgoing> take();
    std::size_t size() const { return held_.size(); }

private:
    struct Held {
        std::size_t number = 0;
        Outgoing stanza;
    };

    std::shared_ptr<Budget> budget_;
    std::size_t senders_max_;
    std::map<std::string, Held, std::less<>> held_;   // by sender
    std::size_t bytes_ = 0, numbers_ = 0;
};

/// The sender of an available or unavailable presence as the server writes it; empty: it is none.
std::string_view sender_of_presence(std::string_view text);

}   // namespace grid::server
