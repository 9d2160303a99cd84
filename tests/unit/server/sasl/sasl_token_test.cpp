// tests/unit/server/sasl/sasl_token_test.cpp: the mechanisms of tokens (XEP-0484).
#include <catch2/catch.hpp>

#include "server/sasl/hashed_token.hpp"

namespace sasl_token_test {

using namespace grid::server::sasl;
namespace controller = grid::controller;
using controller::ScramHash;

namespace {

const grid::server::net::ChannelBindings both{
    {"tls-exporter", "exported"}, {"tls-server-end-point", "end"}
};

const grid::server::tls::Presented no_certificate;

std::string said(
    const std::string& secret, const std::string& binding = {}, const std::string& name = "ann"
) {
    return name + '\0' + controller::keyed_digest(ScramHash::Sha256, secret, "Initiator" + binding);
}

controller::LoginKeys keys_with(std::vector<controller::Token> tokens, std::string mechanism) {
    controller::LoginKeys keys;
    keys.generation = "first";
    keys.tokens = std::move(tokens);
    keys.token_mechanism = std::move(mechanism);
    keys.now = 100;
    return keys;
}

std::string condition_of(const Step& step) {
    const auto* failure = std::get_if<Failure>(&step);
    return failure != nullptr ? failure->condition : std::string("no failure");
}

Step log_in(
    const std::string& mechanism, const std::string& message, const controller::LoginKeys& keys
) {
    HashedToken token(mechanism, "phone", "grid.example", both, no_certificate);
    const Step step = token.start(message);
    if (const auto* lookup = std::get_if<Lookup>(&step)) {
        CHECK(lookup->client == "phone");
        return token.found(keys);
    }
    return step;
}

const std::string none_name = "HT-SHA-256-NONE";

}   // namespace

TEST_CASE("the newest token or the one before it, and the answer that proves the server") {
    const auto keys = keys_with({{"new", 200}, {"old", 200}}, none_name);
    for (const char* secret : {"new", "old"}) {
        const Step step = log_in(none_name, said(secret), keys);
        REQUIRE(std::holds_alternative<Success>(step));
        const auto& success = std::get<Success>(step);
        CHECK(success.account.str() == "ann@grid.example");
        CHECK(success.token == secret);
        CHECK(success.password == "first");
        CHECK(success.data == controller::keyed_digest(ScramHash::Sha256, secret, "Responder"));
    }
    CHECK(condition_of(log_in(none_name, said("none"), keys)) == "not-authorized");
    CHECK(condition_of(log_in(none_name, said("new"), keys_with({}, {}))) == "not-authorized");
    CHECK(condition_of(log_in(none_name, said("new", {}, "a b"), keys)) == "not-authorized");
}

TEST_CASE("a token of a certificate is asked for with its key, and gives no password") {
    grid::server::tls::Presented presented;
    presented.present = presented.acceptable = true;
    presented.key = "k1";
    presented.identities = {grid::xml::Jid::parse("ann@grid.example").value()};
    const auto key_asked_for = [&](const std::string& name) {
        HashedToken token(none_name, "phone", "grid.example", both, presented);
        const Step step = token.start(said("new", {}, name));
        REQUIRE(std::holds_alternative<Lookup>(step));
        return std::get<Lookup>(step).key;
    };
    CHECK(key_asked_for("ann") == "k1");
    CHECK(key_asked_for("bob").empty());   // not the certificate's
    presented.acceptable = false;
    CHECK(key_asked_for("ann").empty());
    presented.acceptable = true;
    HashedToken token(none_name, "phone", "grid.example", both, presented);
    token.start(said("new"));
    auto keys = keys_with({{"new", 200}}, none_name);
    keys.are_of_key = true;
    const Step step = token.found(keys);
    REQUIRE(std::holds_alternative<Success>(step));
    CHECK(std::get<Success>(step).password.empty());
    CHECK(std::get<Success>(step).token == "new");
}

TEST_CASE("a token is bound to its channel and its mechanism") {
    for (const auto& [name, data] :
         {std::pair("HT-SHA-256-EXPR", "exported"), std::pair("HT-SHA-256-ENDP", "end")}) {
        const auto keys = keys_with({{"new", 200}}, name);
        CHECK(std::holds_alternative<Success>(log_in(name, said("new", data), keys)));
        CHECK(condition_of(log_in(name, said("new"), keys)) == "not-authorized");
        CHECK(condition_of(log_in(name, said("new", "other"), keys)) == "not-authorized");
        CHECK(condition_of(log_in(none_name, said("new"), keys)) == "not-authorized");
    }
}

TEST_CASE("a token that has expired is told apart from a wrong one") {
    const auto keys = keys_with({{"new", 100}}, none_name);
    CHECK(condition_of(log_in(none_name, said("new"), keys)) == "credentials-expired");
    CHECK(condition_of(log_in(none_name, said("old"), keys)) == "not-authorized");
    auto refused = keys_with({{"new", 200}}, none_name);
    refused.refused = "later";
    CHECK(condition_of(log_in(none_name, said("new"), refused)) == "temporary-auth-failure");
}

TEST_CASE("each comparison is made, whether there are tokens or none") {
    std::vector<std::uint64_t> costs;
    for (const auto& keys :
         {keys_with({{"a", 200}, {"b", 200}}, none_name), keys_with({{"a", 200}}, none_name),
          keys_with({}, {})}) {
        const std::string message = said("wrong");
        const auto before = controller::digests_made;
        log_in(none_name, message, keys);
        costs.push_back(controller::digests_made - before);
    }
    CHECK(costs[0] == costs[1]);
    CHECK(costs[0] == costs[2]);
}

TEST_CASE("messages that are none") {
    for (const std::string& message :
         {std::string(), std::string("ann"), std::string("\0proof", 6)})
        CHECK(condition_of(log_in(none_name, message, {})) == "malformed-request");
    HashedToken token(none_name, "phone", "grid.example", both, no_certificate);
    CHECK(condition_of(token.start({})) == "malformed-request");
}

TEST_CASE("mechanisms that the connection can have") {
    using Names = std::vector<std::string>;
    CHECK(token_mechanisms(both) == Names{"HT-SHA-256-EXPR", "HT-SHA-256-ENDP", none_name});
    CHECK(token_mechanisms({}) == Names{none_name});
    CHECK(token_mechanisms({{"tls-unique", "x"}}) == Names{none_name});
}

}   // namespace sasl_token_test
