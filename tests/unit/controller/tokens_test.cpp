// tests/unit/controller/tokens_test.cpp: tokens of installations of a client (XEP-0484): given,
// used, exchanged, void.
#include "controller/credentials/tokens.hpp"

#include <catch2/catch.hpp>

#include "../../stories/commands_stage.hpp"
#include "controller/state.hpp"

namespace tokens_test {

using namespace grid::controller;
using namespace grid::test;
namespace storage = grid::storage;
namespace xml = grid::xml;

namespace {

constexpr const char* ann = "ann@grid.example";
constexpr const char* first_admin = "root@grid.example";
const std::string none_mechanism = "HT-SHA-256-NONE", end_point = "HT-SHA-256-ENDP";
constexpr storage::Millis day = 24LL * 3600 * 1000;

Settings with_tokens() {
    Settings settings = Commands::with_passwords();
    settings.token_lifetime = 10 * day;
    return settings;
}

struct TokenStage : Commands {
    TokenStage() : Commands(with_tokens()) {
        const std::string body =
            R"({"jid": "ann@grid.example", "groups": ["makers"], "password": "pencil"})";
        REQUIRE(rest(first_admin, "POST", "/accounts", body).first == 201);
    }
    Identity identity() {
        Identity made;
        made.account = *xml::Jid::parse(ann);
        made.password = controller().login_keys({ann, ScramHash::Sha256, {}, {}}).generation;
        return made;
    }
    /// A login with that wish, and the token that it is given.
    std::optional<Token> logs_in(const TokenWish& wish) {
        auto issued = std::make_shared<std::optional<Token>>();
        const auto prepared = controller().token_request(identity(), wish, issued);
        grid::pubsub::Principal actor;
        actor.jid = *xml::Jid::parse(ann);
        auto decision = prepared.decide(context(actor));
        if (auto* change = decision.change()) REQUIRE(commit(std::move(change->batch)));
        return *issued;
    }
    /// The tokens that a login of that client may show, the newest first.
    std::vector<std::string> good(const std::string& client = "phone") {
        std::vector<std::string> secrets;
        const auto keys = controller().login_keys({ann, ScramHash::Sha256, {}, client});
        for (const Token& token : keys.tokens) secrets.push_back(token.secret);
        return secrets;
    }
};

using Secrets = std::vector<std::string>;

}   // namespace

TEST_CASE("tokens are read as they were written") {
    ClientTokens tokens;
    tokens.generation = "first";
    tokens.mechanism = end_point;
    tokens.current = Token{"old", 5};
    CHECK(decode_tokens(encode(tokens)) == tokens);
    tokens.fresh = Token{"new", 7};
    const std::string bytes = encode(tokens);
    CHECK(decode_tokens(bytes) == tokens);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(decode_tokens(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("a token is given to one installation, and takes the old one's place when it is used") {
    TokenStage stage;
    CHECK(stage.good().empty());
    const auto first = stage.logs_in({"phone", none_mechanism, {}});
    REQUIRE(first.has_value());
    CHECK(first->secret.size() > 64);
    CHECK(stage.good() == Secrets{first->secret});
    CHECK(stage.good("desk").empty());
    CHECK_FALSE(stage.logs_in({"phone", {}, first->secret}));   // used, and good for days
    // Another one: the first stays good until the second is used (XEP-0484 §3.5).
    const auto second = stage.logs_in({"phone", none_mechanism, first->secret});
    REQUIRE(second.has_value());
    CHECK(stage.good() == Secrets{second->secret, first->secret});
    const auto third = stage.logs_in({"phone", none_mechanism, first->secret});
    CHECK(stage.good() == Secrets{third->secret, first->secret});   // the second never came
    CHECK_FALSE(stage.logs_in({"phone", {}, third->secret}));
    CHECK(stage.good() == Secrets{third->secret});
}

TEST_CASE("a token is exchanged in the second half of its life, and given up where that is asked") {
    TokenStage stage;
    const auto first = stage.logs_in({"phone", none_mechanism, {}});
    CHECK_FALSE(stage.logs_in({"phone", {}, first->secret}));
    stage.later(6 * day);
    const auto second = stage.logs_in({"phone", {}, first->secret});
    REQUIRE(second.has_value());
    CHECK(second->expires > first->expires);
    TokenWish wish{"phone", {}, second->secret};
    wish.invalidates = true;
    stage.later(6 * day);
    CHECK_FALSE(stage.logs_in(wish));
    CHECK(stage.good().empty());
    CHECK(stage.controller().state_for_admin().accounts.tokens().find(ann, "phone") == nullptr);
}

TEST_CASE("a token is for one mechanism") {
    TokenStage stage;
    const auto first = stage.logs_in({"phone", none_mechanism, {}});
    REQUIRE(stage.logs_in({"phone", end_point, first->secret}));
    const auto keys = stage.controller().login_keys({ann, ScramHash::Sha256, {}, "phone"});
    CHECK(keys.token_mechanism == end_point);
    CHECK(keys.tokens.size() == 1);
}

TEST_CASE("a new password, and the end of the account, make all tokens void") {
    TokenStage stage;
    const Identity before = stage.identity();
    stage.logs_in({"phone", none_mechanism, {}});
    stage.logs_in({"desk", none_mechanism, {}});
    CHECK(stage.good("desk").size() == 1);
    const std::string path = std::string("/accounts/") + ann;
    CHECK(
        stage.rest(first_admin, "PUT", path + "/password", R"({"password": "crayon"})").first == 200
    );
    CHECK(stage.good().empty());
    const auto& tokens = stage.controller().state_for_admin().accounts.tokens();
    CHECK(tokens.find(ann, "desk") == nullptr);
    // A login by the old password that was on its way is given none.
    auto issued = std::make_shared<std::optional<Token>>();
    const auto late =
        stage.controller().token_request(before, {"phone", none_mechanism, {}}, issued);
    grid::pubsub::Principal actor;
    actor.jid = *xml::Jid::parse(ann);
    CHECK(late.decide(stage.context(actor)).error() != nullptr);
    CHECK_FALSE(issued->has_value());
    stage.logs_in({"phone", none_mechanism, {}});
    CHECK(stage.rest(first_admin, "DELETE", path).first == 200);
    CHECK(tokens.find(ann, "phone") == nullptr);
}

TEST_CASE("an account has tokens of so many installations; the one that expires first goes") {
    TokenStage stage;
    for (std::size_t i = 0; i < token_clients_max; ++i) {
        stage.logs_in({"client " + std::to_string(i), none_mechanism, {}});
        stage.later(1000);
    }
    CHECK(stage.good("client 0").size() == 1);
    stage.logs_in({"client 1", none_mechanism, {}});   // no new one
    CHECK(stage.good("client 0").size() == 1);
    stage.logs_in({"one more", none_mechanism, {}});
    CHECK(stage.good("client 0").empty());
    CHECK(stage.good("client 1").size() == 1);
    CHECK(stage.good("one more").size() == 1);
}

TEST_CASE("tokens of a scan are those that were live") {
    TokenStage stage;
    stage.logs_in({"phone", none_mechanism, {}});
    Node fresh(stage.settings, stage.sessions);
    REQUIRE(stage.store.scan([&](const auto& change) { fresh.apply(change); }).has_value());
    CHECK(
        fresh.controller->state_for_admin().accounts.tokens() ==
        stage.controller().state_for_admin().accounts.tokens()
    );
}

}   // namespace tokens_test
