// tests/xep/xep0060_bounces_test.cpp: notifications that come back (XEP-0060 §12.4).
#include "stage.hpp"

namespace xep0060_bounces_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";

class BounceStage : public Stage {
protected:
    BounceStage() {
        for (const char* node : {"a", "b"}) {
            creates(owner, node);
            affiliates(owner, node, bare, "member");
            subscribes(reader, node, bare);
        }
    }
    /// Publishes, and returns the id of the message that told of it.
    std::string told(const std::string& node, const std::string& to = bare) {
        publishes(owner, node, "i");
        return std::string(next(to).attr_or("id", ""));
    }
    void bounces(
        const std::string& from,
        const std::string& id,
        const std::string& type,
        const std::string& condition,
        const std::string& returned = ""
    ) {
        sends(
            from, "<message type='error' id='" + id + "'>" + returned + "<error type='" + type +
                      "'><" + condition +
                      " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        );
        work_off();
    }
    std::size_t in(const std::string& node) { return engine().node(node)->subscriptions; }
};

}   // namespace

TEST_CASE_METHOD(BounceStage, "12.4 bounces: cancel ends the subscription to that node", "[12.4]") {
    const std::string id = told("a");
    told("b");
    bounces(reader, id, "cancel", "item-not-found");
    CHECK(in("a") == 0);
    CHECK(in("b") == 1);
    receives_nothing(bare);   // an answer could bounce again
    receives_nothing(reader);
    restart();
    CHECK(in("a") == 0);
}

TEST_CASE_METHOD(BounceStage, "12.4 bounces: gone, of whatever type", "[12.4]") {
    bounces(reader, told("a"), "modify", "gone");
    CHECK(in("a") == 0);
}

TEST_CASE_METHOD(BounceStage, "12.4 bounces: the node may be in what is returned", "[12.4]") {
    bounces(
        reader, "", "cancel", "service-unavailable",
        "<event xmlns='" + pubsub_ns + "#event'><items node='b'/></event>"
    );
    CHECK(in("a") == 1);
    CHECK(in("b") == 0);
}

TEST_CASE_METHOD(BounceStage, "12.4 bounces: nobody ends another's subscription", "[12.4]") {
    const std::string id = told("a");
    const std::string returned = "<event xmlns='" + pubsub_ns + "#event'><items node='a'/></event>";
    bounces("rosencrantz@grid.example/x", id, "cancel", "gone", returned);
    bounces(owner, id, "cancel", "gone", returned);
    CHECK(in("a") == 1);
    // Of one account only the address itself and its bare one.
    subscribes("francisco@grid.example/other", "a", "francisco@grid.example/other");
    bounces(reader, id, "cancel", "gone");
    CHECK(in("a") == 1);
}

TEST_CASE_METHOD(
    BounceStage, "12.4 bounces: an error that answers no event does nothing", "[12.4]"
) {
    bounces(reader, "st-12-0", "cancel", "service-unavailable");
    bounces(reader, "", "cancel", "service-unavailable");
    bounces(
        reader, "x", "cancel", "service-unavailable",
        "<event xmlns='" + pubsub_ns + "#event'><items node='nowhere'/></event>"
    );
    CHECK(in("a") + in("b") == 2);
}

TEST_CASE_METHOD(
    BounceStage, "12.4 bounces: others are counted, and end it at the limit", "[12.4]"
) {
    const std::string id = told("a");
    std::size_t sent = 0;
    for (const auto& [type, condition] :
         {std::pair{"auth", "registration-required"}, std::pair{"wait", "remote-server-timeout"},
          std::pair{"modify", "bad-request"}, std::pair{"modify", "not-acceptable"},
          std::pair{"cancel", "feature-not-implemented"}})
        for (int i = 0; i < 4 && sent < 19; ++i, ++sent) bounces(reader, id, type, condition);
    CHECK(in("a") == 1);
    bounces(reader, id, "wait", "resource-constraint");
    CHECK(in("a") == 0);
    CHECK(in("b") == 1);
}

TEST_CASE_METHOD(BounceStage, "12.4 bounces: counted for a day", "[12.4]") {
    auto few = settings();
    few.bounces_max = 2;
    restart(few);
    const std::string id = told("a");
    bounces(reader, id, "wait", "resource-constraint");
    advance(25 * 3600 * 1000);
    bounces(reader, id, "wait", "resource-constraint");
    CHECK(in("a") == 1);
    bounces(reader, id, "wait", "resource-constraint");
    CHECK(in("a") == 0);
}

TEST_CASE_METHOD(
    BounceStage, "12.4 bounces: where the node cannot be told, it is counted", "[12.4]"
) {
    auto few = settings();
    few.bounces_max = 2;
    restart(few);
    bounces(reader, "ev-00000000000fffff-0", "cancel", "service-unavailable");
    CHECK(in("a") + in("b") == 2);
    bounces(reader, "ev-00000000000fffff-0", "cancel", "service-unavailable");
    CHECK(in("a") + in("b") == 0);   // then all of its subscriptions end
}

}   // namespace xep0060_bounces_test
