// tests/xep/xep0313_archive_test.cpp: the archive of a node (XEP-0313 with XEP-0442).
#include "pubsub/pages/item_pages.hpp"
#include "stage.hpp"

namespace xep0313_archive_test {

using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "sensor@grid.example/probe", other = "desk@grid.example/soc";
const std::string other_bare = "desk@grid.example";
constexpr grid::storage::Millis minute = 60'000;

std::string field(const std::string& var, const std::string& value) {
    return "<field var='" + var + "'><value>" + value + "</value></field>";
}
std::string form(const std::string& fields) {
    return "<x xmlns='jabber:x:data' type='submit'>" + field("FORM_TYPE", "urn:xmpp:mam:2") +
           fields + "</x>";
}
std::string rsm(const std::string& inner) {
    return "<set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>";
}
std::string query(const std::string& inner, const std::string& node = "n") {
    return "<iq type='set' id='m'><query xmlns='urn:xmpp:mam:2' queryid='q' node='" + node + "'>" +
           inner + "</query></iq>";
}

/// An answer as text: "a b c of 3 from 0 complete", and its cursors.
struct Answer {
    std::string text, first, last;
    std::vector<std::string> cursors;
};

Answer ask(Stage& stage, const std::string& inner, const std::string& who = owner) {
    stage.forget();
    stage.sends(who, query(inner));
    Answer answer;
    auto stanza = stage.next(who);
    for (; stanza.name() == "message"; stanza = stage.next(who)) {
        const auto* result = stanza.first_child();
        REQUIRE(result->is("result", grid::xml::Ns("urn:xmpp:mam:2")));
        CHECK(result->attr_or("queryid", "") == "q");
        answer.cursors.emplace_back(result->attr_or("id", ""));
        const auto* message = result->first_child()->children().at(1);
        answer.text += message->first_child()->first_child()->first_child()->attr_or("id", "?");
        answer.text += " ";
    }
    if (stanza.attr_or("type", "") == "error")
        return {std::string(stanza.first_child()->first_child()->name()), "", "", {}};
    const auto* fin = stanza.first_child();
    const auto* rsm = fin->first_child();
    answer.text += "of " + rsm->child("count")->text();
    if (const auto* first = rsm->child("first")) {
        answer.text += " from " + std::string(first->attr_or("index", "?"));
        answer.first = first->text();
        answer.last = rsm->child("last")->text();
    }
    if (fin->attr_or("complete", "") == "true") answer.text += " complete";
    return answer;
}

/// Items a to f, a minute apart.
void fill(Stage& stage, const std::string& fields = "") {
    stage.creates(owner, "n", fields);
    for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
        stage.publishes(owner, "n", id);
        stage.advance(minute);
    }
}

std::string time(int minutes) { return "2026-01-01T00:0" + std::to_string(minutes) + ":00Z"; }

}   // namespace

TEST_CASE_METHOD(Stage, "sect-query: what a result and its end look like", "[0313][0442]") {
    creates(owner, "n");
    set(owner, "p1",
        "<publish node='n'><item id='a'><alert xmlns='urn:x:alert'>Hi</alert></item></publish>");
    const std::string id = ask(*this, "").cursors.at(0);
    CHECK(id.size() == 32);   // and unpredictable: no revision of the store
    forget();
    sends(owner, query(""));
    receives(
        owner,
        "<message from='pubsub.grid.example' to='" + owner +
            "'><result xmlns='urn:xmpp:mam:2' "
            "queryid='q' id='" +
            id +
            "'><forwarded xmlns='urn:xmpp:forward:0'>"
            "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00.000Z'/>"
            "<message xmlns='jabber:client' from='pubsub.grid.example'><event xmlns='" +
            pubsub_ns +
            "#event'><items node='n'><item id='a' publisher='sensor@grid.example'>"
            "<alert "
            "xmlns='urn:x:alert'>Hi</alert></item></items></event></message></forwarded></result>"
            "</message>"
    );
    result(
        owner, "m",
        "<fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'>"
        "<first index='0'>" +
            id + "</first><last>" + id + "</last><count>1</count></set></fin>"
    );
    receives_nothing(owner);
}

