// tests/unit/server/core/sign_ins_test.cpp: tokens of sign-ins: new each time, for a while, and
// few.
#include <catch2/catch.hpp>

#include "server/core/sign_ins.hpp"

namespace sign_ins_test {

using grid::server::SignIns;
using grid::xml::Jid;
using namespace std::chrono_literals;

namespace {

const SignIns::Time start{std::chrono::hours{1}};

grid::controller::administration::SignedIn who(const std::string& account) {
    return {*Jid::parse(account), "generation", "factor", grid::controller::Role::Operator};
}

}   // namespace

TEST_CASE("a token is of 256 bits, new each time, and finds its own sign-in", "[sign-in]") {
    SignIns all({15min, 12h, 8, 100});
    const std::string one = all.add(who("a@grid.example"), start);
    const std::string other = all.add(who("b@grid.example"), start);
    CHECK(one.size() == 64);
    CHECK(one != other);
    REQUIRE(all.find(one, start) != nullptr);
    CHECK(all.find(one, start)->who.account.str() == "a@grid.example");
    CHECK(all.find(one, start)->csrf != all.find(other, start)->csrf);
    CHECK(all.find("", start) == nullptr);
    CHECK(all.find(one.substr(1), start) == nullptr);
    all.end(one);
    CHECK(all.find(one, start) == nullptr);
    CHECK(all.find(other, start) != nullptr);
}

TEST_CASE("a sign-in ends when it is not used, and after its longest time in any case") {
    SignIns all({15min, 12h, 8, 100});
    const std::string token = all.add(who("a@grid.example"), start);
    CHECK(all.find(token, start + 15min) != nullptr);   // used
    CHECK(all.find(token, start + 30min) != nullptr);
    CHECK(all.find(token, start + 46min) == nullptr);
    CHECK(all.size() == 0);
    const std::string busy = all.add(who("a@grid.example"), start);
    SignIns::Time time = start;
    while (time - start < 12h) CHECK(all.find(busy, time += 10min) != nullptr);
    CHECK(all.find(busy, time + 1min) == nullptr);
}

TEST_CASE("the oldest gives way, of the account and of all") {
    SignIns all({15min, 12h, 2, 3});
    const std::string first = all.add(who("a@grid.example"), start);
    const std::string second = all.add(who("a@grid.example"), start + 1s);
    all.add(who("a@grid.example"), start + 2s);
    CHECK(all.find(first, start + 2s) == nullptr);
    CHECK(all.find(second, start + 2s) != nullptr);
    all.add(who("b@grid.example"), start + 3s);
    all.add(who("c@grid.example"), start + 4s);
    CHECK(all.size() == 3);
    CHECK(all.find(second, start + 4s) == nullptr);
    all.end_account("a@grid.example");
    CHECK(all.size() == 2);
}

TEST_CASE("a sign-in that the server alone asks about is idle") {
    const SignIns::Bounds bounds;
    SignIns all(bounds);
    const auto token = all.add({}, {});
    const SignIns::Time almost = SignIns::Time{} + bounds.idle - std::chrono::seconds(1);
    CHECK(all.find(token, almost, false) != nullptr);
    CHECK(all.find(token, almost + std::chrono::seconds(2), false) == nullptr);
}

}   // namespace sign_ins_test
