// tests/unit/server/c2s/mailbox_test.cpp: mail is neither lost nor doubled, and wakes once.
#include "server/c2s/mailbox.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

namespace mailbox_test {

using namespace grid::server;
using c2s::Mailbox;

namespace {
Mailbox::Mail mail(const std::string& text) {
    return {{Outgoing::stanza(std::make_shared<const std::string>(text))}, text.size()};
}
}   // namespace

TEST_CASE("what is put before it is taken wakes the connection once and comes in order") {
    Mailbox box;
    CHECK(box.put(mail("a")));
    CHECK_FALSE(box.put(mail("b")));
    CHECK_FALSE(box.put(mail("c")));
    std::string all;
    box.take([&](Mailbox::Mail one) { all += *one.stanzas.front().text; });
    CHECK(all == "abc");
    CHECK(box.put(mail("d")));
}

TEST_CASE("nothing is lost, doubled or reordered between two threads") {
    constexpr std::size_t count = 200'000;
    Mailbox box;
    std::atomic<std::size_t> wakes = 0;
    std::thread writer([&] {
        for (std::size_t i = 0; i < count; ++i)
            if (box.put({{}, i})) ++wakes;
    });
    std::size_t expected = 0, taken = 0;
    bool is_in_order = true;
    while (expected < count) {
        if (taken == wakes.load()) continue;
        ++taken;   // exactly one take for each wake-up, as a posted handler does
        box.take([&](const Mailbox::Mail& one) {
            is_in_order = is_in_order && one.bytes == expected;
            ++expected;
        });
    }
    writer.join();
    CHECK(is_in_order);
    CHECK(expected == count);
}

}   // namespace mailbox_test
