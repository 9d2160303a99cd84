// tests/xep/xep0462_cost_test.cpp: the cost of type filters when a client thinks of a new one
// each time.
#include "stage.hpp"

namespace xep0462_cost_test {

using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", mole = "mole@grid.example/x";

std::string discovers(const std::string& inner = "") {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#items'>" + inner +
           "</query></iq>";
}

std::string excludes(const std::string& type) {
    return "<filter xmlns='urn:xmpp:pubsub-filter:0'><x xmlns='jabber:x:data' type='submit'>"
           "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:pubsub-filter:0</value></field>"
           "<field var='excluded-types'><value>" +
           type +
           "</value></field></x></filter><set xmlns='http://jabber.org/protocol/rsm'>"
           "<max>10</max></set>";
}

}   // namespace

TEST_CASE_METHOD(Stage, "XEP-0462: a filter of one's own does not have the policy asked again") {
    for (int i = 0; i < 600; ++i) creates(owner, "n" + std::to_string(i));
    std::size_t asked = 0;
    policy.rule = [&](auto, auto, auto) { return ++asked != 0; };
    sends(mole, discovers());
    CHECK(asked >= 600);
    asked = 0;
    for (int i = 0; i < 5; ++i) {
        sends(mole, discovers(excludes("urn:type:" + std::to_string(i))));
        CHECK(next(mole).attr_or("type", "") == "result");
    }
    CHECK(asked == 0);
}

}   // namespace xep0462_cost_test
