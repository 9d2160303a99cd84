// tests/unit/server/router/shared_messages_test.cpp: of ends of sessions that have a message one is
// left with it.
#include "server/router/shared_messages.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "server/router/message_copy.hpp"

namespace shared_messages_test {

using grid::server::Outgoing;
using grid::server::SharedMessages;

namespace {

const std::string account = "bob@d";

Outgoing message(const std::string& text, bool is_shared = true) {
    return Outgoing::relayed(std::make_shared<const std::string>(text), 1'000, is_shared);
}

}   // namespace

TEST_CASE("a copy has the name of its message, and carries its text") {
    const Outgoing one = message("<message id='1'><body>&lt;/forwarded></body></message>");
    const auto copy = grid::server::copy_of(
        one, std::make_shared<const std::string>(
                 grid::controller::carbon("received", account, "chat", *one.text)
             )
    );
    CHECK(grid::server::is_copy(copy));
    CHECK_FALSE(grid::server::is_copy(one));
    CHECK(copy.is_relayed);
    CHECK(*grid::server::original_text(copy) == *one.text);
    CHECK(*grid::server::original_text(one) == *one.text);
    CHECK(SharedMessages::named(copy) == SharedMessages::named(one));
}

TEST_CASE("an end leaves its messages to a later one, which waits for it") {
    SharedMessages here, there;
    const auto first = here.begin(account, 7, {message("a"), message("b", false), message("c")});
    REQUIRE(first.messages.size() == 2);   // the others' affair alone
    there.hear(first);
    const auto second = there.begin(account, 3, {message("c")});
    CHECK(second.turn > first.turn);
    CHECK_FALSE(there.takes_care(first, first.messages[0]));
    CHECK(there.takes_care(first, first.messages[1]));
    CHECK_FALSE(there.must_wait(first));
    CHECK(here.must_wait(second));
    CHECK_FALSE(here.takes_care(second, second.messages[0]));
    here.end(first.turn);
    CHECK_FALSE(here.must_wait(second));
    CHECK_FALSE(here.takes_care(second, second.messages[0]));
}

TEST_CASE("of two ends with one turn the session with the greater number is left with it") {
    SharedMessages here, there;
    const auto one = here.begin(account, 7, {message("a")});
    const auto other = there.begin(account, 3, {message("a")});
    REQUIRE(one.turn == other.turn);
    CHECK(here.takes_care(other, other.messages[0]));
    CHECK_FALSE(here.must_wait(other));
    CHECK_FALSE(there.takes_care(one, one.messages[0]));
    CHECK(there.must_wait(one));
}

TEST_CASE("another account, another message and another time are none of it") {
    SharedMessages here;
    here.begin(account, 7, {message("a")});
    auto asked = SharedMessages().begin(account, 3, {message("a")});
    CHECK(here.takes_care(asked, asked.messages[0]));
    CHECK_FALSE(here.takes_care(asked, SharedMessages::named(message("b"))));
    ++asked.messages[0].number;
    CHECK_FALSE(here.takes_care(asked, asked.messages[0]));
    --asked.messages[0].number;
    asked.account = "ann@d";
    CHECK_FALSE(here.takes_care(asked, asked.messages[0]));
    asked.account = account;
    asked.session = 7;   // not itself
    CHECK_FALSE(here.takes_care(asked, asked.messages[0]));
}

TEST_CASE("a message that is finished is in care, as long as that is remembered") {
    SharedMessages here;
    const auto asked = SharedMessages().begin(account, 3, {message("a")});
    here.finish(asked.messages[0]);
    here.finish(asked.messages[0]);
    CHECK(here.takes_care(asked, asked.messages[0]));
    for (std::size_t i = 0; i < SharedMessages::finished_max; ++i)
        here.finish(SharedMessages::named(message(std::to_string(i))));
    CHECK_FALSE(here.takes_care(asked, asked.messages[0]));
}

}   // namespace shared_messages_test
