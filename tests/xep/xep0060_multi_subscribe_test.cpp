// tests/xep/xep0060_multi_subscribe_test.cpp: several subscriptions of one address, told apart by
// SubIDs (XEP-0060 §6.1.6, §7.1.2.4).
#include <algorithm>

#include "stage.hpp"

namespace xep0060_multi_subscribe_test {

using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";

class MultiStage : public Stage {
protected:
    MultiStage() {
        creates(owner, "n");
        affiliates(owner, "n", bare, "member");
    }
    /// Returns the subid.
    std::string subscribe(const std::string& fields = "", const std::string& jid = bare) {
        std::string inner = "<subscribe node='n' jid='" + jid + "'/>";
        if (!fields.empty()) inner += "<options>" + options_form(fields) + "</options>";
        set(reader, "s", inner);
        auto answer = next(reader);
        if (jid == reader) answer = next(reader);   // §12.14: it is told as a subscriber, too
        forget();
        INFO(fields);
        REQUIRE(answer.attr_or("type", "") == "result");
        return std::string(answer.first_child()->first_child()->attr_or("subid", ""));
    }
    std::vector<std::string> headers(const grid::xml::Element& message) {
        std::vector<std::string> subids;
        const auto* headers =
            message.child("headers", grid::xml::Ns("http://jabber.org/protocol/shim"));
        if (!headers) return subids;
        for (const auto* header : headers->children("header")) {
            CHECK(header->attr_or("name", "") == "SubID");
            subids.push_back(header->text());
        }
        return subids;
    }
};

using Subids = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(
    MultiStage, "6.1 multi-subscribe: the same again is the one that is there", "[6.1]"
) {
    const auto first = subscribe();
    CHECK(subscribe() == first);
    const auto second = subscribe("digest_frequency=5000");
    CHECK(second != first);
    CHECK(subscribe("digest_frequency=05000") == second);
    CHECK(subscribe() == first);
    CHECK(subscribe("deliver=1") == first);   // which is the default
    CHECK(engine().subscription_count() == 2);
    restart();
    CHECK(subscribe("digest_frequency=5000") == second);
}

TEST_CASE_METHOD(
    MultiStage, "6.1 multi-subscribe: without options it is the one that is there", "[6.1]"
) {
    const auto only = subscribe("digest=1");
    CHECK(subscribe() == only);   // as a client does at each login
    CHECK(engine().subscription_count() == 1);
    CHECK(subscribe("digest_frequency=5000") != only);
}

TEST_CASE_METHOD(MultiStage, "6.1 multi-subscribe: or each time another", "[6.1]") {
    auto other = settings();
    other.is_subscribing_again_same = false;
    restart(other);
    const auto first = subscribe(), second = subscribe(), third = subscribe("digest=1");
    CHECK(first != second);
    CHECK(second != third);
    CHECK(engine().subscription_count() == 3);
    get(reader, "m1", "<subscriptions node='n'/>");
    const auto answer = next(reader);
    CHECK(answer.first_child()->first_child()->child_count() == 3);
}

TEST_CASE_METHOD(
    MultiStage, "6.1 multi-subscribe: too-many-subscriptions of one address", "[6.1]"
) {
    auto few = settings();
    few.subscriptions_per_jid_max = 2;
    restart(few);
    subscribe();
    subscribe("digest=1");
    set(reader, "s",
        "<subscribe node='n' jid='" + bare + "'/><options>" +
            options_form("digest_frequency=5000") + "</options>");
    error(reader, "s", "wait", "policy-violation", "too-many-subscriptions");
    subscribe("digest_frequency=5000", reader);   // another address
}

TEST_CASE_METHOD(
    MultiStage, "7.1.2.4 SubIDs: one event for one address, with each of its subids, last", "[6.1]"
) {
    const auto first = subscribe(), second = subscribe("digest=1");
    subscribe("", reader);
    publishes(owner, "n", "a");
    const auto message = next(bare);
    Subids expected{first, second};
    std::sort(expected.begin(), expected.end());
    CHECK(headers(message) == expected);
    CHECK(message.children().back()->name() == "headers");
    receives_nothing(bare);
    CHECK(headers(next(reader)).empty());         // only one subscription
    owner_set(owner, "p", "<purge node='n'/>");   // §12.18: the same for every subscription
    CHECK(headers(next(bare)).empty());
}

TEST_CASE_METHOD(MultiStage, "7.1.2.4 SubIDs: also where an item is retracted", "[6.1]") {
    subscribe();
    subscribe("digest=1");
    publishes(owner, "n", "a");
    forget();
    set(owner, "r", "<retract node='n' notify='1'><item id='a'/></retract>");
    CHECK(headers(next(bare)).size() == 2);
}

TEST_CASE_METHOD(MultiStage, "7.1.2.4 SubIDs: only of those that deliver", "[6.1]") {
    const auto first = subscribe();
    subscribe("deliver=0");
    publishes(owner, "n", "a");
    CHECK(headers(next(bare)).empty());   // of one subscription
    const auto third = subscribe("digest_frequency=5000");
    publishes(owner, "n", "b");
    const auto message = next(bare);
    Subids expected{first, third};
    std::sort(expected.begin(), expected.end());
    CHECK(headers(message) == expected);
}

TEST_CASE_METHOD(MultiStage, "multi-subscribe: what several options come to", "[6.1]") {
    subscribe("digest=1 digest_frequency=9000 show-values=away");
    subscribe("digest=1 digest_frequency=7000 show-values=dnd");
    const auto subscriber = [&] { return engine().audience(engine().node("n")->uid).at(0); };
    CHECK(subscriber().digest_ms == 7000);
    CHECK(subscriber().shows == (grid::pubsub::Away | grid::pubsub::Dnd));
    subscribe("show-values=away");   // one that wants each item by itself
    CHECK(subscriber().digest_ms == 0);
}

TEST_CASE_METHOD(MultiStage, "6.2 unsubscribe: subid-required, and the right one goes", "[6.2]") {
    const auto first = subscribe(), second = subscribe("digest=1");
    const std::string leave = "<unsubscribe node='n' jid='" + bare + "'";
    set(reader, "u1", leave + "/>");
    error(reader, "u1", "modify", "bad-request", "subid-required");
    set(reader, "u2", leave + " subid='wrong'/>");
    error(reader, "u2", "modify", "not-acceptable", "invalid-subid");
    set(reader, "u3", leave + " subid='" + first + "'/>");
    result(reader, "u3");
    CHECK(subid(reader, "n", bare) == second);
}

TEST_CASE_METHOD(MultiStage, "6.5 items: subid-required", "[6.5]") {
    const auto first = subscribe();
    publishes(owner, "n", "a");
    get(reader, "i1", "<items node='n'/>");
    CHECK(next(reader).attr_or("type", "") == "result");
    const auto second = subscribe("digest=1");
    get(reader, "i2", "<items node='n'/>");
    error(reader, "i2", "modify", "bad-request", "subid-required");
    get(reader, "i3", "<items node='n' subid='" + second + "'/>");
    CHECK(next(reader).attr_or("type", "") == "result");
    get(reader, "i4", "<items node='n' subid='wrong'/>");
    error(reader, "i4", "modify", "not-acceptable", "invalid-subid");
}

TEST_CASE_METHOD(MultiStage, "8.8 owner: every subscription of an address, by subid", "[8.8]") {
    const auto first = subscribe(), second = subscribe("digest=1");
    owner_get(owner, "m1", "<subscriptions node='n'/>");
    const auto answer = next(owner);
    const auto lines = answer.first_child()->first_child()->children();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0]->attr_or("subid", "") != lines[1]->attr_or("subid", ""));
    const std::string none = "' subscription='none' subid='";
    // Which of them is not said.
    owner_set(
        owner, "m2",
        "<subscriptions node='n'><subscription jid='" + bare +
            "' subscription='none'/></subscriptions>"
    );
    CHECK(next(owner).attr_or("type", "") == "error");
    owner_set(
        owner, "m3",
        "<subscriptions node='n'><subscription jid='" + bare + none + first + "'/></subscriptions>"
    );
    result(owner, "m3");
    event(
        bare,
        "<subscription node='n' jid='" + bare + "' subid='" + first + "' subscription='none'/>"
    );
    CHECK(subid(reader, "n", bare) == second);
}

TEST_CASE_METHOD(
    MultiStage, "multi-subscribe: two sessions at once with the same options make one", "[design]"
) {
    hold();
    const std::string inner = "<subscribe node='n' jid='" + bare + "'/><options>" +
                              options_form("digest_frequency=5000") + "</options>";
    set(reader, "s1", inner);
    set("francisco@grid.example/other", "s2", inner);
    run();
    next(reader);
    next("francisco@grid.example/other");
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(
    MultiStage, "multi-subscribe: two sessions at once with other options make two", "[design]"
) {
    hold();
    const std::string inner = "<subscribe node='n' jid='" + bare + "'/>";
    set(reader, "s1", inner);
    set("francisco@grid.example/other", "s2",
        inner + "<options>" + options_form("digest_frequency=5000") + "</options>");
    run();
    CHECK(next(reader).attr_or("type", "") == "result");
    CHECK(next("francisco@grid.example/other").attr_or("type", "") == "result");
    CHECK(engine().subscription_count() == 2);
}

}   // namespace xep0060_multi_subscribe_test
