// tests/unit/server/bulk/permits_test.cpp: a permit is for one stream of two sessions, once, and
// soon; and there are not too many of them.
#include "server/bulk/permits.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "controller/controller.hpp"
#include "server/session/registry.hpp"

namespace permits_test {

namespace controller = grid::controller;
namespace server = grid::server;
namespace xml = grid::xml;
using server::bulk::Permits;

namespace {

controller::Settings permit_settings() {
    controller::Settings settings;
    settings.domain = "grid.example";
    return settings;
}

/// A grid without accounts, so that the policy allows nothing.
struct PermitStage {
    server::SessionRegistry sessions{10};
    controller::Controller controller{permit_settings(), sessions};
    Permits permits{controller};
    server::Session ise = session("ise@grid.example/x", 1), asa = session("asa@grid.example/y", 2);
    Permits::Time now = std::chrono::steady_clock::now();

    static server::Session session(const std::string& jid, std::uint64_t id) {
        server::Session session;
        session.id = id;
        session.jid = *xml::Jid::parse(jid);
        session.bare = session.jid.bare();
        session.principal.jid = session.jid;
        session.principal.address = "address of " + session.bare.str();
        return session;
    }
    static Permits::Question question(std::size_t bytes = 10) {
        return std::make_shared<const xml::Element>(
            "grid", xml::Attrs{{"x", std::string(bytes, 'x')}}
        );
    }
    void give(const std::string& sid) { permits.give(ise, asa, sid, question(), now); }
    bool is_permitted(
        const server::Session& from, const server::Session& to, const std::string& sid
    ) const {
        return permits.right_to(from, to, sid, now).is_permit;
    }
};

}   // namespace

TEST_CASE_METHOD(PermitStage, "permits: one stream of two sessions, once") {
    CHECK_FALSE(is_permitted(ise, asa, "s"));
    CHECK_FALSE(permits.has_any(ise.jid, now));
    give("s");
    CHECK(permits.has_any(ise.jid, now));
    CHECK_FALSE(permits.has_any(asa.jid, now));
    REQUIRE(is_permitted(ise, asa, "s"));
    const auto right = permits.right_to(ise, asa, "s", now);
    CHECK(right.account == "asa@grid.example");
    CHECK(right.address == "address of asa@grid.example");
    CHECK_FALSE(is_permitted(ise, asa, "t"));
    CHECK_FALSE(is_permitted(asa, ise, "s"));
    // Sessions that have those addresses later.
    CHECK_FALSE(is_permitted(session(ise.jid.str(), 3), asa, "s"));
    CHECK_FALSE(is_permitted(ise, session(asa.jid.str(), 3), "s"));
    permits.use(ise, asa, "s");
    CHECK_FALSE(is_permitted(ise, asa, "s"));
    CHECK(permits.size() == 0);
}

TEST_CASE_METHOD(PermitStage, "permits: without one the right is the policy's, of the sender") {
    const auto right = permits.right_to(ise, asa, "s", now);
    CHECK(right.account == "ise@grid.example");
    CHECK(right.address == "address of ise@grid.example");
    CHECK_FALSE(right.check().allowed);
}

TEST_CASE_METHOD(PermitStage, "permits: they end in time, and the same id is one permit") {
    give("s");
    now += Permits::seconds_max - std::chrono::seconds(1);
    CHECK(is_permitted(ise, asa, "s"));
    give("s");
    CHECK(permits.size() == 1);
    now += std::chrono::seconds(2);
    CHECK(is_permitted(ise, asa, "s"));
    now += Permits::seconds_max;
    CHECK_FALSE(is_permitted(ise, asa, "s"));
    CHECK_FALSE(permits.has_any(ise.jid, now));
    give("t");
    CHECK(permits.size() == 1);
}

TEST_CASE_METHOD(PermitStage, "permits: a provider has so many, whichever session they are of") {
    for (std::size_t i = 0; i < Permits::per_provider_max; ++i) give(std::to_string(i));
    CHECK(permits.size() == Permits::per_provider_max);
    give("one more");
    CHECK_FALSE(is_permitted(ise, asa, "one more"));
    const auto twin = session("ise@grid.example/other", 4);
    permits.give(twin, asa, "s", question(), now);
    CHECK_FALSE(is_permitted(twin, asa, "s"));
    const auto another = session("isevil@grid.example/x", 5);
    permits.give(another, asa, "s", question(), now);
    CHECK(is_permitted(another, asa, "s"));
    permits.use(ise, asa, "7");
    give("one more");
    CHECK(is_permitted(ise, asa, "one more"));
}

TEST_CASE_METHOD(PermitStage, "permits: none for an id or a question of any length") {
    give(std::string(257, 's'));
    permits.give(ise, asa, "s", question(5000), now);
    CHECK(permits.size() == 0);
}

}   // namespace permits_test
