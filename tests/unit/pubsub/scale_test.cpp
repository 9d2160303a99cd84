// tests/unit/pubsub/scale_test.cpp: measurements, run by name: unit_pubsub "[scale]".
#include <catch2/catch.hpp>
#include <ctime>
#include <iostream>

#include "pubsub/model/records.hpp"
#include "stage.hpp"

namespace scale_test {

using namespace grid;
using grid::test::Stage;

namespace {

/// Of this process' processor time: the machine may have other work.
double seconds_since(std::clock_t start) {
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

/// Feeds what a store of that size would scan: keys in their order, items by id.
void fill(pubsub::Broker& engine, std::size_t nodes, std::size_t items) {
    using storage::Family;
    using storage::Record;
    std::uint64_t revision = 1;
    const auto apply = [&](Family family, const std::string& key, const std::string& value) {
        engine.apply({family, key, Record{revision++, 1, value}});
    };
    for (std::uint64_t uid = 1; uid <= nodes; ++uid) {
        pubsub::NodeRecord record;
        record.name = "topics/" + std::to_string(uid);
        record.config.type = "urn:x:alert";
        record.config.max_payload_size = 1000;
        record.config.max_items = 1'000'000;
        apply(Family::Control, pubsub::name_key(record.name), pubsub::encode(pubsub::NameRecord{}));
        apply(Family::Control, pubsub::node_key(uid), pubsub::encode(record));
        const pubsub::AffiliationRecord owner{pubsub::Affiliation::Owner, false};
        apply(
            Family::Control, pubsub::affiliation_key(uid, "sensor@grid.example"),
            pubsub::encode(owner)
        );
    }
    for (std::uint64_t uid = 1; uid <= nodes; ++uid)
        for (std::size_t i = 0; i < items; ++i) {
            std::string id = std::to_string(i * 7919 % 1'000'003);
            id.resize(36, '-');
            apply(
                Family::Index, pubsub::item_key(uid, 1, id),
                pubsub::encode(pubsub::ItemRecord{"sensor@grid.example", 100, 0})
            );
        }
    engine.scan_finished();
}

struct Nowhere final : pubsub::NotificationSink {
    std::size_t bytes = 0;
    void notify(pubsub::Notification notification) override { bytes += notification.rest->size(); }
    void audience_changed(std::uint64_t) override {}
    void node_removed(std::uint64_t) override {}
};

/// Microseconds of prepare, decide, apply and notify for one publish of 1 KiB.
double publish_cost(pubsub::Broker& engine, const std::string& node, std::uint64_t revision) {
    const auto iq = test::parse_stanza(
        "<iq type='set' id='p'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='" +
        node + "'><item><alert xmlns='urn:x:alert'>" + std::string(900, 'x') +
        "</alert></item></publish></pubsub></iq>"
    );
    pubsub::IqRequest request;
    request.type = xml::IqType::Set;
    request.payload = iq.first_child();
    request.ancestors = {&iq};
    Nowhere nowhere;
    constexpr int rounds = 20'000;
    const auto start = std::clock();
    for (int i = 0; i < rounds; ++i) {
        auto prepared = engine.prepare(request);
        pubsub::Context context;
        context.actor.jid = *xml::Jid::parse("sensor@grid.example/probe");
        context.now = 1;
        context.fresh_id = "fresh" + std::to_string(revision);
        auto decision = (**prepared).decide(context);
        storage::Committed committed{0, revision++, 1, std::move(decision.change()->batch)};
        for (const auto& operation : committed.batch.operations)
            engine.apply(
                {operation.family, operation.key,
                 storage::Record{committed.revision, 1, operation.value}}
            );
        engine.notify(committed, nowhere);
    }
    CHECK(nowhere.bytes > 0);
    return seconds_since(start) * 1e6 / rounds;
}

}   // namespace

TEST_CASE_METHOD(Stage, "a million items in ten thousand nodes", "[.][scale]") {
    const auto start = std::clock();
    fill(engine(), 10'000, 100);
    const double filled = seconds_since(start);
    REQUIRE(engine().item_count() == 1'000'000);
    std::cout << "1,000,000 items in 10,000 nodes: scanned in " << filled << " s, "
              << engine().item_memory_bytes() / 1'000'000 << " bytes an item\n";
    CHECK(engine().item_memory_bytes() <= 128'000'000);
}

TEST_CASE("what a publish costs does not depend on how much there is", "[.][scale]") {
    for (const auto& [nodes, items] :
         {std::pair<std::size_t, std::size_t>{1, 0}, {10'000, 100}, {1, 1'000'000}}) {
        Stage stage;
        fill(stage.engine(), nodes, items);
        std::cout << nodes << " nodes, " << items
                  << " items each: " << publish_cost(stage.engine(), "topics/1", 10'000'000)
                  << " us a publish\n";
    }
}

TEST_CASE_METHOD(Stage, "what a publish costs does not depend on subscribers", "[.][scale]") {
    fill(engine(), 1, 0);
    const double before = publish_cost(engine(), "topics/1", 10'000'000);
    std::uint64_t revision = 20'000'000;
    for (int i = 0; i < 100'000; ++i) {
        const std::string key = pubsub::subscription_key(1, "s" + std::to_string(i) + "@d", "x");
        const std::string value = pubsub::encode(pubsub::Subscription{});
        engine().apply({storage::Family::Control, key, storage::Record{revision++, 1, value}});
    }
    const auto start = std::clock();
    CHECK(engine().audience(1).size() == 100'000);
    std::cout << "100,000 subscribers: audience in " << seconds_since(start) * 1e3 << " ms; "
              << before << " us a publish without them, "
              << publish_cost(engine(), "topics/1", 30'000'000) << " us with\n";
}

}   // namespace scale_test
