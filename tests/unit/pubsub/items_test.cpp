// tests/unit/pubsub/items_test.cpp: the compact item index against a plain model, and its size.
#include "pubsub/model/items.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace items_test {

using grid::pubsub::Items;

namespace {

constexpr std::uint32_t bytes_of_each = 100;

struct Plain {
    std::string id;
    std::uint64_t revision = 0;
    std::int64_t time = 0;
};

void check_same(const Items& items, const std::vector<Plain>& model) {
    REQUIRE(items.size() == model.size());
    REQUIRE(items.payload_bytes() == bytes_of_each * model.size());
    for (std::size_t rank = 0; rank < model.size(); ++rank) {
        REQUIRE(items.at(rank).id == model[rank].id);
        REQUIRE(items.at(rank).revision == model[rank].revision);
        REQUIRE(items.rank_of(model[rank].id) == rank);
        REQUIRE(items.rank_after(model[rank].revision) == rank + 1);
        REQUIRE(items.rank_after(model[rank].revision - 1) == rank);
        REQUIRE(items.rank_at_time(model[rank].time) == rank);
    }
}

}   // namespace

TEST_CASE("items behave like a list, whatever is put, overwritten and erased") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        Items items;
        std::vector<Plain> model;
        std::uint64_t revision = 0;
        const unsigned names = 5 + random() % 200;
        for (int step = 0; step < 600; ++step) {
            const std::string id = "item-" + std::to_string(random() % names);
            const auto known = std::find_if(model.begin(), model.end(), [&](const Plain& plain) {
                return plain.id == id;
            });
            const unsigned what = random() % 10;
            if (what < 6) {
                revision += 1 + random() % 3;
                if (known != model.end()) model.erase(known);
                const auto time = static_cast<std::int64_t>(revision) * 10;
                model.push_back({id, revision, time});
                items.put(id, 7, bytes_of_each, revision, time);
            } else if (what < 8) {
                REQUIRE(items.erase(id) == (known != model.end()));
                if (known != model.end()) model.erase(known);
            } else if (!model.empty()) {   // a trim takes the oldest
                REQUIRE(items.erase(model.front().id));
                model.erase(model.begin());
            }
            if (step % 37 == 0) check_same(items, model);
        }
        check_same(items, model);
        items.scan_finished();
        check_same(items, model);
    }
}

TEST_CASE("items of a scan come by id and are in order afterwards") {
    Items items;
    std::vector<Plain> model;
    for (std::uint64_t i = 1; i <= 500; ++i)
        model.push_back({"id" + std::to_string(i * 7919 % 1000), i, static_cast<std::int64_t>(i)});
    std::vector<Plain> by_id = model;
    std::sort(by_id.begin(), by_id.end(), [](auto& a, auto& b) { return a.id < b.id; });
    for (const Plain& plain : by_id)
        items.put(plain.id, 0, bytes_of_each, plain.revision, plain.time);
    items.scan_finished();
    check_same(items, model);
}

TEST_CASE("an item of a 36-byte id takes at most 128 bytes", "[memory]") {
    std::size_t live = 0, scanned = 0;
    constexpr std::size_t nodes = 100, each = 100;
    for (std::size_t node = 0; node < nodes; ++node) {
        Items items;
        for (std::size_t i = 0; i < each; ++i) {
            std::string id = std::to_string(node * 1'000'003 + i * 7919);
            id.resize(36, '-');
            items.put(id, 1, 1000, node * each + i, 1);
        }
        live += items.memory_bytes();
        items.scan_finished();
        scanned += items.memory_bytes();
    }
    INFO(
        "bytes per item: " << live / (nodes * each) << " live, " << scanned / (nodes * each)
                           << " after a scan"
    );
    CHECK(live / (nodes * each) <= 128);
    CHECK(scanned / (nodes * each) <= 100);
}

TEST_CASE("found A29: the order of creation follows changes") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        Items items;
        std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> model;   // created, now
        for (std::uint64_t revision = 1; revision <= 600; ++revision) {
            const std::string id = "i" + std::to_string(random() % 80);
            const auto found = model.find(id);
            if (found != model.end() && random() % 4 == 0) {
                items.erase(id);
                model.erase(found);
            } else {
                const std::uint64_t created = found == model.end() ? 0 : found->second.first;
                items.put(id, 0, 0, revision, 0, created);
                model[id] = {created == 0 ? revision : created, revision};
            }
            if (random() % 5 != 0) continue;
            Items::CreationOrder wanted;
            for (const auto& [name, both] : model) wanted.push_back(both);
            std::sort(wanted.begin(), wanted.end());
            REQUIRE(items.by_creation() == wanted);
        }
    }
}

}   // namespace items_test
