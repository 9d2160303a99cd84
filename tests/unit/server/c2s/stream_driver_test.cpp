// tests/unit/server/c2s/stream_driver_test.cpp: a stream over a channel that is no socket: its
// turns, its waits, its end.
#include <catch2/catch.hpp>

#include "driver_stage.hpp"
#include "server/net/turn.hpp"

namespace stream_driver_test {

using grid::server::net::Turn;
using grid::test::DriverStage;
using grid::test::websocket_text;

namespace {

std::string ping(std::size_t number) {
    return "<iq xmlns='jabber:client' type='get' id='p" + std::to_string(number) +
           "'><ping xmlns='urn:xmpp:ping'/></iq>";
}

std::size_t answers_in(const std::string& text) {
    std::size_t count = 0;
    for (auto at = text.find("<iq"); at != std::string::npos; at = text.find("<iq", at + 1))
        ++count;
    return count;
}

}   // namespace

TEST_CASE_METHOD(DriverStage, "a stream is negotiated, answers, and ends") {
    const auto ann = logs_in("ann@grid.example");
    sends(ann, ping(1));
    CHECK(receives(ann).find("id='p1'") != std::string::npos);
    sends(ann, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    CHECK(receives(ann).find("<close ") != std::string::npos);
    CHECK(ann.peer->is_closed);
}

TEST_CASE_METHOD(DriverStage, "a stream that has much to read lets others have their turn") {
    const auto ann = logs_in("ann@grid.example"), bob = logs_in("bob@grid.example");
    constexpr std::size_t many = 10 * Turn::stanzas_max;
    for (std::size_t i = 0; i < many; ++i) ann.peer->arrived += websocket_text(ping(i));
    ann.channel->wake();
    bob.peer->arrived += websocket_text(ping(1));
    bob.channel->wake();
    std::size_t of_ann = 0;
    while (bob.peer->sent.empty()) {
        REQUIRE(context.poll_one() != 0);
        of_ann = answers_in(ann.peer->sent);
    }
    CHECK(of_ann <= 2 * Turn::stanzas_max);
    runs();
    CHECK(answers_in(ann.peer->sent) == many);
}

TEST_CASE_METHOD(DriverStage, "a peer that reads no answers is not read for ever") {
    const auto ann = logs_in("ann@grid.example");
    ann.peer->room = 0;
    constexpr std::size_t many = 2'000;
    for (std::size_t i = 0; i < many; ++i) ann.peer->arrived += websocket_text(ping(i));
    ann.channel->wake();
    runs();
    CHECK(ann.peer->arrived.size() > websocket_text(ping(1)).size() * many / 10);
    ann.peer->room = ~0UL;
    ann.channel->wake();
    runs();
    CHECK(answers_in(ann.peer->sent) == many);
}

TEST_CASE_METHOD(DriverStage, "what is taken in parts arrives whole and in order") {
    const auto ann = logs_in("ann@grid.example");
    ann.peer->room = 7;
    for (std::size_t i = 0; i < 20; ++i) ann.peer->arrived += websocket_text(ping(i));
    ann.channel->wake();
    runs();
    for (int i = 0; i < 1'000; ++i) {
        ann.peer->room = 7;
        ann.channel->wake();
        runs();
    }
    const std::string sent = receives(ann);
    CHECK(answers_in(sent) == 20);
    std::size_t at = 0;
    for (std::size_t i = 0; i < 20; ++i) {
        at = sent.find("id='p" + std::to_string(i) + "'", at);
        REQUIRE(at != std::string::npos);
    }
}

TEST_CASE_METHOD(DriverStage, "a peer that is gone ends its stream without a word") {
    const auto ann = logs_in("ann@grid.example");
    ann.peer->is_gone = true;
    ann.channel->wake();
    runs();
    CHECK(ann.peer->is_closed);
}

}   // namespace stream_driver_test
