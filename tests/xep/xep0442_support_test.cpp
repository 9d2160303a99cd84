// tests/xep/xep0442_support_test.cpp: the nodes that advertise an archive (XEP-0313 §8,
// XEP-0442).
#include "stage.hpp"

namespace xep0442_support_test {

using grid::test::Stage;

namespace {
const std::string owner = "sensor@grid.example/probe";
}

TEST_CASE_METHOD(Stage, "support: archive features of service and node", "[0313][0442]") {
    creates(owner, "n");
    creates(owner, "transient", "persist_items=0");
    const auto has = [&](const std::string& node) {
        sends(
            owner, "<iq type='get' id='d'><query xmlns='http://jabber.org/protocol/disco#info'" +
                       node + "/></iq>"
        );
        std::size_t found = 0;
        const auto answer = next(owner);
        for (const auto* feature : answer.first_child()->children("feature"))
            found += feature->attr_or("var", "").starts_with("urn:xmpp:mam:2") ? 1 : 0;
        return found;
    };
    CHECK(has("") == 2);
    CHECK(has(" node='n'") == 2);
    CHECK(has(" node='transient'") == 0);
}

}   // namespace xep0442_support_test
