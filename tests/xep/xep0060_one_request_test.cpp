// tests/xep/xep0060_one_request_test.cpp: a <pubsub/> holds one request (XEP-0060 §15.1, §15.3: the
// schemas have a choice).
#include "stage.hpp"

namespace xep0060_one_request_test {

using grid::test::Stage;

namespace {
const std::string owner = "hamlet@grid.example/elsinore";
const std::string item = "<item id='a'><x xmlns='urn:x'/></item>";
}   // namespace

TEST_CASE_METHOD(Stage, "one request: of two operations in one iq none is done", "[xep-0060]") {
    creates(owner, "n");
    creates(owner, "m");
    const std::string publish = "<publish node='n'>" + item + "</publish>";
    set(owner, "p", publish + "<publish node='m'>" + item + "</publish>");
    error(owner, "p", "modify", "bad-request");
    set(owner, "c", "<create node='new'/>" + publish);
    error(owner, "c", "modify", "bad-request");
    set(owner, "r", publish + "<retract node='n'><item id='a'/></retract>");
    error(owner, "r", "modify", "bad-request");
    get(owner, "g", "<items node='n'/>");
    receives(
        owner,
        "<iq xmlns='jabber:client' type='result' id='g' from='pubsub.grid.example' "
        "to='hamlet@grid.example/elsinore'><pubsub "
        "xmlns='http://jabber.org/protocol/pubsub'><items node='n'/></pubsub></iq>"
    );
    set(owner, "again", "<create node='new'/>");   // the first time made nothing
    result(owner, "again");
}

TEST_CASE_METHOD(Stage, "one request: of an owner, likewise", "[xep-0060]") {
    creates(owner, "n");
    creates(owner, "m");
    owner_set(owner, "d", "<purge node='n'/><delete node='m'/>");
    error(owner, "d", "modify", "bad-request");
    owner_set(owner, "e", "<delete node='n'/><delete node='m'/>");
    error(owner, "e", "modify", "bad-request");
    for (const std::string node : {"n", "m"}) {
        owner_set(owner, node, "<delete node='" + node + "'/>");
        result(owner, node);
    }
}

}   // namespace xep0060_one_request_test
