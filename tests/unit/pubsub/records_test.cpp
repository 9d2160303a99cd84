// tests/unit/pubsub/records_test.cpp: keys, values, events and configuration survive the trip to
// disk.
#include "pubsub/model/records.hpp"
#include "pubsub/options/subscription_fields.hpp"

#include <catch2/catch.hpp>

#include "pubsub/broker.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/options/node_form.hpp"

namespace records_test {

using namespace grid::pubsub;

TEST_CASE("keys can be taken apart again") {
    const std::string keys[]{// the views of parse_key point into them
                             subscription_key(7, "a@b/c", "sub\x01"),
                             item_key(1ULL << 40, 3, "id/with~all"), name_key("sacm/events"),
                             affiliation_key(9, "a@b"), trash_key(9, 2)
    };
    const auto subscription = parse_key(keys[0]);
    REQUIRE(subscription);
    CHECK(subscription->uid == 7);
    CHECK(subscription->name == "a@b/c");
    CHECK(subscription->subid == "sub\x01");
    const auto item = parse_key(keys[1]);
    REQUIRE(item);
    CHECK(item->uid == 1ULL << 40);
    CHECK(item->epoch == 3);
    CHECK(item->name == "id/with~all");
    CHECK(parse_key(keys[2])->name == "sacm/events");
    CHECK(parse_key(keys[3])->name == "a@b");
    CHECK(parse_key(keys[4])->epoch == 2);
    CHECK_FALSE(parse_key("A of the controller"));
    CHECK_FALSE(parse_key(""));
    CHECK_FALSE(parse_key("n"));
}

TEST_CASE("keys of a node are together, and its subscribers in order") {
    CHECK(subscription_key(1, "a@b", "z") < subscription_key(1, "a@b/c", "a"));
    CHECK(subscription_key(1, "z", "") < subscription_key(2, "a", ""));
    CHECK(payload_key(1, 1, 255) < payload_key(1, 1, 256));
    CHECK(payload_key(1, 1, 0).size() == 24);
}

TEST_CASE("a node's record keeps everything") {
    NodeRecord record;
    record.name = "sacm/events";
    record.creator = "a@b";
    record.epoch = 5;
    record.created = 1234567890123;
    record.is_type_learned = true;
    record.config.title = "T";
    record.config.contact = {"x@y", "z@y"};
    record.config.access_model = AccessModel::Authorize;
    record.config.item_expire = 60;
    record.config.max_items = no_limit;
    record.config.subscribe = false;
    record.config.publish_node_full = NodeFull::Reject;
    record.config.max_payload_size = 77;
    const NodeRecord again = decode_node(encode(record));
    CHECK(encode(again) == encode(record));
    CHECK(again.name == record.name);
    CHECK(again.epoch == 5);
    CHECK(again.is_type_learned);
    CHECK_FALSE(again.is_deleted);
    CHECK(again.config.contact == record.config.contact);
    CHECK(again.config.access_model == AccessModel::Authorize);
    CHECK(again.config.max_items == no_limit);
    CHECK_FALSE(again.config.subscribe);
    CHECK(again.config.publish_node_full == NodeFull::Reject);
    CHECK(again.config.max_payload_size == 77);
}

TEST_CASE("a record cut short is no crash") {
    const std::string whole =
        encode(NodeRecord{.name = "n", .creator = "a@b", .filter = {}, .config = {}});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        (void)decode_node(std::string_view(whole).substr(0, size));
        (void)decode_subscription(std::string_view(whole).substr(0, size));
        (void)decode_item(std::string_view(whole).substr(0, size));
        (void)decode_affiliation(std::string_view(whole).substr(0, size));
    }
    CHECK(decode_config("").max_items == NodeConfig{}.max_items);
}

