// tests/unit/server/router/pending_queries_test.cpp: the pairing of answers with queries.
#include "server/router/pending_queries.hpp"

#include <catch2/catch.hpp>

namespace pending_queries_test {

using grid::server::Queries;
using grid::xml::Jid;
using Taken = Queries::Taken;

namespace {

const Jid asa = *Jid::parse("asa@grid.example/x");
const Jid eve = *Jid::parse("eve@grid.example/x");
const Jid ise = *Jid::parse("ise@grid.example/p");
constexpr std::uint64_t asa_session = 1, eve_session = 2, ise_session = 3;
const Queries::Time start{};

Queries::Query query(std::uint64_t asker, const Jid& from, const std::string& id) {
    Queries::Query made;
    made.asker = asker;
    made.answerer = ise_session;
    made.from = from;
    made.to = ise;
    made.id = id;
    return made;
}

}   // namespace

TEST_CASE("S71: an answer goes to who asked, once", "[router]") {
    Queries queries({});
    REQUIRE(queries.add(query(asa_session, asa, "1"), start) == Taken::Yes);
    REQUIRE(queries.add(query(eve_session, eve, "1"), start) == Taken::Yes);   // same id, another
    CHECK_FALSE(queries.answer(ise_session, asa, "2"));
    CHECK_FALSE(queries.answer(eve_session, asa, "1"));   // not the one who was asked
    const auto answered = queries.answer(ise_session, asa, "1");
    REQUIRE(answered);
    CHECK(answered->asker == asa_session);
    CHECK_FALSE(queries.answer(ise_session, asa, "1"));
    CHECK(queries.answer(ise_session, eve, "1")->asker == eve_session);
    CHECK(queries.size() == 0);
}

TEST_CASE("an answer from another member settles the query of its asker, once", "[router]") {
    Queries queries({});
    auto to_the_grid = query(asa_session, asa, "2");
    to_the_grid.asked = *Jid::parse("grid.example");
    REQUIRE(queries.add(query(asa_session, asa, "1"), start) == Taken::Yes);
    REQUIRE(queries.add(to_the_grid, start) == Taken::Yes);
    CHECK_FALSE(queries.take_by_asker(asa_session, eve, "1"));
    CHECK_FALSE(queries.take_by_asker(eve_session, ise, "1"));
    CHECK_FALSE(queries.take_by_asker(asa_session, ise, "3"));
    CHECK(queries.take_by_asker(asa_session, ise, "1"));
    CHECK_FALSE(queries.take_by_asker(asa_session, ise, "1"));
    CHECK(queries.take_by_asker(asa_session, to_the_grid.asked, "2"));
    CHECK(queries.size() == 0);
}

TEST_CASE("S71: queries that wait are bounded per asker and as a whole", "[router]") {
    Queries queries({2, 3, std::chrono::seconds(10)});
    CHECK(queries.add(query(asa_session, asa, "1"), start) == Taken::Yes);
    CHECK(queries.add(query(asa_session, asa, "1"), start) == Taken::Duplicate);
    CHECK(queries.add(query(asa_session, asa, "2"), start) == Taken::Yes);
    CHECK(queries.add(query(asa_session, asa, "3"), start) == Taken::Busy);
    CHECK(queries.add(query(eve_session, eve, "1"), start) == Taken::Yes);
    CHECK(queries.add(query(eve_session, eve, "2"), start) == Taken::Busy);
    REQUIRE(queries.answer(ise_session, asa, "1"));
    CHECK(queries.add(query(eve_session, eve, "2"), start) == Taken::Yes);
}

TEST_CASE("S71: who goes or is late leaves nothing behind", "[router]") {
    Queries queries({10, 10, std::chrono::seconds(10)});
    queries.add(query(asa_session, asa, "1"), start);
    queries.add(query(asa_session, asa, "2"), start + std::chrono::seconds(5));
    queries.add(query(eve_session, eve, "1"), start);
    CHECK(queries.expired(start + std::chrono::seconds(9), 10).empty());
    SECTION("the asker: nobody is there to be told") {
        CHECK(queries.session_ended(asa_session).empty());
        CHECK(queries.size() == 1);
    }
    SECTION("the one who was asked: all who wait for it are told") {
        CHECK(queries.session_ended(ise_session).size() == 3);
        CHECK(queries.size() == 0);
    }
    SECTION("the asker logs out, and is there: its queries get their answers") {
        CHECK(queries.logged_out(asa_session).empty());
        CHECK(queries.answer(ise_session, asa, "1"));
        CHECK(queries.size() == 2);
    }
    SECTION("the one who was asked logs out: all who wait for it are told") {
        CHECK(queries.logged_out(ise_session).size() == 3);
        CHECK(queries.size() == 0);
    }
    SECTION("time: those whose time it is, at most so many at once") {
        const auto late = start + std::chrono::seconds(10);
        CHECK(queries.expired(late, 1).size() == 1);
        CHECK(queries.expired(late, 10).size() == 1);
        CHECK(queries.expired(late, 10).empty());
        CHECK(queries.size() == 1);
        CHECK_FALSE(queries.answer(ise_session, asa, "1"));
        CHECK(queries.answer(ise_session, asa, "2"));
    }
    queries.expired(start + std::chrono::hours(1), 10);
    CHECK(queries.size() == 0);
}

}   // namespace pending_queries_test
