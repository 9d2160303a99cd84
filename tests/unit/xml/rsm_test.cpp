// tests/unit/xml/rsm_test.cpp: XEP-0059 as it is asked and answered.
#include "xml/rsm.hpp"

#include <catch2/catch.hpp>

#include "xml_tests.hpp"

namespace rsm_test {

using namespace grid::xml;
using grid::test::element_of;

namespace {

auto parse(const std::string& inside) {
    return RsmRequest::parse(element_of(
        "<q xmlns='urn:q'><set xmlns='http://jabber.org/protocol/rsm'>" + inside + "</set></q>"
    ));
}

}   // namespace

TEST_CASE("no set is no request, and another namespace's set is none") {
    for (std::string text : {"<q/>", "<q><set/></q>"}) {
        auto request = RsmRequest::parse(element_of(text));
        REQUIRE(request.has_value());
        CHECK_FALSE(*request);
    }
}

TEST_CASE("a request is read") {
    auto request = parse("<max>10</max><after>id 1</after><index>30</index>");
    REQUIRE((request && *request));
    CHECK((*request)->max == 10u);
    CHECK((*request)->after == "id 1");
    CHECK((*request)->index == 30u);
    CHECK_FALSE((*request)->before);
}

TEST_CASE("an empty before asks for the last page, an empty after for the first") {
    auto request = parse("<max>0</max><before/>");
    REQUIRE((request && *request));
    CHECK((*request)->before == "");
    CHECK((*request)->max == 0u);
    request = parse("<after/>");
    REQUIRE((request && *request));
    CHECK_FALSE((*request)->after);
}

TEST_CASE("a number that is none is a bad request, and a huge one is as good as all") {
    for (std::string text :
         {"<max/>", "<max>-1</max>", "<max>ten</max>", "<max>1.5</max>", "<max> 1</max>",
          "<index>x</index>"}) {
        auto request = parse(text);
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().condition == "bad-request");
    }
    auto request = parse("<max>99999999999999999999999</max>");
    REQUIRE((request && *request));
    CHECK((*request)->max == UINT32_MAX);
}

TEST_CASE("a page names its ends, an empty one does not (XEP-0059 2.3)") {
    CHECK(
        to_string(RsmReply{"a", "c", 0, 800}.to_element()) ==
        "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>c</last>"
        "<count>800</count></set>"
    );
    CHECK(
        to_string(RsmReply{"", "", {}, 0}.to_element()) ==
        "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>"
    );
    CHECK(
        to_string(RsmReply{"a", "a", {}, {}}.to_element()) ==
        "<set xmlns='http://jabber.org/protocol/rsm'><first>a</first><last>a</last></set>"
    );
}

}   // namespace rsm_test
