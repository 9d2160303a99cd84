// tests/unit/controller/history_test.cpp: requests for the history of a topic: their URLs, their
// rights, BulkQuery, and the text of the answer.
#include <catch2/catch.hpp>

#include <boost/json.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/bulk/history.hpp"
#include "controller/requests/history_requests.hpp"
#include "xml/datetime.hpp"

namespace history_test {

using namespace grid::controller;
using bulk::HistoryFormat;
using bulk::HistoryQuestion;
using bulk::HistoryRequest;
using bulk::HistoryText;
using grid::test::GridStage;
using grid::xml::Element;

namespace {

const std::string ann = "ann@grid.example", bob = "bob@grid.example", eve = "eve@grid.example";
const std::string policy_text =
    "allow client ann to discover, create, publish on *\n"
    "allow client bob to discover, subscribe, retrieve, bulk on T*\n"
    "allow client eve to discover on T*\n"
    "deny client mel to discover on *\n";

struct HistoryStage : GridStage {
    HistoryStage() : GridStage(with_url()) {
        policy(policy_text);
        for (const char* jid :
             {"ann@grid.example/1", "bob@grid.example/1", "eve@grid.example/1", "mel@grid.example/1"
             })
            member(jid, "[]");
        const std::string form =
            "<configure><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            "http://jabber.org/protocol/pubsub#node_config</value></field><field "
            "var='pubsub#max_items'><value>10</value></field></x></configure>";
        broker("<create node='T-1'/>" + form);
        broker("<subscribe node='T-1' jid='bob@grid.example'/>", "bob@grid.example/1");
        for (const char* id : {"a", "b", "c"})
            broker(
                "<publish node='T-1'><item id='" + std::string(id) +
                "'><x xmlns='urn:x'/></item></publish>"
            );
    }
    static Settings with_url() {
        Settings settings = default_settings();
        settings.files.url = "https://grid.example:8443";
        return settings;
    }
    void broker(const std::string& inner, const std::string& who = "ann@grid.example/1") {
        const Element answer = sends(
            who,
            "<iq type='set' id='1' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub'>" +
                inner + "</pubsub></iq>"
        );
        INFO(to_string(answer));
        REQUIRE(answer.attr_or("type", "") == "result");
    }
    const State& state() { return controller().state_for_admin(); }

