// tests/xep/xep0060_bounds_test.cpp: the bounds of one account, and the room left for others,
// also after a restart.
#include <string>

#include "stage.hpp"

namespace xep0060_bounds_test {

using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string other = "bob@grid.example/x";

struct Bounded : Stage {
    Bounded() {
        auto settings = default_settings();
        settings.nodes_per_account_max = 3;
        settings.item_index_bytes_per_account_max = 1000;
        settings.item_index_bytes_max = 1500;
        settings.affiliations_per_node_max = 4;
        settings.affiliations_per_account_max = 8;
        settings.affiliations_max = 10;
        restart(settings);
    }
    /// The text of the error that comes, or "ok".
    std::string outcome(const std::string& who) {
        const auto iq = next(who);
        forget();
        const auto* error = iq.child("error");
        if (!error) return "ok";
        return error->first_child()->name() + ": " + error->child_any_ns("text")->text();
    }
    std::string create(const std::string& who, const std::string& node) {
        set(who, "c", "<create node='" + node + "'/>");
        return outcome(who);
    }
    std::string publish(const std::string& who, const std::string& node, const std::string& id) {
        set(who, "p",
            "<publish node='" + node + "'><item id='" + id + "'><a xmlns='urn:a'/></item></publish>"
        );
        return outcome(who);
    }
    std::string affiliate(const std::string& node, const std::string& jid) {
        owner_set(
            owner, "a",
            "<affiliations node='" + node + "'><affiliation jid='" + jid +
                "' affiliation='member'/></affiliations>"
        );
        return outcome(owner);
    }
};

bool names(const std::string& text, const std::string& key) {
    return text.starts_with("resource-constraint: ") && text.find(key) != std::string::npos;
}

}   // namespace

TEST_CASE_METHOD(Bounded, "found A10: an account makes so many nodes, and others make theirs") {
    for (const char* node : {"a", "b", "c"}) CHECK(create(owner, node) == "ok");
    for (int round = 0; round < 2; ++round) {
        CHECK(names(create(owner, "d"), "pubsub.nodes_per_account_max"));
        CHECK(create(other, "o" + std::to_string(round)) == "ok");
        restart();
    }
    owner_set(owner, "x", "<delete node='c'/>");
    CHECK(outcome(owner) == "ok");
    CHECK(create(owner, "d") == "ok");
}

TEST_CASE_METHOD(
    Bounded, "found A10: the index of items has a bound for each publisher and for all"
) {
    CHECK(create(owner, "a") == "ok");
    CHECK(create(other, "o") == "ok");
    const std::string long_id(186, 'i');   // 250 bytes of index
    for (int i = 0; i < 4; ++i)
        CHECK(publish(owner, "a", long_id.substr(1) + char('0' + i)) == "ok");
    for (int round = 0; round < 2; ++round) {
        CHECK(names(publish(owner, "a", "x"), "pubsub.item_index_bytes_per_account_max"));
        // Items that are there may be published again, and another publisher has room.
        CHECK(publish(owner, "a", long_id.substr(1) + "0") == "ok");
        CHECK(publish(other, "o", "i" + std::to_string(round)) == "ok");
        restart();
    }
    CHECK(publish(other, "o", long_id) == "ok");
    CHECK(names(publish(other, "o", long_id.substr(1)), "pubsub.item_index_bytes_max"));
    set(owner, "r", "<retract node='a'><item id='" + long_id.substr(1) + "0'/></retract>");
    CHECK(outcome(owner) == "ok");
    CHECK(publish(owner, "a", "x") == "ok");
    owner_set(owner, "x", "<purge node='a'/>");
    CHECK(outcome(owner) == "ok");
    work_off();
    CHECK(memory().index_bytes_of(owner_bare) == 0);
    CHECK(publish(owner, "a", "x") == "ok");
}

TEST_CASE_METHOD(Bounded, "found A10: a full node takes items as long as it hides older ones") {
    creates(owner, "a", "max_items=1");
    for (int i = 0; i < 50; ++i) {
        CHECK(publish(owner, "a", "item-" + std::to_string(i)) == "ok");
        work_off();
    }
    // Items that were hidden once do not open the node for any number of shown ones.
    configures(owner, "a", "max_items=max");
    std::string last = "ok";
    for (int i = 0; i < 50 && last == "ok"; ++i) {
        last = publish(owner, "a", "more-" + std::to_string(i));
        work_off();
    }
    CHECK(names(last, "pubsub.item_index_bytes_per_account_max"));
    CHECK(memory().index_bytes() <= settings().item_index_bytes_max);
}