TEST_CASE("a subscription's record keeps its options, and is small without") {
    Subscription plain;
    plain.delivered = 5;
    CHECK(encode(plain).size() <= 24);
    CHECK(decode_subscription(encode(plain)).options == nullptr);
    CHECK(sizeof(Subscription) <= 56);
    SubscriptionOptions options;
    options.deliver = false;
    options.digest = true;
    options.include_body = true;
    options.shows = Away | Dnd;
    options.type = SubscriptionType::All;
    options.depth = every_depth;
    options.digest_frequency = 1234;
    options.expire = 1'800'000'000'123;
    Subscription record;
    record.is_reminded = true;
    record.options = share(options);
    const Subscription again = decode_subscription(encode(record));
    REQUIRE(again.options != nullptr);
    CHECK(*again.options == options);
    CHECK(again.is_reminded);
    options.expire = 0;
    options.is_temporary = true;
    CHECK(decode_options(encode_options(options)) == options);
    // As written before there were options.
    std::string old = encode(plain);
    old.pop_back();
    CHECK(decode_subscription(old).delivered == 5);
    CHECK_FALSE(decode_subscription(old).is_reminded);
}

TEST_CASE("events follow each other, and end where another's begin") {
    std::string bytes =
        encode(SubscriptionChanged{1, "a@b", "s", SubscriptionState::Pending, true});
    bytes += encode(ItemsRetracted{2, true, {"x", "y"}});
    bytes += "A controller's event";
    const auto events = decode_events(bytes);
    REQUIRE(events.size() == 2);
    const auto& changed = std::get<SubscriptionChanged>(events[0]);
    CHECK(changed.jid == "a@b");
    CHECK(changed.state == SubscriptionState::Pending);
    CHECK(changed.is_told);
    CHECK(std::get<ItemsRetracted>(events[1]).ids == std::vector<std::string>{"x", "y"});
    CHECK(decode_events("").empty());
}

TEST_CASE("every event survives") {
    const std::vector<Event> all{
        ItemPublished{1, true, "i", "a@b", "<p/>", {}},
        ItemsRetracted{1, false, {"i"}},
        NodePurged{1},
        NodeDeleted{1, "xmpp:x"},
        NodeConfigured{1, true},
        SubscriptionChanged{1, "a@b", "s", SubscriptionState::None, false},
        ApprovalRequested{1, "a@b", "s"},
        AffiliationChanged{1, "a@b", Affiliation::Outcast},
        NodeCreated{2},
        Associated{1, 2, false},
        SubscriptionConfigured{1, "a@b", "s"},
        LeaseEnding{1, "a@b", "s"},
        PendingListed{1, "a@b"},
        Bounced{"a@b/c", 7},
        SubtopicChanged{"t", "t/1", "a = 'b'", true},
    };
    REQUIRE(all.size() == std::variant_size_v<Event>);
    for (const Event& event : all) {
        const auto again = decode_events(encode(event));
        REQUIRE(again.size() == 1);
        CHECK(again[0].index() == event.index());
        CHECK(encode(again[0]) == encode(event));
    }
}

TEST_CASE("a glob names topics") {
    CHECK(matches_glob("iodef/*", "iodef/a/b"));
    CHECK(matches_glob("*", ""));
    CHECK(matches_glob("a?c*e", "abcdde"));
    CHECK_FALSE(matches_glob("iodef/*", "iodef"));
    CHECK_FALSE(matches_glob("a", "ab"));
    // Many stars do not take exponential time.
    CHECK_FALSE(matches_glob(std::string(40, '*') + "x", std::string(2000, 'a')));
    CHECK_FALSE(matches_glob("*a*a*a*a*a*a*a*a*b", std::string(2000, 'a')));
}

TEST_CASE("the first pattern that matches gives the type") {
    Settings settings;
    settings.types = {{"mile/*", "urn:iodef"}, {"*", "urn:any"}};
    CHECK(default_config(settings, "mile/x").type == "urn:iodef");
    CHECK(default_config(settings, "other").type == "urn:any");
}

TEST_CASE("the subid of a first subscription is the same for everybody") {
    CHECK(first_subid(1, "a@b") == first_subid(1, "a@b"));
    CHECK(first_subid(1, "a@b") != first_subid(2, "a@b"));
    CHECK(first_subid(1, "a@b") != first_subid(1, "a@c"));
    CHECK(first_subid(1, "a@b").size() == 16);
}

}   // namespace records_test
