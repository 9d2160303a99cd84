// tests/xep/xep0248_refusals_test.cpp: requests that a collection refuses, and options that are
// not supported (XEP-0060 §7.1.3.2, XEP-0248 §7.2).
#include "stage.hpp"
#include "xml/writer.hpp"

namespace xep0248_refusals_test {

using grid::test::config_form;
using grid::test::Stage;

namespace {
const std::string owner = "francisco@grid.example/barracks";

std::string configure(const std::string& node, const std::string& field, const std::string& value) {
    return "<configure node='" + node +
           "'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
           "http://jabber.org/protocol/pubsub#node_config</value></field><field var='pubsub#" +
           field + "'><value>" + value + "</value></field></x></configure>";
}
}   // namespace

TEST_CASE_METHOD(
    Stage, "publisher-publish-error-notsupported: publish to a collection", "[0248][7.1]"
) {
    creates(owner, "c", "node_type=collection");
    set(owner, "p1",
        "<publish node='c'><item id='a'><alert xmlns='urn:x:alert'/></item></publish>");
    error(owner, "p1", "cancel", "feature-not-implemented", "unsupported publish");
    set(owner, "r1", "<retract node='c'><item id='a'/></retract>");
    error(owner, "r1", "cancel", "feature-not-implemented", "unsupported persistent-items");
    owner_set(owner, "x1", "<purge node='c'/>");
    error(owner, "x1", "cancel", "feature-not-implemented", "unsupported persistent-items");
    CHECK(engine().item_count() == 0);
}

TEST_CASE_METHOD(
    Stage, "body_xslt, dataform_xslt: only where they ask for nothing", "[xep-0060][8.2]"
) {
    creates(owner, "n", "title=Old");
    for (const char* field : {"body_xslt", "dataform_xslt"}) {
        owner_set(owner, "c1", configure("n", field, ""));
        result(owner, "c1");
        owner_set(owner, "c2", configure("n", field, "http://grid.example/style.xsl"));
        error(owner, "c2", "modify", "not-acceptable");
    }
    owner_get(owner, "g1", "<configure node='n'/>");
    CHECK(grid::xml::to_string(next(owner), "jabber:client").find("xslt") == std::string::npos);
}

}   // namespace xep0248_refusals_test