TEST_CASE_METHOD(Stage, "filter-time: start and end are inclusive", "[0313]") {
    fill(*this);
    CHECK(ask(*this, "").text == "a b c d e f of 6 from 0 complete");
    CHECK(ask(*this, form(field("start", time(2)))).text == "c d e f of 4 from 0 complete");
    CHECK(ask(*this, form(field("end", time(2)))).text == "a b c of 3 from 0 complete");
    CHECK(
        ask(*this, form(field("start", time(1)) + field("end", time(3)))).text ==
        "b c d of 3 from 0 complete"
    );
    CHECK(ask(*this, form(field("start", time(9)))).text == "of 0 complete");
    CHECK(
        ask(*this, form(field("start", time(4)) + field("end", time(1)))).text == "of 0 complete"
    );
    CHECK(ask(*this, form(field("start", "yesterday"))).text == "bad-request");
}

TEST_CASE_METHOD(Stage, "query-limit-id: before-id, after-id and ids", "[0313]") {
    fill(*this);
    const auto id = ask(*this, "").cursors;
    CHECK(ask(*this, form(field("after-id", id[1]))).text == "c d e f of 4 from 0 complete");
    CHECK(ask(*this, form(field("before-id", id[1]))).text == "a of 1 from 0 complete");
    CHECK(
        ask(*this, form(field("after-id", id[0]) + field("before-id", id[3]))).text ==
        "b c of 2 from 0 complete"
    );
    const std::string two =
        "<field var='ids'><value>" + id[4] + "</value><value>" + id[1] + "</value></field>";
    CHECK(ask(*this, form(two)).text == "b e of 2 from 0 complete");
    CHECK(ask(*this, form(two + field("start", time(3)))).text == "e of 1 from 0 complete");
    CHECK(ask(*this, form(two) + rsm("<max>1</max>")).text == "b of 2 from 0");
    CHECK(
        ask(*this, form(two) + rsm("<max>1</max><after>" + id[1] + "</after>")).text ==
        "e of 2 from 1 complete"
    );
    for (const char* var : {"after-id", "before-id", "ids"})
        for (const char* unknown : {"nonsense", "1:1", "1:999999", "2:3", ""})
            CHECK(ask(*this, form(field(var, unknown))).text == "item-not-found");
}

TEST_CASE_METHOD(Stage, "filter-jid: the publisher, for who may know it", "[0313]") {
    creates(owner, "n", "type=urn:x:alert");
    affiliates(owner, "n", other_bare, "publisher");
    publishes(owner, "n", "a");
    publishes(other, "n", "b");
    publishes(owner, "n", "c");
    CHECK(ask(*this, form(field("with", other_bare))).text == "b of 1 from 0 complete");
    CHECK(
        ask(*this, form(field("with", "sensor@grid.example")) + rsm("<max>1</max>")).text ==
        "a of 2 from 0"
    );
    CHECK(ask(*this, form(field("with", "else@grid.example"))).text == "of 0 complete");
    CHECK(ask(*this, form(field("with", "@@"))).text == "bad-request");
    configures(owner, "n", "itemreply=none");   // then nobody hears who published
    CHECK(ask(*this, form(field("with", other_bare))).text == "of 0 complete");
}

TEST_CASE_METHOD(Stage, "query-form: the fields, and no others", "[0313]") {
    sends(owner, "<iq type='get' id='m'><query xmlns='urn:xmpp:mam:2'/></iq>");
    result(
        owner, "m",
        "<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='form'>"
        "<field type='hidden' var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>"
        "<field type='jid-single' var='with'/><field type='text-single' var='start'/>"
        "<field type='text-single' var='end'/><field type='text-single' var='before-id'/>"
        "<field type='text-single' var='after-id'/><field type='list-multi' var='ids'>"
        "<validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:string'><open/>"
        "</validate></field></x></query>"
    );
    fill(*this);
    CHECK(ask(*this, form(field("free-text", "x"))).text == "feature-not-implemented");
    CHECK(ask(*this, "<x xmlns='jabber:x:data' type='submit'/>").text == "bad-request");
    CHECK(ask(*this, form("") + form("")).text == "bad-request");
    CHECK(
        ask(*this, form(
                       "<field var='start'><value>" + time(1) + "</value><value>" + time(2) +
                       "</value></field>"
                   ))
            .text == "bad-request"
    );
}

