// tests/xep/xep0060_retrieve_test.cpp: retrieve items from a node (XEP-0060 §6.5), also page by
// page.
#include "stage.hpp"

namespace xep0060_retrieve_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";

/// Ids of the items in an answer, and its set.
struct Answer {
    std::string ids, first, last, count, index;
};

std::string text_of(const grid::xml::Element* element) { return element ? element->text() : ""; }

Answer read(Stage& stage, const std::string& who, const std::string& inner) {
    stage.get(who, "read", inner);
    const auto iq = stage.next(who);
    REQUIRE(iq.attr_or("type", "") == "result");
    Answer answer;
    for (const auto* item : iq.first_child()->child("items")->children())
        answer.ids += std::string(item->attr_or("id", "")) + " ";
    const auto* set = iq.first_child()->child_any_ns("set");
    if (!set) return answer;
    answer.last = text_of(set->child("last"));
    answer.count = text_of(set->child("count"));
    if (const auto* first = set->child("first")) {
        answer.first = first->text();
        answer.index = first->attr_or("index", "");
    }
    return answer;
}

std::string page(const std::string& inner) {
    return "<items node='n'/><set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>";
}
}   // namespace

TEST_CASE_METHOD(Stage, "subscriber-retrieve-requestall", "[xep-0060]") {
    creates(owner, "n");
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    get(owner, "i1", "<items node='n'/>");
    result(owner, "i1", "<pubsub xmlns='" + pubsub_ns + R"('><items node='n'>
        <item id='a'><alert xmlns='urn:x:alert'>a</alert></item>
        <item id='b'><alert xmlns='urn:x:alert'>b</alert></item>
        <item id='c'><alert xmlns='urn:x:alert'>c</alert></item></items></pubsub>)");
    restart();
    CHECK(read(*this, owner, "<items node='n'/>").ids == "a b c ");
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-requestrecent", "[xep-0060]") {
    creates(owner, "n");
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    CHECK(read(*this, owner, "<items node='n' max_items='2'/>").ids == "b c ");
    CHECK(read(*this, owner, "<items node='n' max_items='9'/>").ids == "a b c ");
    get(owner, "i1", "<items node='n' max_items='x'/>");
    error(owner, "i1", "modify", "bad-request");
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-requestone", "[xep-0060]") {
    creates(owner, "n");
    for (const char* id : {"a", "b", "c"}) publishes(owner, "n", id);
    CHECK(read(*this, owner, "<items node='n'><item id='b'/></items>").ids == "b ");
    CHECK(
        read(*this, owner, "<items node='n'><item id='c'/><item id='a'/><item id='a'/></items>")
            .ids == "a c "
    );
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-items: nothing is no error", "[xep-0060]") {
    creates(owner, "n");
    get(owner, "i1", "<items node='n'/>");
    result(owner, "i1", "<pubsub xmlns='" + pubsub_ns + "'><items node='n'/></pubsub>");
    get(owner, "i2", "<items node='n'><item id='nowhere'/></items>");
    result(owner, "i2", "<pubsub xmlns='" + pubsub_ns + "'><items node='n'/></pubsub>");
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-notsubscribed", "[xep-0060]") {
    creates(owner, "n", "access_model=authorize");
    get(reader, "i1", "<items node='n'/>");
    error(reader, "i1", "auth", "not-authorized", "not-subscribed");
    set(reader, "s1", "<subscribe node='n' jid='" + bare + "'/>");
    next(reader);
    get(reader, "i2", "<items node='n'/>");   // pending is not subscribed
    error(reader, "i2", "auth", "not-authorized", "not-subscribed");
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-whitelist", "[xep-0060]") {
    creates(owner, "n", "access_model=whitelist");
    get(reader, "i1", "<items node='n'/>");
    error(reader, "i1", "cancel", "not-allowed", "closed-node");
    affiliates(owner, "n", bare, "member");
    get(reader, "i2", "<items node='n'/>");   // §6.5.1: subscribed entities only
    error(reader, "i2", "auth", "not-authorized", "not-subscribed");
    subscribes(reader, "n", bare);
    get(reader, "i3", "<items node='n'/>");
    result(reader, "i3", "<pubsub xmlns='" + pubsub_ns + "'><items node='n'/></pubsub>");
    affiliates(owner, "n", "pub@grid.example", "publisher");   // SHOULD always
    get("pub@grid.example/x", "i4", "<items node='n'/>");
    CHECK(next("pub@grid.example/x").attr_or("type", "") == "result");
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-blocked", "[xep-0060]") {
    creates(owner, "n");
    for (const char* affiliation : {"outcast", "publish-only"}) {
        affiliates(owner, "n", bare, affiliation);
        get(reader, "i1", "<items node='n'/>");
        error(reader, "i1", "auth", "forbidden");
    }
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-badsubid", "[xep-0060]") {
    creates(owner, "n");
    get(owner, "i1", "<items node='n' subid='wrong'/>");
    error(owner, "i1", "modify", "not-acceptable", "invalid-subid");
    subscribes(owner, "n", owner_bare);
    const std::string id = subid(owner, "n", owner_bare);
    get(owner, "i2", "<items node='n' subid='" + id + "'/>");
    CHECK(next(owner).attr_or("type", "") == "result");
}

