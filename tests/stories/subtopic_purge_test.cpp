// tests/stories/subtopic_purge_test.cpp: a topic is purged with all its subtopics, however many
// (XEP-0060 §8.5).
#include <algorithm>
#include <catch2/catch.hpp>

#include "storage/keys.hpp"
#include "subtopic_stage.hpp"

namespace subtopic_purge_test {

using grid::test::SubtopicStage;

namespace {

constexpr int subtopics_made = 60;   // more than a batch could name

class Purge : public SubtopicStage {
public:
    Purge() {
        REQUIRE(provides(support("100")).attr_or("type", "") == "result");
        for (int i = 0; i < subtopics_made; ++i) {
            names.push_back(subtopic(reader, "location = 'L" + std::to_string(i) + "'"));
            REQUIRE(type_of(maker, publish(names.back(), "a", session("L"))) == "result");
        }
        REQUIRE(type_of(maker, publish(topic, "a", session("L"))) == "result");
    }
    std::string owner(const std::string& inside) {
        return type_of(
            maker,
            "<iq xmlns='jabber:client' id='o' type='set' to='pubsub.grid.example'>"
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>" +
                inside + "</pubsub></iq>"
        );
    }
    std::string purge() { return owner("<purge node='Session-1.0'/>"); }
    static std::size_t shown(const grid::test::Node& of, const std::vector<std::string>& where) {
        std::size_t count = 0;
        for (const std::string& name : where) count += of.broker->node(name)->items;
        return count;
    }
    /// Index records and payloads of items in the store.
    std::size_t stored() {
        std::size_t count = 0;
        for (const auto family : {grid::storage::Family::Index, grid::storage::Family::Payload})
            (void)store.snapshot()->scan(family, "", "", false, [&](auto, const auto&) {
                ++count;
                return true;
            });
        return count;
    }
    std::vector<std::string> names;
};

}   // namespace

TEST_CASE_METHOD(Purge, "S62: a purge of the topic purges 60 subtopics in one batch", "[grid]") {
    REQUIRE(shown(node, names) == subtopics_made);
    forget();
    const auto before = store.status().revision;
    REQUIRE(purge() == "result");
    CHECK(store.status().revision == before + 1);
    CHECK(shown(node, names) == 0);
    CHECK(node.broker->node(topic)->items == 0);

    SECTION("a start right behind it sees nothing of them either") {
        grid::test::Node fresh(settings, sessions);
        REQUIRE(store.scan([&](const grid::storage::KeyChange& change) { fresh.apply(change); }));
        fresh.broker->scan_finished();
        CHECK(shown(fresh, names) == 0);
        CHECK(fresh.broker->item_count() == node.broker->item_count());   // still to be erased
    }
    SECTION("what is published afterwards stays, all else is erased") {
        REQUIRE(type_of(maker, publish(names[7], "b", session("L"))) == "result");
        for (int i = 0; i < 5; ++i) later(1000);
        CHECK(shown(node, names) == 1);
        CHECK(node.broker->item_count() == 1);
        CHECK(stored() == 2);
        grid::test::Node fresh(settings, sessions);
        REQUIRE(store.scan([&](const grid::storage::KeyChange& change) { fresh.apply(change); }));
        fresh.broker->scan_finished();
        CHECK(shown(fresh, names) == 1);
        CHECK(fresh.broker->node(names[7])->items == 1);
    }
    SECTION("a subtopic that ends meanwhile takes what is left of it along") {
        for (const std::string& name : names)
            REQUIRE(
                type_of(reader, leave_request("<subtopicName>" + name + "</subtopicName>")) ==
                "result"
            );
        grace();
        for (int i = 0; i < 5; ++i) later(1000);
        CHECK(subtopics().empty());
        CHECK(node.broker->item_count() == 0);
        CHECK(stored() == 0);
    }
}

TEST_CASE_METHOD(Purge, "S62: a publish that was decided before a purge does not pass", "[grid]") {
    const auto iq = grid::test::parse(publish(names.front(), "late", session("L")));
    auto prepared =
        node.broker->prepare({grid::xml::IqType::Set, settings.broker, iq.first_child(), {&iq}});
    REQUIRE((prepared && *prepared));
    auto decided = (*prepared)->decide(context(principal(maker)));
    REQUIRE(decided.change() != nullptr);
    REQUIRE(purge() == "result");
    CHECK_FALSE(commit(std::move(decided.change()->batch)));
    CHECK(shown(node, names) == 0);
}

TEST_CASE_METHOD(
    Purge, "S62: subtopics made after a purge keep their items over a start", "[grid]"
) {
    REQUIRE(purge() == "result");
    const std::string name = subtopic(reader, "location = 'new'");
    REQUIRE(type_of(maker, publish(name, "n", session("new"))) == "result");
    for (int i = 0; i < 3; ++i) later(1000);
    grid::test::Node fresh(settings, sessions);
    // Items may come before the records of the nodes, and subtopics before their topic.
    struct Change {
        grid::storage::KeyChange change;
        std::string key, value;
    };
    std::vector<Change> changes;
    REQUIRE(store.scan([&](const grid::storage::KeyChange& change) {
        changes.push_back(
            {change, std::string(change.key), std::string(change.record.value().value)}
        );
    }));
    std::ranges::reverse(changes);
    for (Change& one : changes) {
        one.change.key = one.key;
        one.change.record->value = one.value;
        fresh.apply(one.change);
    }
    fresh.broker->scan_finished();
    CHECK(fresh.broker->node(name)->items == 1);
    CHECK(fresh.broker->node(topic)->items == 0);
    CHECK(fresh.broker->item_count() == 1);
}

TEST_CASE_METHOD(Purge, "S62: subscribers of subtopics are told of a purge", "[grid]") {
    REQUIRE(
        owner("<configure node='Session-1.0'><x xmlns='jabber:x:data' type='submit'>"
              "<field var='FORM_TYPE'><value>http://jabber.org/protocol/pubsub#node_config</value>"
              "</field><field var='pubsub#notify_retract'><value>1</value></field></x></configure>"
        ) == "result"
    );
    const std::string name = subtopic(reader, "location = 'told'");   // as the topic is now
    REQUIRE(type_of(maker, publish(name, "a", session("told"))) == "result");
    forget();
    REQUIRE(purge() == "result");
    std::size_t found = 0;
    for (const std::string& message : told(reader))
        if (message.find("<purge node='" + name + "'/>") != std::string::npos) ++found;
    CHECK(found == 1);
}

}   // namespace subtopic_purge_test
