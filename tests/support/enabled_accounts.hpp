// tests/support/enabled_accounts.hpp: accounts that are enabled, over a store in memory; they are
// administrators.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controller/controller.hpp"
#include "storage/memory_store.hpp"

namespace grid::test {

inline constexpr const char* anchor = "ca";

inline controller::Settings controller_settings() {
    controller::Settings settings;
    settings.domain = "grid.example";
    settings.address = *xml::Jid::parse("controller.grid.example");
    settings.broker = *xml::Jid::parse("pubsub.grid.example");
    return settings;
}

inline controller::Identity identity_of(const xml::Jid& bare) {
    controller::Identity identity;
    identity.account = bare;
    identity.anchor = anchor;
    identity.fingerprint = "f-" + bare.str();
    identity.not_after = 4'000'000'000'000;
    return identity;
}

inline void submit(
    storage::MemoryStore& store, Result<std::vector<storage::Batch>, std::string> batches
) {
    REQUIRE(batches.has_value());
    for (const auto& batch : *batches) REQUIRE(store.submit(1, {}, batch));
}

/// An account that is enabled already stays as it is.
inline void enable(
    controller::Controller& controller, storage::MemoryStore& store, const xml::Jid& bare
) {
    submit(store, controller.bootstrap({}, {bare}));
    auto enrolment = controller.enrolment(identity_of(bare));
    if (!enrolment) return;
    auto decision = enrolment->decide({pubsub::Principal::system(), 1, "fresh"});
    REQUIRE(decision.change() != nullptr);
    REQUIRE(store.submit(1, {}, std::move(decision.change()->batch)));
}

/// The changes of a batch that was committed, as memory takes them; they refer to the entry.
inline std::vector<storage::KeyChange> changes_of(const storage::FeedEntry& entry) {
    const auto* committed = std::get_if<storage::Committed>(&entry);
    REQUIRE(committed != nullptr);
    std::vector<storage::KeyChange> changes;
    for (const storage::Write& write : committed->batch.operations) {
        storage::KeyChange change{write.family, write.key, {}};
        if (!write.erase) change.record = {committed->revision, committed->time, write.value};
        changes.push_back(std::move(change));
    }
    return changes;
}

}   // namespace grid::test