TEST_CASE_METHOD(Stage, "subscriber-retrieve-error-node", "[xep-0060]") {
    get(reader, "i1", "<items node='nowhere'/>");
    error(reader, "i1", "cancel", "item-not-found");
    get(reader, "i2", "<items/>");
    error(reader, "i2", "modify", "bad-request", "nodeid-required");
}

TEST_CASE_METHOD(
    Stage, "subscriber-retrieve-returnsome: RSM forwards and backwards", "[xep-0060][xep-0059]"
) {
    creates(owner, "n");
    for (const char* id : {"a", "b", "c", "d", "e"}) publishes(owner, "n", id);
    const Answer first = read(*this, owner, page("<max>2</max>"));
    CHECK(first.ids == "a b ");
    CHECK(first.count == "5");
    CHECK(first.index == "0");
    const Answer second = read(*this, owner, page("<max>2</max><after>" + first.last + "</after>"));
    CHECK(second.ids == "c d ");
    CHECK(second.index == "2");
    const Answer third = read(*this, owner, page("<max>2</max><after>" + second.last + "</after>"));
    CHECK(third.ids == "e ");
    const Answer none = read(*this, owner, page("<max>2</max><after>" + third.last + "</after>"));
    CHECK(none.ids.empty());
    CHECK(none.first.empty());
    CHECK(none.count == "5");
    CHECK(read(*this, owner, page("<max>2</max><before/>")).ids == "d e ");
    CHECK(
        read(*this, owner, page("<max>2</max><before>" + third.first + "</before>")).ids == "c d "
    );
    CHECK(read(*this, owner, page("<max>2</max><index>3</index>")).ids == "d e ");
    const Answer count = read(*this, owner, page("<max>0</max>"));
    CHECK(count.ids.empty());
    CHECK(count.count == "5");
}

TEST_CASE_METHOD(Stage, "a page neither skips nor repeats while items come and go", "[xep-0059]") {
    creates(owner, "n");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    const Answer first = read(*this, owner, page("<max>2</max>"));
    set(owner, "r1", "<retract node='n'><item id='b'/></retract>");   // where the page ended
    result(owner, "r1");
    publishes(owner, "n", "a");   // moves to the end
    const std::string rest = page("<max>9</max><after>" + first.last + "</after>");
    CHECK(read(*this, owner, rest).ids == "c d a ");
    owner_set(owner, "x1", "<purge node='n'/>");
    result(owner, "x1");
    publishes(owner, "n", "new");
    CHECK(read(*this, owner, rest).ids == "new ");
    get(owner, "i1", page("<after>never given</after>"));
    error(owner, "i1", "cancel", "item-not-found");
}

TEST_CASE_METHOD(Stage, "an answer that is cut says so, asked or not", "[xep-0059]") {
    auto small = settings();
    small.page_max = 3;
    restart(small);
    creates(owner, "n");
    for (const char* id : {"a", "b", "c", "d"}) publishes(owner, "n", id);
    const Answer cut = read(*this, owner, "<items node='n'/>");
    CHECK(cut.ids == "a b c ");
    CHECK(cut.count == "4");
    CHECK(read(*this, owner, page("<max>100</max>")).ids == "a b c ");   // RFC 8600 §8.3.5
    small.page_max = 500;
    small.page_bytes_max = 80;   // two payloads of 36
    restart(small);
    CHECK(read(*this, owner, "<items node='n'/>").ids == "a b ");
    CHECK(read(*this, owner, "<items node='n' max_items='3'/>").ids == "c d ");
    get(owner, "i1", "<items node='n'><item id='a'/><item id='b'/><item id='c'/></items>");
    error(owner, "i1", "modify", "policy-violation");
}

TEST_CASE_METHOD(Stage, "same item id in two nodes", "[part-f-22]") {
    creates(owner, "n");
    creates(owner, "m");
    publishes(owner, "n", "a");
    set(owner, "p1", "<publish node='m'><item id='a'><other xmlns='urn:x:o'/></item></publish>");
    result(owner, "p1");
    get(owner, "i1", "<items node='n'/>");
    result(
        owner, "i1",
        "<pubsub xmlns='" + pubsub_ns +
            "'><items node='n'><item id='a'>"
            "<alert xmlns='urn:x:alert'>a</alert></item></items></pubsub>"
    );
}

}   // namespace xep0060_retrieve_test
