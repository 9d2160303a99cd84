// server/gridctl/xmpp/management.hpp: the client's counts and queue of stream management
// (XEP-0198). Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace grid::gridctl::xmpp {

/// From `<enable/>` on, through each resumption. The queue has no bound of its own: a job sends no
/// more than its window.
class Management {
public:
    /// A stanza that is sent; whether the server should be asked (`<r/>`) how far it has got.
    bool sent(std::string bytes);
    /// A stanza of the server was taken care of.
    void took() { ++taken_; }
    std::uint32_t taken() const { return static_cast<std::uint32_t>(taken_); }
    /// The server has so many, modulo 2^32. False: more than there were.
    bool acknowledged(std::uint32_t handled);
    /// To be sent again, in their order, after a resumption.
    std::vector<std::string> unacknowledged() const { return {queue_.begin(), queue_.end()}; }
    std::size_t waiting() const { return queue_.size(); }

    /// With which the session is resumed; empty: it cannot be.
    std::string token;

private:
    std::deque<std::string> queue_;
    std::uint32_t acknowledged_ = 0;
    std::uint64_t taken_ = 0;
    std::size_t since_asked_ = 0;
};

}   // namespace grid::gridctl::xmpp
