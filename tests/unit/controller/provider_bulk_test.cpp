// tests/unit/controller/provider_bulk_test.cpp: questions for bulk data that go to a provider, and
// the streams that answers offer.
#include "controller/gi/provider_bulk.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <variant>

#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace provider_bulk_test {

namespace gi = grid::controller::gi;

namespace {

grid::xml::Element payload(const std::string& inner, const std::string& dialect = "gi") {
    auto parsed = grid::xml::parse_document(
        "<grid xmlns='" + dialect + "' type='request'>" + inner + "</grid>", {}
    );
    REQUIRE(std::holds_alternative<grid::xml::Element>(parsed));
    return std::get<grid::xml::Element>(std::move(parsed));
}

const std::string query = "<BulkQuery xmlns='com.domain.gi.gcl.controller'>", end = "</BulkQuery>";

std::string stream_in(const std::string& value, const std::string& dialect = "gi") {
    const std::string method = "<download xmlns=''>" + value + "</download>";
    return gi::offered_stream(payload(query + method + end, dialect));
}

}   // namespace

TEST_CASE("provider_bulk: of a question the names and the topic are kept") {
    const auto question = gi::bulk_question(payload(
        query +
        "<download a='b'><param name='start'>2026-01-01T00:00:00Z</param>"
        "<param name='topic'> T-1.0 </param><transport>s5b</transport></download>" +
        end
    ));
    REQUIRE(question);
    CHECK(
        grid::xml::to_string(*question) ==
        "<grid xmlns='gi' type='request'><BulkQuery xmlns='com.domain.gi.gcl.controller'>"
        "<download a='b'><param name='topic'>T-1.0</param></download></BulkQuery></grid>"
    );
    CHECK(gi::topic_of_bulk_query(*question->first_child()) == "T-1.0");
}

TEST_CASE("provider_bulk: a question without a topic, and without a method") {
    CHECK(gi::bulk_question(payload(query + "<list/>" + end, "xgrid")));
    CHECK(gi::bulk_question(payload(query + end)));
    CHECK(gi::topic_of_bulk_query(*payload(query + end).first_child()).empty());
}

TEST_CASE("provider_bulk: other payloads are no such question") {
    CHECK_FALSE(gi::bulk_question(payload("<DiscoveryQuery xmlns='urn:x'/>")));
    CHECK_FALSE(gi::bulk_question(payload("")));
    CHECK_FALSE(gi::bulk_question(payload(query + end, "urn:other")));
}

TEST_CASE("provider_bulk: the stream that an answer offers") {
    CHECK(stream_in("<value sid='bd-1' transport='s5b'/>") == "bd-1");
    CHECK(stream_in("<value sid='bd-1' transport='ibb'/>", "xgrid") == "bd-1");
    CHECK(stream_in("<value sid='bd-1' transport='https' url='https://x/'/>").empty());
    CHECK(stream_in("<value transport='s5b'/>").empty());
    CHECK(stream_in("<value sid='bd-1'/>").empty());
    CHECK(stream_in("").empty());
    CHECK(stream_in("<value sid='bd-1' transport='s5b'/>", "urn:other").empty());
}

}   // namespace provider_bulk_test
