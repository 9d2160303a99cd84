// tests/unit/server/live/live_test.cpp: the queue of a listener, and figures of two moments.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "server/live/figures.hpp"
#include "server/live/listener.hpp"

namespace live_test {

using namespace grid::server;
using live::EventKind;
using live::Listener;
namespace rest = grid::controller::rest;

namespace {

live::EventWish wish_for(std::string_view kinds) { return *rest::parse_event_wish(kinds, ""); }

live::Event event_of(std::size_t bytes) {
    return live::make_event("audit", std::string(bytes, 'x'));
}

}   // namespace

TEST_CASE("an event is a block of lines with an empty one behind them") {
    CHECK(*live::make_event("state", "{}") == "event: state\ndata: {}\n\n");
    CHECK(*live::make_event("audit", "{}", "0a") == "event: audit\nid: 0a\ndata: {}\n\n");
}

TEST_CASE("a wish for events is read, and a wrong one refused") {
    CHECK(rest::parse_event_wish("", "")->kinds.all());
    const auto some = rest::parse_event_wish("audit,state", "");
    REQUIRE(some.has_value());
    CHECK(some->kinds.count() == 2);
    CHECK(some->kinds.test(static_cast<std::size_t>(EventKind::Audit)));
    for (const char* kinds : {"x", "state,", ",state", "state,,audit", "State", " state"})
        CHECK_FALSE(rest::parse_event_wish(kinds, "").has_value());
    CHECK(rest::parse_event_wish("", "000000000000000100")->after == "000000000000000100");
    for (const char* after : {"1", "00000000000000010g", "0000000000000001000"})
        CHECK_FALSE(rest::parse_event_wish("", after).has_value());
    const auto asked = rest::parse_event_query("kinds=audit%2Cstate&after=000000000000000100", "");
    REQUIRE(asked.has_value());
    CHECK(asked->kinds.count() == 2);
    CHECK(asked->after == "000000000000000100");
    CHECK(
        rest::parse_event_query("after=000000000000000100", "000000000000000200")->after ==
        "000000000000000200"
    );
    CHECK_FALSE(rest::parse_event_query("", "\n").has_value());
}

TEST_CASE("a listener gets the kinds that it wished for, in order, and is woken once for a burst") {
    int woken = 0;
    Listener listener("a@b", wish_for("audit"), [&] { ++woken; });
    listener.put(EventKind::State, live::make_event("state", "1"));
    CHECK(woken == 0);
    CHECK(listener.take(100).empty());
    listener.put(EventKind::Audit, live::make_event("audit", "1"));
    listener.put(EventKind::Audit, live::make_event("audit", "2"));
    CHECK(woken == 1);
    CHECK(listener.take(100) == "event: audit\ndata: 1\n\nevent: audit\ndata: 2\n\n");
    listener.put(EventKind::Audit, live::make_event("audit", "3"));
    CHECK(woken == 2);
    // One event at least, however long.
    CHECK(listener.take(1) == "event: audit\ndata: 3\n\n");
}

TEST_CASE("a listener that takes nothing keeps so many events and bytes, and learns its loss") {
    Listener listener("a@b", wish_for(""), [] {});
    const auto put = [&](std::size_t count, std::size_t bytes) {
        for (std::size_t i = 0; i < count; ++i) listener.put(EventKind::Audit, event_of(bytes));
    };
    const auto all = [&] {
        std::string text;
        for (std::string part; !(part = listener.take(64 * 1024)).empty();) text += part;
        return text;
    };
    put(Listener::events_max + 500, 1);
    std::string text = all();
    CHECK(text.ends_with("event: lost\ndata: {\"events\":501}\n\n"));
    put(1, 1);
    CHECK(all() == *event_of(1));
    put(200, 10'000);
    text = all();
    CHECK(text.size() <= Listener::bytes_max + 100);
    CHECK(text.ends_with("}\n\n"));
    // Room again in the middle: the loss stands where it was.
    put(Listener::events_max + 10, 1);
    listener.take(10'000);
    put(1, 2);
    text = all();
    const auto loss = text.find("event: lost");
    REQUIRE(loss != std::string::npos);
    CHECK(text.find(*event_of(2)) > loss);
    CHECK(text.find("event: lost", loss + 1) == std::string::npos);
}

TEST_CASE("a listener that has ended takes nothing more, and is woken for it") {
    int woken = 0;
    Listener listener("a@b", wish_for(""), [&] { ++woken; });
    CHECK_FALSE(listener.is_ended());
    listener.end();
    CHECK(listener.is_ended());
    CHECK(woken == 1);
    listener.put(EventKind::State, event_of(1));
    CHECK(listener.take(100).empty());
}

TEST_CASE("a quantile of what was counted between two readings") {
    DurationHistogram::Reading before, after;
    CHECK_FALSE(live::quantile(before, after, 0.99).has_value());
    before.counts[3] = after.counts[3] = 7;   // before: no matter
    CHECK_FALSE(live::quantile(before, after, 0.99).has_value());
    after.counts[5] = 100;   // from 2.5 to 5 ms
    CHECK(live::quantile(before, after, 0.5) == Approx(0.00375));
    CHECK(live::quantile(before, after, 1) == Approx(0.005));
    after.counts[DurationHistogram::bounds.size()] = 100;   // longer than any bound
    CHECK(live::quantile(before, after, 0.99) == Approx(10.0));
}

TEST_CASE("rates are per second, and there are none without an earlier reading") {
    live::Figures before, now;
    now.taken = before.taken + std::chrono::seconds(2);
    now.counts.published = before.counts.published + 10;
    now.accounts = {1, 2, 3};
    now.cpu_seconds = 1;
    namespace json = boost::json;
    CHECK(json::parse(live::state_json(now, std::nullopt)).at("rates").is_null());
    const json::value state = json::parse(live::state_json(now, before));
    CHECK(state.at("rates").at("published").to_number<double>() == Approx(5));
    CHECK(state.at("rates").at("cpu").to_number<double>() == Approx(0.5));
    CHECK(state.at("rates").at("commit_seconds_p99").is_null());
    CHECK(state.at("accounts").at("disabled").to_number<int>() == 3);
    CHECK(json::parse(live::state_json(now, now)).at("rates").is_null());
}

}   // namespace live_test
