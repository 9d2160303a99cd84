// tests/unit/server/session/held_presence_test.cpp: presence that waits for an inactive client
// (XEP-0352): the last of each sender, within bounds.
#include "server/session/held_presence.hpp"

#include <catch2/catch.hpp>

namespace held_presence_test {

using namespace grid::server;

namespace {

Outgoing presence(const std::string& from, const std::string& more = "") {
    return Outgoing::whole(
        StanzaKind::Presence,
        std::make_shared<const std::string>(
            "<presence to='ann@grid.example/a' from='" + from + "'" + more + "/>"
        )
    );
}

std::vector<std::string> texts(const std::vector<Outgoing>& stanzas) {
    std::vector<std::string> found;
    for (const Outgoing& stanza : stanzas) found.push_back(*stanza.text);
    return found;
}

bool holds(HeldPresence& held, Outgoing stanza) { return held.hold(stanza); }

}   // namespace

TEST_CASE("held presence: whose it is", "[session]") {
    CHECK(sender_of_presence("<presence to='a@d/r' from='b@d/x'/>") == "b@d/x");
    CHECK(sender_of_presence("<presence to='a' id=\"it's\" from=\"b'c@d\"><show>") == "b'c@d");
    CHECK(sender_of_presence("<presence from='b@d/x' type='unavailable'/>") == "b@d/x");
    CHECK(sender_of_presence("<presence from='b@d' type='subscribe'/>").empty());
    CHECK(sender_of_presence("<presence type='error' from='b@d'/>").empty());
    CHECK(sender_of_presence("<presence to=' from=&apos;' from='b@d/x'/>") == "b@d/x");
    CHECK(sender_of_presence("<presence to='a@d'/>").empty());
    CHECK(sender_of_presence("<presence from='b").empty());
    CHECK(sender_of_presence("<message from='b@d/x'/>").empty());
    CHECK(sender_of_presence("").empty());
}

TEST_CASE("held presence: the last of each sender, in the order in which they came", "[session]") {
    const auto budget = std::make_shared<Budget>(100'000);
    HeldPresence held(budget, 8);
    CHECK(holds(held, presence("b@d/x", " id='1'")));
    CHECK(holds(held, presence("c@d/x", " id='2'")));
    CHECK(holds(held, presence("b@d/y", " id='3'")));
    CHECK(holds(held, presence("b@d/x", " type='unavailable' id='4'")));
    CHECK(held.size() == 3);
    CHECK(budget->used() != 0);
    const auto all = held.take();
    CHECK(
        texts(all) == texts(
                          {presence("c@d/x", " id='2'"), presence("b@d/y", " id='3'"),
                           presence("b@d/x", " type='unavailable' id='4'")}
                      )
    );
    CHECK(budget->used() == 0);
    CHECK(held.take().empty());
}

TEST_CASE("held presence: nothing else waits", "[session]") {
    HeldPresence held(std::make_shared<Budget>(100'000), 8);
    CHECK_FALSE(holds(held, presence("b@d", " type='subscribe'")));
    CHECK_FALSE(holds(held, Outgoing::stanza(std::make_shared<const std::string>("<iq from='b'/>")))
    );
    CHECK_FALSE(holds(
        held, Outgoing::message(
                  Address::Full, std::make_shared<const std::string>(" from='b'><body>x</body>")
              )
    ));
    CHECK(held.size() == 0);
}

TEST_CASE("held presence: neither too many senders nor too many bytes", "[session]") {
    const auto budget = std::make_shared<Budget>(1'000);
    {
        HeldPresence held(budget, 2);
        CHECK(holds(held, presence("b@d/x")));
        CHECK(holds(held, presence("b@d/y")));
        CHECK_FALSE(holds(held, presence("b@d/z")));
        CHECK(holds(held, presence("b@d/y", " id='2'")));
        CHECK_FALSE(holds(held, presence("b@d/y", " id='" + std::string(1'000, '2') + "'")));
        CHECK(held.size() == 2);
        CHECK(budget->used() != 0);
    }
    CHECK(budget->used() == 0);
}

}   // namespace held_presence_test
