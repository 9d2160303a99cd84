// tests/xep/hidden_nodes_test.cpp: a forbidden node leaks nothing, and nonsense is refused.
#include "disco_texts.hpp"
#include "stage.hpp"

namespace hidden_nodes_test {

using grid::test::Stage;
using namespace disco_texts;

TEST_CASE_METHOD(Stage, "entity-nodes: what may not be discovered does not exist", "[policy]") {
    creates(owner, "open");
    creates(owner, "secret");
    policy.rule = [](auto actor, auto, auto node) {
        return !actor.starts_with(bare) || node == "open";
    };
    sends(reader, items());
    result(reader, "q", in_items(line("open")));
    // Any request about a hidden node is answered as for a node that does not exist.
    const auto asks = [&](const std::string& node) {
        std::string answers;
        const std::string at = " node='" + node + "'";
        sends(reader, info(node));
        sends(reader, items(node));
        get(reader, "x", "<items" + at + "/>");
        set(reader, "x", "<subscribe" + at + " jid='" + bare + "'/>");
        set(reader, "x", "<unsubscribe" + at + " jid='" + bare + "'/>");
        set(reader, "x", "<publish" + at + "><item><a xmlns='urn:a'/></item></publish>");
        set(reader, "x", "<retract" + at + "><item id='a'/></retract>");
        owner_get(reader, "x", "<configure" + at + "/>");
        owner_get(reader, "x", "<affiliations" + at + "/>");
        owner_get(reader, "x", "<subscriptions" + at + "/>");
        owner_set(reader, "x", "<delete" + at + "/>");
        owner_set(reader, "x", "<purge" + at + "/>");
        for (int i = 0; i < 12; ++i) {
            const auto iq = next(reader);
            CHECK(iq.attr_or("type", "") == "error");
            answers += std::string(iq.child("error")->attr_or("type", "")) + " " +
                       iq.child("error")->first_child()->name() + "\n";
        }
        return answers;
    };
    CHECK(asks("secret") == asks("nowhere"));
}

TEST_CASE_METHOD(Stage, "a node that may be discovered, but not used, says forbidden", "[policy]") {
    creates(owner, "n", "access_model=authorize");
    policy.rule = [](auto actor, auto operation, auto) {
        return !actor.starts_with(bare) || operation == grid::pubsub::Right::Discover;
    };
    get(reader, "x1", "<items node='n'/>");
    error(reader, "x1", "auth", "forbidden");
    set(reader, "x2", "<subscribe node='n' jid='" + bare + "'/>");
    error(reader, "x2", "auth", "forbidden");
    CHECK(policy.refusals == std::vector<std::string>{bare + " retrieve n", bare + " subscribe n"});
}

TEST_CASE_METHOD(Stage, "what is no request is refused", "[xep-0060]") {
    set(reader, "x1", "<dance/>");
    error(reader, "x1", "modify", "bad-request");
    set(reader, "x2", "");
    error(reader, "x2", "modify", "bad-request");
    owner_set(reader, "x3", "<dance node='n'/>");
    error(reader, "x3", "modify", "bad-request");
    get(reader, "x4", "<create node='n'/>");
    error(reader, "x4", "modify", "bad-request");
    set(reader, "x5", "<items node='n'/>");
    error(reader, "x5", "modify", "bad-request");
    grid::pubsub::IqRequest other;   // not ours: the router answers
    const auto ping = grid::test::parse_stanza("<iq><ping xmlns='urn:xmpp:ping'/></iq>");
    other.payload = ping.first_child();
    CHECK(!engine().prepare(other).has_value());
}

}   // namespace hidden_nodes_test
