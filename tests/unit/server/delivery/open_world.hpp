// tests/unit/server/delivery/open_world.hpp: a policy that lets everybody do everything, and no
// rosters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pubsub/ports/ports.hpp"

namespace grid::test {

class AllowAll final : public pubsub::AccessPolicy {
public:
    pubsub::Verdict check(
        const pubsub::Principal&, pubsub::Right, std::string_view, std::string_view
    ) const override {
        return {true, "test"};
    }
    bool may_receive(const xml::Jid&, std::string_view, std::string_view) const override {
        ++questions;
        return true;
    }
    mutable std::size_t questions = 0;   // about subscribers
    bool is_administrator(const pubsub::Principal&) const override { return false; }
    std::uint64_t revision() const override { return 1; }
    using Batch = storage::Batch;
    using Who = pubsub::Principal;
    using What = pubsub::Deed;
    using Deeds = std::vector<pubsub::Deed>;
    using Verdict = pubsub::Verdict;
    void record_allowed(Batch&, const Who&, const Deeds&, std::string_view, const Verdict&)
        const override {}
    void refused(const Who&, const What&, std::string_view, const Verdict&) const override {}
};

class Strangers final : public pubsub::Contacts {
public:
    bool has_presence_subscription(const xml::Jid&, const xml::Jid&) const override {
        return false;
    }
    bool is_in_group(const xml::Jid&, const xml::Jid&, const std::vector<std::string>&)
        const override {
        return false;
    }
};

}   // namespace grid::test
