// server/gridctl/xmpp/recent.hpp: texts that were met lately, as digests in a bounded space. Pure.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

#include "controller/credentials/scram.hpp"

namespace grid::gridctl::xmpp {

/// The oldest are forgotten. Of a digest 64 bits are kept: among as many as are kept, two texts
/// that differ are taken for one with a chance below one in 10^8.
class Recent {
public:
    explicit Recent(std::size_t most = 262'144) : most_(most) {}

    /// False: it is there already.
    bool add(std::string_view text) {
        const std::uint64_t digest = digest_of(text);
        if (!known_.insert(digest).second) return false;
        order_.push_back(digest);
        if (order_.size() > most_) {
            known_.erase(order_.front());
            order_.pop_front();
        }
        return true;
    }
    bool has(std::string_view text) const { return known_.contains(digest_of(text)); }
    void clear() {
        known_.clear();
        order_.clear();
    }

private:
    static std::uint64_t digest_of(std::string_view text) {
        const std::string bytes = controller::digest(controller::ScramHash::Sha256, text);
        std::uint64_t out = 0;
        std::memcpy(&out, bytes.data(), sizeof out);
        return out;
    }

    std::size_t most_;
    std::unordered_set<std::uint64_t> known_;
    std::deque<std::uint64_t> order_;
};

}   // namespace grid::gridctl::xmpp
