// tests/unit/controller/policy_conditions_test.cpp: conditions of rules: networks, hours, what is
// refused.
#include <catch2/catch.hpp>

#include "controller/policy/compiled.hpp"
#include "controller/policy/parser.hpp"
#include "xml/datetime.hpp"

namespace policy_conditions_test {

using namespace grid::controller;
using namespace grid::controller::policy;

namespace {

Parsed parsed(std::string_view text) { return parse(text, "grid.example"); }

std::string error_of(std::string_view text) {
    const Parsed result = parsed(text);
    return result.ok() ? "" : result.errors.front().to_text();
}

bool contains(std::string_view network, std::string_view address) {
    std::string error;
    const auto parsed_network = parse_network(network, error);
    const auto parsed_address = parse_address(address);
    REQUIRE(parsed_network);
    REQUIRE(parsed_address);
    return parsed_network->contains(*parsed_address);
}

/// Whether the only rule fits at that instant.
bool holds_at(const std::string& windows, std::string_view time) {
    const Parsed result = parsed("allow any any any time " + windows);
    CAPTURE(windows);
    REQUIRE(result.ok());
    const auto millis = grid::xml::parse_datetime(time);
    REQUIRE(millis);
    Question question;
    question.client = "a@grid.example";
    question.topic = "t";
    question.minute = minute_of_week(*millis);
    return Compiled(result.rules).decide(question).rule == 0;
}

}   // namespace

TEST_CASE("S45: every attribute in one rule, and each alone makes it not fit") {
    const Parsed result = parsed(
        "allow group siem to subscribe, retrieve on incidents/*, alerts type urn:iodef:* "
        "device sensor-? issuer \"CN=Site A, O=Grid\", 3fa9* network 10.0.0.0/8,2001:db8::/32 "
        "time mon-fri 08:00-18:00, sat group day-shift client *-east@grid.example"
    );
    REQUIRE(result.ok());
    CHECK(
        result.rules.front().text ==
        "allow group siem subscribe,retrieve incidents/*,alerts type urn:iodef:* device sensor-? "
        "issuer \"CN=Site A, O=Grid\",3fa9* network 10.0.0.0/8,2001:db8::/32 "
        "time mon-fri 08:00-18:00,sat group day-shift client *-east@grid.example"
    );
    const Compiled compiled(result.rules);
    const Groups groups{"day-shift", "siem"}, others{"siem"};
    Question question;
    question.client = "s1-east@grid.example";
    question.groups = groups;
    question.operation = Right::Subscribe;
    question.topic = "incidents/eu";
    question.type = "urn:iodef:2";
    question.device = "sensor-1";
    question.issuer = "CN=Site A, O=Grid";
    question.address = parse_address("10.20.30.40:5000");
    question.minute = 9 * 60;   // Monday
    const auto fits = [&](auto change) {
        Question other = question;
        change(other);
        return compiled.decide(other).rule == 0;
    };
    CHECK(fits([](Question&) {}));
    CHECK_FALSE(fits([&](Question& q) { q.groups = others; }));
    CHECK_FALSE(fits([](Question& q) { q.client = "s1-west@grid.example"; }));
    CHECK_FALSE(fits([](Question& q) { q.operation = Right::Publish; }));
    CHECK_FALSE(fits([](Question& q) { q.topic = "incident"; }));
    CHECK_FALSE(fits([](Question& q) { q.type = "urn:other"; }));
    CHECK_FALSE(fits([](Question& q) { q.type = ""; }));
    CHECK_FALSE(fits([](Question& q) { q.device = "sensor-10"; }));
    CHECK_FALSE(fits([](Question& q) { q.device = ""; }));
    CHECK_FALSE(fits([](Question& q) { q.issuer = "CN=Site B, O=Grid"; }));
    CHECK(fits([](Question& q) { q.issuer = "CN=Site B", q.anchor = "3fa91234"; }));
    CHECK_FALSE(fits([](Question& q) { q.address = parse_address("192.0.2.1"); }));
    CHECK_FALSE(fits([](Question& q) { q.address.reset(); }));
    CHECK(fits([](Question& q) { q.address = parse_address("[2001:db8::7]:5000"); }));
    CHECK_FALSE(fits([](Question& q) { q.minute = 18 * 60; }));
    CHECK(fits([](Question& q) { q.minute = 5 * day_minutes + 23 * 60; }));   // Saturday
    CHECK_FALSE(fits([](Question& q) { q.minute = 6 * day_minutes; }));
}

TEST_CASE("S45: a service is what is queried; a topic's own name where no other is given") {
    const Parsed result = parsed("allow any query,bulk,discover service Session*");
    REQUIRE(result.ok());
    const Compiled compiled(result.rules);
    const auto allowed = [&](Right operation, std::string_view topic, std::string_view service) {
        Question question;
        question.client = "a@grid.example";
        question.operation = operation;
        question.topic = topic;
        question.service = service;
        return compiled.decide(question).rule == 0;
    };
    CHECK(allowed(Right::Query, "SessionCapability-1.0", ""));
    CHECK(allowed(Right::Bulk, "other", "SessionCapability"));
    CHECK_FALSE(allowed(Right::Query, "SessionCapability-1.0", "Other"));
    CHECK_FALSE(allowed(Right::Discover, "SessionCapability-1.0", ""));
    CHECK(allowed(Right::Discover, "other", "SessionCapability"));
}

TEST_CASE("S45: networks: prefixes, both families, mapped addresses, ports and zones") {
    CHECK(contains("10.0.0.0/8", "10.255.0.1"));
    CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
    CHECK(contains("192.0.2.7", "192.0.2.7"));
    CHECK_FALSE(contains("192.0.2.7", "192.0.2.6"));
    CHECK(contains("192.0.2.6/31", "192.0.2.7"));
    CHECK(contains("0.0.0.0/0", "255.255.255.255"));
    CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    CHECK_FALSE(contains("::/0", "192.0.2.1"));
    CHECK(contains("::/0", "2001:db8::1"));
    CHECK(contains("2001:db8:8000::/33", "2001:db8:ffff::1"));
    CHECK_FALSE(contains("2001:db8:8000::/33", "2001:db8:7fff::1"));
    CHECK(contains("2001:db8::1:0/112", "2001:db8::1:ffff"));
    CHECK_FALSE(contains("2001:db8::1:0/112", "2001:db8::2:0"));
    CHECK(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
    CHECK(contains("10.0.0.0/8", "10.1.1.1:50000"));
    CHECK(contains("fe80::/10", "fe80::1%eth0"));
    CHECK(contains("fe80::/10", "[fe80::1%eth0]:50000"));
    for (const std::string_view none :
         {"", "10.0.0", "10.0.0.256", "localhost", "2001:db8::g", "[", "[::1", ":", "1.2.3.4:x:y"})
        CHECK_FALSE(parse_address(none));
}

TEST_CASE("S45: time windows: days, hours, over midnight, over the end of the week") {
    // 2026-11-02 is a Monday.
    CHECK(holds_at("mon-fri 08:00-17:30", "2026-11-02T08:00:00Z"));
    CHECK(holds_at("mon-fri 08:00-17:30", "2026-11-06T17:29:59Z"));
    CHECK_FALSE(holds_at("mon-fri 08:00-17:30", "2026-11-06T17:30:00Z"));
    CHECK_FALSE(holds_at("mon-fri 08:00-17:30", "2026-11-07T12:00:00Z"));
    // UTC, wherever the one who asks is.
    CHECK(holds_at("mon 08:00-09:00", "2026-11-02T10:30:00+02:00"));
    CHECK(holds_at("sat,sun", "2026-11-08T23:59:00Z"));
    // Hours count for all days before them.
    CHECK(holds_at("mon,wed 08:00-09:00,sat", "2026-11-04T08:30:00Z"));
    CHECK_FALSE(holds_at("mon,wed 08:00-09:00,sat", "2026-11-02T10:00:00Z"));
    CHECK(holds_at("mon,wed 08:00-09:00,sat", "2026-11-07T10:00:00Z"));
    CHECK(holds_at("daily 22:00-06:00", "2026-11-03T05:59:00Z"));
    CHECK_FALSE(holds_at("daily 22:00-06:00", "2026-11-03T06:00:00Z"));
    CHECK(holds_at("sun 22:00-06:00", "2026-11-02T05:00:00Z"));   // into Monday
    CHECK_FALSE(holds_at("sun 22:00-06:00", "2026-11-08T05:00:00Z"));
    CHECK(holds_at("sat-mon 00:00-24:00", "2026-11-08T12:00:00Z"));
    CHECK_FALSE(holds_at("sat-mon 00:00-24:00", "2026-11-03T00:00:00Z"));
    CHECK(holds_at("12:00-13:00", "2026-11-05T12:30:00Z"));
    CHECK(holds_at("thu", "1970-01-01T00:00:00Z"));
}

TEST_CASE("S45: the next instant at which a window opens or closes") {
    const auto next = [](const std::string& text, std::string_view after) {
        const Parsed result = parsed(text);
        REQUIRE(result.ok());
        const auto found = Compiled(result.rules).next_change(*grid::xml::parse_datetime(after));
        return found ? grid::xml::to_datetime(*found) : std::string("never");
    };
    const std::string work = "allow any any any time mon-fri 08:00-17:30\nallow any any t time sun";
    CHECK(next("allow any any any", "2026-11-02T00:00:00Z") == "never");
    CHECK(next(work, "2026-11-02T07:59:59.999Z") == "2026-11-02T08:00:00.000Z");
    CHECK(next(work, "2026-11-02T08:00:00Z") == "2026-11-02T17:30:00.000Z");
    CHECK(next(work, "2026-11-06T17:30:00Z") == "2026-11-08T00:00:00.000Z");
    CHECK(next(work, "2026-11-08T00:00:00Z") == "2026-11-09T00:00:00.000Z");   // Sunday closes
    CHECK(next(work, "2026-11-09T00:00:00Z") == "2026-11-09T08:00:00.000Z");
    CHECK(
        next("deny any any any time wed 08:00-09:00", "2026-11-04T09:00:00Z") ==
        "2026-11-11T08:00:00.000Z"
    );
}

TEST_CASE("S45: errors in conditions name line, column and what was expected") {
    CHECK(
        error_of("allow any any t network 10.0.0.0/33") ==
        "line 1, column 25: expected a prefix length from 0 to 32 behind the /, found "
        "'10.0.0.0/33'"
    );
    CHECK(
        error_of("\nallow any any t network 10.0.0.1/8") ==
        "line 2, column 25: expected a network without bits behind its prefix length, found "
        "'10.0.0.1/8'"
    );
    CHECK(
        error_of("allow any any t network 10.0.0.0/8,office") ==
        "line 1, column 36: expected a network as 10.0.0.0/8 or 2001:db8::/32, found 'office'"
    );
    CHECK(error_of("allow any any t network 10.0.0.0/8:80").find("column 25") != std::string::npos);
    CHECK(
        error_of("allow any any t network") ==
        "line 1, column 24: expected a network as 10.0.0.0/8 or 2001:db8::/32, found the end of "
        "the line"
    );
    CHECK(
        error_of("allow any any t time mon 8:00-9:00") ==
        "line 1, column 26: expected hours as 08:00-17:30 (UTC), found '8:00-9:00'"
    );
    CHECK(
        error_of("allow any any t time mon 09:00-09:00") ==
        "line 1, column 26: expected hours that are not empty (the whole day is 00:00-24:00), "
        "found "
        "'09:00-09:00'"
    );
    CHECK(
        error_of("allow any any t time mon 09:00-24:01").find("expected hours") != std::string::npos
    );
    CHECK(
        error_of("allow any any t time someday") ==
        "line 1, column 22: expected days (mon-fri, sat, daily) or hours (08:00-17:30), found "
        "'someday'"
    );
    CHECK(
        error_of("allow any any t device a device b") ==
        "line 1, column 26: expected each condition once, found 'device'"
    );
    CHECK(
        error_of("allow any any t device") ==
        "line 1, column 23: expected a pattern of device types, found the end of the line"
    );
    CHECK(
        error_of("allow any any t colour red") ==
        "line 1, column 17: expected a comma, a condition or the end of the line, found 'colour'"
    );
    std::string many = "allow any any t device a";
    for (std::size_t i = 0; i < condition_values_max; ++i) many += ",a";
    CHECK(error_of(many).find("at most 64 values") != std::string::npos);
}

TEST_CASE("S45: topics that are called like a condition are topics in quotes") {
    const Parsed result = parsed(
        "allow any publish \"type\"\n"
        "allow any publish on \"service\"\n"
        "allow any publish \"network\",\"time\" device sensor\n"
        "allow any publish \"type\" type urn:a\n"
        "allow any publish type urn:a\n"
    );
    REQUIRE(result.ok());
    CHECK(result.rules[0].topics == std::vector<std::string>{"type"});
    CHECK(result.rules[1].topics == std::vector<std::string>{"service"});
    CHECK(result.rules[2].topics == std::vector<std::string>{"network", "time"});
    CHECK(result.rules[3].topics == std::vector<std::string>{"type"});
    CHECK(result.rules[3].conditions.types == std::vector<std::string>{"urn:a"});
    CHECK(result.rules[4].topics.empty());
    CHECK(result.rules[4].conditions.types == std::vector<std::string>{"urn:a"});
}

TEST_CASE("S45: what a session or a type decides is not remembered for the account") {
    const Parsed result = parsed(
        "deny group spare subscribe t\n"
        "allow group siem subscribe t network 10.0.0.0/8\n"
        "allow any subscribe u\n"
        "allow any subscribe any type urn:a\n"
    );
    REQUIRE(result.ok());
    const Compiled compiled(result.rules);
    const Groups siem{"siem"}, spare{"siem", "spare"};
    Question question;
    question.client = "a@grid.example";
    question.operation = Right::Subscribe;
    question.topic = "t";
    question.groups = siem;
    CHECK(compiled.decide(question).is_conditional);
    question.session = SessionKnown::Possible;
    CHECK(compiled.decide(question).rule == 1);
    question.session = SessionKnown::Certain;
    CHECK(compiled.decide(question).rule == Compiled::none);
    question.groups = spare;   // decided before any network is looked at
    CHECK_FALSE(compiled.decide(question).is_conditional);
    question.topic = "u";
    CHECK_FALSE(compiled.decide(question).is_conditional);
    question.topic = "v";
    CHECK(compiled.decide(question).is_conditional);
    CHECK(compiled.asks_sessions(Right::Subscribe));
    CHECK_FALSE(compiled.asks_sessions(Right::Publish));
    CHECK(compiled.asks_type(Right::Subscribe));
}

}   // namespace policy_conditions_test
