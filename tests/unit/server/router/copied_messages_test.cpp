// tests/unit/server/router/copied_messages_test.cpp: errors are copied where their messages were.
#include "server/router/copied_messages.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace copied_messages_test {

using grid::server::CopiedMessages;

namespace {

grid::xml::Jid jid(const char* text) { return grid::xml::Jid::parse(text).value(); }

const auto ann = jid("ann@d/one"), other = jid("ann@d/other");
const auto bob = jid("bob@d"), desk = jid("bob@d/desk"), eve = jid("eve@d/x");

}   // namespace

TEST_CASE("an error answers a message by its addresses and its id") {
    CopiedMessages copied;
    copied.note(ann, bob, "m1");
    CHECK(copied.is_answered_by(desk, ann, "m1"));
    CHECK(copied.is_answered_by(bob, ann, "m1"));
    CHECK_FALSE(copied.is_answered_by(desk, ann, "m2"));
    CHECK_FALSE(copied.is_answered_by(eve, ann, "m1"));
    CHECK_FALSE(copied.is_answered_by(desk, other, "m1"));
    CHECK_FALSE(copied.is_answered_by(ann, desk, "m1"));
    copied.note(ann, bob, "");
    CHECK_FALSE(copied.is_answered_by(desk, ann, ""));
}

TEST_CASE("the newest messages are known, a bounded number of them") {
    CopiedMessages copied;
    copied.note(ann, bob, "twice");
    copied.note(ann, bob, "first");
    copied.note(ann, bob, "twice");
    for (std::size_t i = 2; i <= CopiedMessages::noted_max; ++i)
        copied.note(ann, bob, std::to_string(i));
    CHECK_FALSE(copied.is_answered_by(desk, ann, "first"));
    CHECK(copied.is_answered_by(desk, ann, "twice"));
    CHECK(copied.is_answered_by(desk, ann, "2"));
    copied.note(ann, bob, "more");
    CHECK_FALSE(copied.is_answered_by(desk, ann, "twice"));
    CHECK(copied.is_answered_by(desk, ann, "2"));
}

}   // namespace copied_messages_test