TEST_CASE_METHOD(Stage, "query-paging: forwards, backwards, by index, count only", "[0313][0059]") {
    fill(*this);
    const auto id = ask(*this, "").cursors;
    const auto after = [&](std::size_t i) { return "<after>" + id[i] + "</after>"; };
    const auto before = [&](std::size_t i) { return "<before>" + id[i] + "</before>"; };
    auto page = ask(*this, rsm("<max>4</max>"));
    CHECK(page.text == "a b c d of 6 from 0");
    CHECK(page.first == id[0]);
    CHECK(page.last == id[3]);
    CHECK(ask(*this, rsm("<max>4</max>" + after(3))).text == "e f of 6 from 4 complete");
    CHECK(ask(*this, rsm("<max>4</max>" + after(5))).text == "of 6 complete");
    CHECK(ask(*this, rsm("<max>2</max><before/>")).text == "e f of 6 from 4");
    CHECK(ask(*this, rsm("<max>2</max>" + before(2))).text == "a b of 6 from 0 complete");
    CHECK(ask(*this, rsm("<max>2</max>" + before(3))).text == "b c of 6 from 1");
    CHECK(ask(*this, rsm("<max>2</max><index>3</index>")).text == "d e of 6 from 3");
    CHECK(ask(*this, rsm("<max>0</max>")).text == "of 6");
    CHECK(ask(*this, rsm("<max>2</max><after>nonsense</after>")).text == "item-not-found");
    CHECK(ask(*this, rsm("<max>2</max><before>1:999999</before>")).text == "item-not-found");
    CHECK(
        ask(*this, form(field("start", time(1))) + rsm("<max>2</max>" + after(2))).text ==
        "d e of 5 from 2"
    );
}

TEST_CASE_METHOD(Stage, "complete: the page has all that lies between its bounds", "[0313][0059]") {
    fill(*this);
    const auto id = ask(*this, "").cursors;
    const auto between = [&](std::size_t after, std::size_t before, const std::string& max) {
        const std::string bounds =
            "<after>" + id[after] + "</after><before>" + id[before] + "</before>";
        return ask(*this, rsm("<max>" + max + "</max>" + bounds)).text;
    };
    CHECK(between(0, 5, "9") == "b c d e of 6 from 1 complete");
    CHECK(between(0, 5, "4") == "b c d e of 6 from 1 complete");
    CHECK(between(0, 5, "2") == "d e of 6 from 3");
    CHECK(between(0, 1, "2") == "of 6 complete");
    CHECK(between(4, 1, "2") == "of 6 complete");
    CHECK(between(0, 5, "0") == "of 6");
    CHECK(
        ask(*this, rsm("<before/><after>" + id[3] + "</after>")).text == "e f of 6 from 4 complete"
    );
    CHECK(
        ask(*this, rsm("<max>1</max><before/><after>" + id[3] + "</after>")).text == "f of 6 from 5"
    );
    CHECK(ask(*this, rsm("<before>" + id[0] + "</before>")).text == "of 6 complete");
    const std::string bounds = form(field("after-id", id[0]) + field("before-id", id[5]));
    CHECK(ask(*this, bounds).text == "b c d e of 4 from 0 complete");
    CHECK(ask(*this, bounds + rsm("<max>2</max><before/>")).text == "d e of 4 from 2");
    CHECK(
        ask(*this, bounds + rsm("<max>2</max><before>" + id[3] + "</before>")).text ==
        "b c of 4 from 0 complete"
    );
    CHECK(
        ask(*this, form(field("after-id", id[4]) + field("before-id", id[1])) + rsm("<before/>"))
            .text == "of 0 complete"
    );
}

TEST_CASE_METHOD(Stage, "query-paging-flip: the same page, newest first", "[0313]") {
    fill(*this);
    const auto page = ask(*this, rsm("<max>3</max>") + "<flip-page/>");
    CHECK(page.text == "c b a of 6 from 0");
    CHECK(page.first == page.cursors[2]);
    CHECK(page.last == page.cursors[0]);
}

