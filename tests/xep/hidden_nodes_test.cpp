// tests/xep/hidden_nodes_test.cpp: what the policy forbids leaks nothing, and nonsense is refused.
#include "stage.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/x", bare = "francisco@grid.example";

std::string info(const std::string& node = "") {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#info'" +
           (node.empty() ? "" : " node='" + node + "'") + "/></iq>";
}
std::string items(const std::string& node = "", const std::string& set = "") {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#items'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" +
           (set.empty() ? "" : "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>") +
           "</query></iq>";
}
std::string in_items(const std::string& lines, const std::string& node = "") {
    return "<query xmlns='http://jabber.org/protocol/disco#items'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" + lines + "</query>";
}
std::string line(const std::string& node, const std::string& more = "") {
    return "<item jid='pubsub.grid.example' node='" + node + "'" + more + "/>";
}

}   // namespace

TEST_CASE_METHOD(Stage, "entity-nodes: what may not be discovered does not exist", "[policy]") {
    creates(owner, "open");
    creates(owner, "secret");
    policy.rule = [](auto actor, auto, auto node) {
        return !(actor.starts_with(bare) && node == "secret");
    };
    sends(reader, items());
    result(reader, "q", in_items(line("open")));
    sends(reader, info("secret"));
    error(reader, "q", "cancel", "item-not-found");
    sends(reader, items("secret"));
    error(reader, "q", "cancel", "item-not-found");
    get(reader, "x1", "<items node='secret'/>");
    error(reader, "x1", "cancel", "item-not-found");
    set(reader, "x2", "<subscribe node='secret' jid='" + bare + "'/>");
    error(reader, "x2", "cancel", "item-not-found");
    set(reader, "x3", "<publish node='secret'><item><a xmlns='urn:a'/></item></publish>");
    error(reader, "x3", "cancel", "item-not-found");
    set(reader, "x4", "<retract node='secret'><item id='a'/></retract>");
    error(reader, "x4", "cancel", "item-not-found");
    set(reader, "x5", "<unsubscribe node='secret' jid='" + bare + "'/>");
    error(reader, "x5", "cancel", "item-not-found");
    owner_get(reader, "x6", "<configure node='secret'/>");
    error(reader, "x6", "cancel", "item-not-found");
    owner_set(reader, "x7", "<delete node='secret'/>");
    error(reader, "x7", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "a node that may be discovered, but not used, says forbidden", "[policy]") {
    creates(owner, "n", "access_model=authorize");
    policy.rule = [](auto actor, auto operation, auto) {
        return !actor.starts_with(bare) || operation == grid::pubsub::Operation::Discover;
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