TEST_CASE_METHOD(
    Bounded, "found A10: item ids are short, and longer ones of old can be retracted"
) {
    auto old = settings();
    old.item_id_bytes_max = 1023;
    old.item_index_bytes_per_account_max = old.item_index_bytes_max = 10'000;
    restart(old);
    CHECK(create(owner, "a") == "ok");
    const std::string id(257, 'i');
    CHECK(publish(owner, "a", id) == "ok");
    old.item_id_bytes_max = 256;
    restart(old);
    CHECK(publish(owner, "a", id).find("256") != std::string::npos);
    set(owner, "r", "<retract node='a'><item id='" + id + "'/></retract>");
    CHECK(outcome(owner) == "ok");
}

TEST_CASE_METHOD(Bounded, "found A10: affiliations of a node, of an account's nodes, and of all") {
    for (const char* node : {"a", "b", "c"}) CHECK(create(owner, node) == "ok");
    const auto jid = [](int number) { return "m" + std::to_string(number) + "@grid.example"; };
    for (int i = 0; i < 3; ++i) CHECK(affiliate("a", jid(i)) == "ok");
    CHECK(names(affiliate("a", jid(3)), "pubsub.affiliations_per_node_max"));
    // Two owners' and these: a long address counts for two.
    CHECK(affiliate("b", std::string(300, 'm') + "@grid.example") == "ok");
    for (int round = 0; round < 2; ++round) {
        CHECK(names(affiliate("c", jid(4)), "pubsub.affiliations_per_account_max"));
        restart();
    }
    CHECK(create(other, "o") == "ok");
    const auto invite = [&](int number) {
        owner_set(
            other, "a",
            "<affiliations node='o'><affiliation jid='" + jid(number) +
                "' affiliation='member'/></affiliations>"
        );
        return outcome(other);
    };
    CHECK(invite(1) == "ok");
    CHECK(names(invite(2), "pubsub.affiliations_max"));
    CHECK(create(other, "o2") == "ok");   // the bound does not keep others from making nodes
}

TEST_CASE_METHOD(Bounded, "found A10: the configuration of a node has a bound in bytes") {
    const auto describe = [&](std::size_t bytes, std::size_t contacts) {
        std::string form = grid::test::config_form("description=" + std::string(bytes, 'd'));
        form.resize(form.size() - 4);
        form += "<field var='pubsub#contact'>";
        for (std::size_t i = 0; i < contacts; ++i)
            form += "<value>" + std::string(900, 'c') + std::to_string(i) + "@grid.example</value>";
        return "<configure node='a'>" + form + "</field></x></configure>";
    };
    creates(owner, "a");
    owner_set(owner, "c", describe(4000, 10));
    CHECK(outcome(owner) == "ok");
    owner_set(owner, "c", describe(4000, 20));
    CHECK(names(outcome(owner), "16384 bytes"));
    owner_set(owner, "c", describe(10, 1));
    CHECK(outcome(owner) == "ok");
}

TEST_CASE_METHOD(Bounded, "found A10: a name that a redirect leaves behind counts as a node") {
    const auto moves = [&](const std::string& node) {
        owner_set(
            owner, "d", "<delete node='" + node + "'><redirect uri='xmpp:x.example'/></delete>"
        );
        return outcome(owner);
    };
    for (const char* node : {"a", "b", "c"}) {
        CHECK(create(owner, node) == "ok");
        CHECK(moves(node) == "ok");
        work_off();
    }
    for (int round = 0; round < 2; ++round) {
        CHECK(names(create(owner, "d"), "pubsub.nodes_per_account_max"));
        CHECK(create(other, "o" + std::to_string(round)) == "ok");
        restart();
    }
    // The name is taken into use again, and given up for good.
    CHECK(create(owner, "a") == "ok");
    CHECK(names(create(owner, "d"), "pubsub.nodes_per_account_max"));
    owner_set(owner, "x", "<delete node='a'/>");
    CHECK(outcome(owner) == "ok");
    CHECK(create(owner, "d") == "ok");
}

}   // namespace xep0060_bounds_test
