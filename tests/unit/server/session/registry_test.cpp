// tests/unit/server/session/registry_test.cpp: the table of sessions: how many an account may have.
#include "server/session/registry.hpp"

#include <catch2/catch.hpp>

#include "server/session/other_member.hpp"

namespace registry_test {

using namespace grid;
using server::SessionPtr;
using server::SessionRegistry;

namespace {

class FakeMember final : public server::OtherMember {
public:
    storage::MemberId member() const override { return 2; }
    const std::string& name() const override { return name_; }
    bool ask(const server::ForwardedQuery&) override { return false; }
    void end_hibernating(std::uint64_t) override {}
    void ask_place(const server::Session&, Placed done) override { done({}); }
    bool has_token(std::uint64_t, const std::string&) const override { return false; }
    std::uint64_t fetch(const server::FetchRequest&, Fetched) override { return 0; }
    bool take(std::uint64_t, storage::Revision) override { return false; }
    void leave(std::uint64_t) override {}

private:
    std::string name_ = "m2";
};

SessionPtr table_session(std::uint64_t id, const std::string& jid, bool is_elsewhere = false) {
    auto session = std::make_shared<server::Session>();
    session->id = id;
    session->jid = *xml::Jid::parse(jid);
    session->bare = session->jid.bare();
    if (is_elsewhere) session->other_member = std::make_shared<FakeMember>();
    return session;
}

}   // namespace

TEST_CASE("an account's sessions on all members count, but for one that is replaced", "[cluster]") {
    SessionRegistry table(2);
    SessionPtr replaced;
    REQUIRE(table.enter(table_session(1, "a@grid.example/1"), replaced));
    table.enter_elsewhere(table_session(2, "a@grid.example/2", true));
    CHECK(table.count_beside(*xml::Jid::parse("a@grid.example/3")) == 2);
    CHECK_FALSE(table.enter(table_session(3, "a@grid.example/3"), replaced));
    CHECK(table.enter(table_session(4, "b@grid.example/3"), replaced));
    // In the place of the one elsewhere, and of the one here.
    CHECK(table.count_beside(*xml::Jid::parse("a@grid.example/2")) == 1);
    CHECK(table.enter(table_session(5, "a@grid.example/2"), replaced));
    CHECK_FALSE(replaced);
    CHECK(table.enter(table_session(6, "a@grid.example/1"), replaced));
    REQUIRE(replaced);
    CHECK(replaced->id == 1);
}

}   // namespace registry_test
