// tests/unit/server/session/resumptions_test.cpp: tokens, and whom they serve (XEP-0198 §5).
#include "server/session/resumptions.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace resumptions_test {

using namespace grid;
using namespace grid::server;

namespace {

SessionPtr session_of(const std::string& full, std::uint64_t id) {
    auto session = std::make_shared<Session>();
    session->id = id;
    session->jid = *xml::Jid::parse(full);
    session->bare = session->jid.bare();
    controller::Identity identity;
    identity.account = session->bare;
    identity.key = "key of " + session->bare.str();
    session->identity = std::make_shared<const controller::Identity>(std::move(identity));
    session->budget = std::make_shared<Budget>(1000);
    session->management = std::make_unique<Management>(session->budget);
    return session;
}

const Resumptions::Clock::time_point start{std::chrono::hours(1)};

}   // namespace

TEST_CASE("a token finds its session until that ends") {
    Resumptions resumptions;
    const auto session = session_of("a@grid.example/1", 1);
    const auto& token = session->management->token = resumptions.issue(session);
    CHECK(token.size() == 48);
    CHECK(resumptions.find(token) == session);
    CHECK(resumptions.find("") == nullptr);
    CHECK(resumptions.find(token.substr(0, 16)) == nullptr);
    CHECK(resumptions.find(token + "0") == nullptr);
    std::string other = token;
    other.back() = other.back() == '0' ? '1' : '0';
    CHECK(resumptions.find(other) == nullptr);
    const std::string kept = token;
    resumptions.end(*session, 7);
    CHECK(resumptions.find(kept) == nullptr);
    CHECK(resumptions.handled_by_ended(kept, *session->identity) == 7U);
    CHECK_FALSE(resumptions.handled_by_ended(other, *session->identity));
    CHECK_FALSE(resumptions.handled_by_ended(kept, *session_of("b@grid.example/1", 2)->identity));
}

TEST_CASE("tokens differ, and a token without its session's consent is none") {
    Resumptions resumptions;
    std::set<std::string> tokens;
    const auto session = session_of("a@grid.example/1", 1);
    for (int i = 0; i < 1000; ++i) tokens.insert(resumptions.issue(session));
    CHECK(tokens.size() == 1000);
    CHECK(resumptions.find(*tokens.begin()) == nullptr);   // the session has another by now
}

TEST_CASE("a token is bound to the account and the key of the certificate") {
    const auto mine = *session_of("a@grid.example/1", 1)->identity;
    auto renewed = mine;
    renewed.fingerprint = "another certificate of the same key";
    CHECK(Resumptions::is_same(mine, renewed));
    auto other_key = mine;
    other_key.key = "another key";
    CHECK_FALSE(Resumptions::is_same(mine, other_key));
    CHECK_FALSE(Resumptions::is_same(mine, *session_of("b@grid.example/1", 2)->identity));
}

TEST_CASE("sessions that wait end in the order of their times") {
    Resumptions resumptions;
    const auto first = session_of("a@grid.example/1", 1),
               second = session_of("b@grid.example/1", 2);
    resumptions.wait(*first, start + std::chrono::seconds(20));
    resumptions.wait(*second, start + std::chrono::seconds(10));
    CHECK(resumptions.next() == 2);
    CHECK(resumptions.due(start + std::chrono::seconds(9), 10).empty());
    CHECK(
        resumptions.due(start + std::chrono::seconds(30), 10) == std::vector<std::uint64_t>{2, 1}
    );
    CHECK(resumptions.due(start + std::chrono::seconds(30), 1) == std::vector<std::uint64_t>{2});
    resumptions.wait(*second, start + std::chrono::seconds(40));   // begins anew
    CHECK(resumptions.next() == 1);
    CHECK(resumptions.waiting() == 2);
    resumptions.wait_no_more(*first);
    resumptions.wait_no_more(*first);
    CHECK(resumptions.next() == 2);
    resumptions.end(*second, 0);
    CHECK(resumptions.waiting() == 0);
    CHECK(resumptions.next() == 0);
}

TEST_CASE("only the newest of the ended sessions are remembered") {
    Resumptions resumptions;
    std::vector<std::pair<std::string, SessionPtr>> all;
    for (std::uint64_t id = 1; id <= 5000; ++id) {
        auto session = session_of("a@grid.example/1", id);
        session->management->token = resumptions.issue(session);
        resumptions.end(*session, static_cast<std::uint32_t>(id));
        all.emplace_back(session->management->token, session);
    }
    const auto& asker = *all.front().second->identity;
    CHECK_FALSE(resumptions.handled_by_ended(all.front().first, asker));
    CHECK(resumptions.handled_by_ended(all.back().first, asker) == 5000U);
}

}   // namespace resumptions_test