    /// "200 COUNT", or the status and code of the refusal.
    std::string ask(const std::string& bare, const std::string& query) {
        auto request = bulk::parse_history_query(query);
        REQUIRE(request.has_value());
        HistoryQuestion question{*request, {}};
        auto& client = question.clients.emplace_back();
        client.principal = principal(bare + "/1");
        client.identity = identity(bare);
        const auto answer =
            requests::ask_history(state(), question, context(client.principal).now, true);
        if (!answer) return std::to_string(answer.error().status) + " " + answer.error().code;
        return "200 " + std::to_string(answer->view.count);
    }
    std::string grid_query(const std::string& bare, const std::string& inner) {
        const Element answer = sends(
            bare + "/1",
            "<iq type='get' id='1' to='controller.grid.example'><grid xmlns='gi' type='request'>"
            "<BulkQuery xmlns='com.domain.gi.gcl.controller'>" +
                inner + "</BulkQuery></grid></iq>"
        );
        return grid::xml::to_string(answer);
    }
};

}   // namespace

TEST_CASE("history: the query of a URL") {
    const auto request = bulk::parse_history_query(
        "topic=a%2Fb+c&start=2026-11-01T00:00:00Z&end=2026-11-02T00:00:00Z&filter=risk%20%3D%203"
        "&format=ndjson&after=ff&sid=bd-1&expires=2026-12-01T00:00:00Z"
    );
    REQUIRE(request.has_value());
    CHECK(request->wish.node == "a/b c");
    CHECK(request->wish.start == grid::xml::parse_datetime("2026-11-01T00:00:00Z"));
    CHECK(request->wish.end == grid::xml::parse_datetime("2026-11-02T00:00:00Z"));
    CHECK(request->wish.filter == "risk = 3");
    CHECK(request->format == HistoryFormat::Ndjson);
    CHECK(request->wish.after == "ff");
    CHECK(request->sid == "bd-1");
    CHECK(request->expires == grid::xml::parse_datetime("2026-12-01T00:00:00Z"));
    const std::string url = bulk::url_of(*request, "https://x:1");
    REQUIRE(url.starts_with("https://x:1/bulk/history?"));
    const auto again = bulk::parse_history_query(url.substr(url.find('?') + 1));
    REQUIRE(again.has_value());
    CHECK(again->wish == request->wish);
    CHECK(again->sid == request->sid);
    CHECK(again->expires == request->expires);

    for (const char* bad :
         {"", "start=2026-11-01T00:00:00Z", "topic=", "topic=t&topic=t", "topic=t&start=now",
          "topic=t&format=csv", "topic=t&colour=red", "topic=%zz",
          "topic=t&start=2026-11-02T00:00:00Z&end=2026-11-01T00:00:00Z"}) {
        CAPTURE(bad);
        CHECK_FALSE(bulk::parse_history_query(bad).has_value());
    }
    CHECK_FALSE(bulk::parse_history_query("topic=" + std::string(9'000, 'a')).has_value());
    CHECK(bulk::parse_history_query("topic=t&&").has_value());
}

TEST_CASE("history: the text of an answer") {
    HistoryRequest request;
    request.wish.node = "T & 'co'";
    request.wish.start = 0;
    SECTION("one document") {
        HistoryText text(request);
        std::string out;
        text.begin(out);
        text.add(out, {"i<1>", "a@b", "c1", "<x xmlns='urn:x'/>", 1'000});
        text.add(out, {"i2", "", "c2", "", 1'000});
        text.end(out, "c2");
        CHECK(
            out ==
            "<?xml version='1.0' encoding='UTF-8'?>\n<history xmlns='gi#history' topic='T &amp; "
            "&apos;co&apos;' start='1970-01-01T00:00:00.000Z'>\n"
            "<item id='i&lt;1>' publisher='a@b' time='1970-01-01T00:00:01.000Z' cursor='c1'>"
            "<x xmlns='urn:x'/></item>\n"
            "<item id='i2' time='1970-01-01T00:00:01.000Z' cursor='c2'/>\n"
            "<end items='2' cursor='c2'/>\n</history>\n"
        );
    }
    SECTION("lines of JSON") {
        request.format = HistoryFormat::Ndjson;
        HistoryText text(request);
        std::string out;
        text.begin(out);
        CHECK(out.empty());
        const std::string payload = "<x xmlns=\"urn:x\">\\ \n\t\x01 é</x>";
        text.add(out, {"i\"1", "a@b", "c1", payload, 1'000});
        text.end(out, "c1");
        const auto line = out.find('\n');
        const auto item = boost::json::parse(out.substr(0, line)).as_object();
        CHECK(item.at("id").as_string() == "i\"1");
        CHECK(item.at("publisher").as_string() == "a@b");
        CHECK(item.at("time").as_string() == "1970-01-01T00:00:01.000Z");
        CHECK(item.at("cursor").as_string() == "c1");
        CHECK(item.at("payload").as_string() == payload);
        const auto end = boost::json::parse(out.substr(line + 1)).as_object();
        CHECK(end.at("end").as_bool());
        CHECK(end.at("items").as_int64() == 1);
        CHECK(end.at("cursor").as_string() == "c1");
    }
}

TEST_CASE_METHOD(HistoryStage, "history: by HTTPS, certificate, account and policy are asked") {
    CHECK(ask(bob, "topic=T-1") == "200 3");
    CHECK(ask(bob, "topic=T-2") == "404 not-found");
    CHECK(ask(bob, "topic=T-1&after=x") == "410 cursor-gone");
    CHECK(ask(bob, "topic=T-1&expires=1999-01-01T00:00:00Z") == "410 offer-expired");
    CHECK(ask(eve, "topic=T-1") == "403 forbidden");
    CHECK(ask(eve, "topic=T-2") == "404 not-found");
    // As for a topic that is not there.
    CHECK(ask("mel@grid.example", "topic=T-1") == "404 not-found");
    CHECK(ask("mel@grid.example", "topic=none") == "404 not-found");
    CHECK(rest("root@grid.example", "POST", "/accounts/bob@grid.example/disable").first == 200);
    CHECK(ask(bob, "topic=T-1").starts_with("403 "));
}

TEST_CASE_METHOD(HistoryStage, "history: a right that goes on is asked for again") {
    auto request = bulk::parse_history_query("topic=T-1&after=x");
    HistoryQuestion question{*request, {}};
    auto& client = question.clients.emplace_back();
    client.principal = principal("bob@grid.example/1");
    client.identity = identity(bob);
    const auto now = context(client.principal).now;
    CHECK(requests::still_may_have_history(state(), question, now).allowed);
    const std::string less =
        R"({"text":"allow client bob to discover, subscribe, retrieve on T*\n"})";
    REQUIRE(rest("root@grid.example", "PUT", "/policy", less).first == 200);
    CHECK_FALSE(requests::still_may_have_history(state(), question, now).allowed);
}

TEST_CASE_METHOD(HistoryStage, "history: BulkQuery offers it to whom the policy lets take it") {
    CHECK(grid_query(bob, "<list/>").find("topic='T-1' items='3'") != std::string::npos);
    CHECK(grid_query(eve, "<list/>").find("T-1") == std::string::npos);
    const std::string ask_for = "<download><param name='topic'>T-1</param></download>";
    const std::string offered = grid_query(bob, ask_for);
    CHECK(offered.find("items='3'") != std::string::npos);
    CHECK(
        offered.find("url='https://grid.example:8443/bulk/history?topic=T-1") != std::string::npos
    );
    CHECK(grid_query(eve, ask_for).find("<denied xmlns='gi#errors'/>") != std::string::npos);
    const std::string unknown = grid_query("mel@grid.example", ask_for);
    CHECK(unknown.find("<unknown-capability xmlns='gi#errors'/>") != std::string::npos);
    const std::string streams = grid_query(
        bob, "<download><param name='topic'>T-1</param><transport>s5b</transport></download>"
    );
    CHECK(streams.find("<feature-not-implemented") != std::string::npos);
    CHECK(streams.find("name='s5b'") != std::string::npos);
    const std::string in_band = grid_query(
        bob,
        "<download><param name='topic'>T-1</param><transport>ibb</transport>"
        "<transport>https</transport></download>"
    );
    CHECK(in_band.find("transport='ibb' items='3'") != std::string::npos);
    CHECK(in_band.find("url=") == std::string::npos);
    const std::string empty = grid_query(
        bob,
        "<download><param name='topic'>T-1</param><param name='end'>2001-01-01T00:00:00Z</param>"
        "</download>"
    );
    CHECK(empty.find("<value items='0'/>") != std::string::npos);
}

}   // namespace history_test