TEST_CASE_METHOD(Stage, "paging goes on where the last item of a page has gone", "[0313]") {
    fill(*this);
    const auto page = ask(*this, rsm("<max>2</max>"));
    set(owner, "r", "<retract node='n'><item id='b'/></retract>");
    CHECK(
        ask(*this, rsm("<max>2</max><after>" + page.last + "</after>")).text == "c d of 5 from 1"
    );
    CHECK(ask(*this, form(field("ids", page.last))).text == "item-not-found");
}

TEST_CASE_METHOD(
    Stage, "the archive has what is kept, shown or hidden, and no more", "[0313][0442]"
) {
    auto few = settings();
    few.archive.items_max = 4;
    restart(few);
    fill(*this, "max_items=1");
    const auto page = ask(*this, "");   // before anything was erased
    CHECK(page.text == "c d e f of 4 from 0 complete");
    work_off();
    CHECK(ask(*this, "").text == page.text);
    publishes(owner, "n", "g");   // then c is kept no more, and what is behind it is all there
    const auto behind_c = form(field("after-id", page.first));
    CHECK(ask(*this, behind_c).text == "d e f g of 4 from 0 complete");
    work_off();
    CHECK(ask(*this, behind_c).text == "d e f g of 4 from 0 complete");
    publishes(owner, "n", "h");
    for (int i = 0; i < 3;
         ++i) {   // d is missing behind it: before it is erased, after, and for good
        CHECK(ask(*this, behind_c).text == "item-not-found");
        work_off();
        if (i == 1) restart(few);
    }
    owner_set(owner, "x", "<purge node='n'/>");
    CHECK(ask(*this, "").text == "of 0 complete");
    CHECK(ask(*this, rsm("<after>" + page.last + "</after>")).text == "of 0 complete");
    CHECK(ask(*this, behind_c).text == "item-not-found");
}

TEST_CASE_METHOD(Stage, "archive-metadata", "[0313]") {
    fill(*this);
    const auto id = ask(*this, "").cursors;
    const std::string metadata =
        "<iq type='get' id='m'><metadata xmlns='urn:xmpp:mam:2' node='n'/></iq>";
    sends(owner, metadata);
    result(
        owner, "m",
        "<metadata xmlns='urn:xmpp:mam:2'><start id='" + id[0] +
            "' timestamp='2026-01-01T00:00:00.000Z'/><end id='" + id[5] +
            "' timestamp='2026-01-01T00:05:00.000Z'/></metadata>"
    );
    owner_set(owner, "x", "<purge node='n'/>");
    forget();
    sends(owner, metadata);
    result(owner, "m", "<metadata xmlns='urn:xmpp:mam:2'/>");
}

TEST_CASE_METHOD(
    Stage, "who may not retrieve items may not query: the same errors", "[0313][0442]"
) {
    fill(*this);
    configures(owner, "n", "access_model=whitelist");
    CHECK(ask(*this, "", other).text == "not-allowed");
    sends(other, "<iq type='get' id='m'><metadata xmlns='urn:xmpp:mam:2' node='n'/></iq>");
    error(other, "m", "cancel", "not-allowed", "closed-node");
    policy.rule = [](auto, grid::pubsub::Right operation, auto) {
        return operation != grid::pubsub::Right::Retrieve;
    };
    CHECK(ask(*this, "").text == "forbidden");
    policy.rule = nullptr;
    sends(owner, query("", "nowhere"));
    error(owner, "m", "cancel", "item-not-found");
    sends(owner, "<iq type='set' id='m'><query xmlns='urn:xmpp:mam:2'/></iq>");
    error(owner, "m", "modify", "bad-request", "nodeid-required");
    creates(owner, "transient", "persist_items=0");
    sends(owner, query("", "transient"));
    error(owner, "m", "cancel", "feature-not-implemented", "unsupported persistent-items");
}

TEST_CASE_METHOD(Stage, "a page has at most page_bytes_max of payloads, but one item", "[0313]") {
    auto small = settings();
    small.page_bytes_max = 80;   // two payloads of 36 bytes
    restart(small);
    fill(*this);
    const auto page = ask(*this, "");
    CHECK(page.text == "a b of 6 from 0");
    CHECK(ask(*this, rsm("<before/>")).text == "e f of 6 from 4");
    small.page_bytes_max = 1;
    restart(small);
    CHECK(ask(*this, rsm("<after>" + page.last + "</after>")).text == "c of 6 from 2");
}

}   // namespace xep0313_archive_test
