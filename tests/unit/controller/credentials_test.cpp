// tests/unit/controller/credentials_test.cpp: accounts with a password: their records, acts, logins
// and sessions.
#include "controller/credentials/credentials.hpp"

#include <catch2/catch.hpp>

#include "../../stories/commands_stage.hpp"
#include "controller/state.hpp"

namespace credentials_test {

using namespace grid::controller;
using namespace grid::test;
namespace xml = grid::xml;

namespace {

constexpr const char* ann = "ann@grid.example";
constexpr const char* first_admin = "root@grid.example";

std::string password_of(const std::string& text) { return R"({"password": ")" + text + R"("})"; }

struct PasswordStage : Commands {
    PasswordStage() : Commands(with_passwords()) {}

    int does(const char* method, const std::string& path, const std::string& body = {}) {
        return rest(first_admin, method, path, body).first;
    }
    void add(const std::string& name, const std::string& password) {
        const std::string body = R"({"jid": ")" + name +
                                 R"(", "groups": ["makers"], "password": ")" + password + R"("})";
        REQUIRE(does("POST", "/accounts", body) == 201);
    }
    LoginKeys keys(const std::string& name, ScramHash hash = ScramHash::Sha256) {
        return controller_keys(name, hash);
    }
    LoginKeys controller_keys(const std::string& name, ScramHash hash) {
        return controller().login_keys({name, hash});
    }
    bool fits(const std::string& name, const std::string& password) {
        const LoginKeys found = keys(name);
        const ScramKeys made =
            derive_keys(ScramHash::Sha256, password, found.keys.salt, found.keys.iterations);
        return !found.generation.empty() && made.stored_key == found.keys.stored_key;
    }
    /// As a login by the present password proves it.
    Identity by_password(const std::string& name) {
        Identity identity;
        identity.account = *xml::Jid::parse(name);
        identity.password = keys(name).generation;
        identity.valid_until = INT64_MAX;
        return identity;
    }
    const Account& account(const std::string& name) {
        return *controller().state_for_admin().accounts.find(name);
    }
};

std::string ping(const std::string& id = "p") {
    return "<iq xmlns='jabber:client' id='" + id +
           "' type='get' to='controller.grid.example'>"
           "<query xmlns='http://jabber.org/protocol/disco#items'/></iq>";
}

}   // namespace

TEST_CASE("credentials are read as they were written, and nothing else is") {
    const Credentials made = make_credentials("pencil", "seed", iterations_min);
    CHECK(made.keys.size() == 3);
    CHECK(made.generation.size() == 32);
    const std::string bytes = encode(made);
    CHECK(decode_credentials(bytes) == made);
    CHECK(bytes.find("pencil") == std::string::npos);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(decode_credentials(std::string_view(bytes).substr(0, size)));
    CHECK_FALSE(decode_credentials(bytes + "x"));
    std::string later = bytes;
    later.front() = 2;
    CHECK_FALSE(decode_credentials(later));
    // Salts of the same password differ, by hash and by seed.
    const Credentials again = make_credentials("pencil", "another seed", iterations_min);
    CHECK(made.generation != again.generation);
    CHECK(made.keys.at(ScramHash::Sha1).salt != made.keys.at(ScramHash::Sha256).salt);
    CHECK(made.keys.at(ScramHash::Sha1).salt != again.keys.at(ScramHash::Sha1).salt);
}

TEST_CASE("passwords are prepared as RFC 4013 says") {
    CHECK(prepare_password("pencil") == "pencil");
    // The examples of §3.
    CHECK(prepare_password("I\u00ADX") == "IX");
    CHECK(prepare_password("USER") == "USER");
    CHECK(prepare_password("\u00AA") == "a");
    CHECK(prepare_password("\u2168") == "IX");
    CHECK(prepare_password("a\u00A0b") == "a b");
    for (const char* bad : {"", "\x07", "\u0627\x31", "\u00AD", "\xff", "a\u200Eb"})
        CHECK_FALSE(prepare_password(bad));
    CHECK(prepare_password(std::string(1023, 'x')));
    CHECK_FALSE(prepare_password(std::string(1024, 'x')));
}

TEST_CASE("an administrator gives an account a password, and takes it") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    CHECK(stage.fits(ann, "pencil"));
    CHECK_FALSE(stage.fits(ann, "pencils"));
    const std::string path = std::string("/accounts/") + ann + "/password";
    CHECK(stage.does("PUT", path, password_of("crayon")) == 200);
    CHECK(stage.fits(ann, "crayon"));
    CHECK_FALSE(stage.fits(ann, "pencil"));
    CHECK(stage.does("DELETE", path) == 200);
    CHECK_FALSE(stage.account(ann).has_password());
    CHECK(stage.keys(ann).generation.empty());
    CHECK(stage.controller().state_for_admin().credentials.find(ann) == nullptr);
    const auto revision = stage.store.status().revision;
    CHECK(stage.does("DELETE", path) == 200);   // the account is so already
    CHECK(stage.store.status().revision == revision);
    CHECK(stage.does("PUT", path, password_of("\\u0007")) == 400);
    CHECK(stage.does("PUT", "/accounts/no@grid.example/password", password_of("x")) == 404);
    CHECK(
        stage.does("POST", "/accounts", R"({"jid": "ann@grid.example", "password": "x"})") == 409
    );
}

TEST_CASE("the commands of XEP-0133: a user with a password, and another password") {
    PasswordStage stage;
    const std::string jid = field("accountjid", {ann});
    const std::string add = admin_command("add-user"),
                      change = admin_command("change-user-password");
    const auto passwords = [](const char* one, const char* other) {
        return field("password", {one}) + field("password-verify", {other});
    };
    CHECK(
        stage.fill(root, add, jid + passwords("a", "b")).error() == "modify bad-request bad-payload"
    );
    CHECK(stage.fill(root, add, jid + passwords("pencil", "pencil")).status == "completed");
    CHECK(stage.fits(ann, "pencil"));
    CHECK(stage.fill(root, change, jid + field("password", {"crayon"})).status == "completed");
    CHECK(stage.fits(ann, "crayon"));
    CHECK(stage.fill(root, change, jid).error() == "modify bad-request bad-payload");
    CHECK(
        stage
            .fill(root, change, field("accountjid", {"no@grid.example"}) + field("password", {"x"}))
            .error() == "cancel item-not-found"
    );
    CHECK(stage.run(probe, command(change)).error() == "cancel forbidden");
}

TEST_CASE("while passwords are off no act gives one, and one can be taken") {
    Commands stage;
    CHECK(
        stage.rest(first_admin, "PUT", "/accounts/probe@grid.example/password", password_of("x"))
            .first == 409
    );
    CHECK(
        stage
            .rest(
                first_admin, "POST", "/accounts", R"({"jid": "ann@grid.example", "password": "x"})"
            )
            .first == 409
    );
    CHECK(stage.rest(first_admin, "DELETE", "/accounts/probe@grid.example/password").first == 200);
    const Answer asked = stage.run(root, command(admin_command("change-user-password")));
    CHECK(asked.error() == "cancel not-allowed");
}

TEST_CASE("keys of a name without a password are always the same, and nobody's") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    for (const std::string name : {"no@grid.example", probe, "a b"}) {
        CAPTURE(name);
        const LoginKeys keys = stage.keys(name);
        CHECK(keys.generation.empty());
        CHECK(keys.keys.salt.size() == stage.keys(ann).keys.salt.size());
        CHECK(keys.keys.iterations == stage.keys(ann).keys.iterations);
        CHECK(keys.keys.stored_key.size() == stage.keys(ann).keys.stored_key.size());
        CHECK(stage.keys(name).keys == keys.keys);
        CHECK(stage.keys(name, ScramHash::Sha1).keys.salt != keys.keys.salt);
        // Another start over the same store.
        Node fresh(stage.settings, stage.sessions);
        REQUIRE(stage.store.scan([&](const auto& change) { fresh.apply(change); }).has_value());
        CHECK(fresh.controller->login_keys({name}).keys == keys.keys);
    }
    // Finding them costs the same.
    std::vector<std::uint64_t> costs;
    for (const char* name : {ann, "no@grid.example", first_admin}) {
        const auto before = digests_made;
        stage.keys(name);
        costs.push_back(digests_made - before);
    }
    CHECK(costs[0] == costs[1]);
    CHECK(costs[0] == costs[2]);
}

TEST_CASE("a session by password acts for the account while it has that password") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    const std::string full = std::string(ann) + "/x";
    const Identity before = stage.by_password(ann);
    REQUIRE(stage.connects_as(full, before));
    CHECK(stage.sends(full, ping()).attr_or("type", "") == "result");
    stage.control = {};
    const std::string path = std::string("/accounts/") + ann + "/password";
    CHECK(stage.does("PUT", path, password_of("crayon")) == 200);
    CHECK(stage.control.closed == decltype(stage.control.closed){{ann, "reset"}});
    // The session is refused everything, and cannot come back.
    CHECK(stage.sends(full, ping()).attr_or("type", "") == "error");
    CHECK_FALSE(stage.connects_as(full, before));
    REQUIRE(stage.connects_as(full, stage.by_password(ann)));
    CHECK(stage.sends(full, ping()).attr_or("type", "") == "result");
}

TEST_CASE("a request that was decided under another password is decided again") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    const std::string full = std::string(ann) + "/x";
    REQUIRE(stage.connects_as(full, stage.by_password(ann)));
    grid::storage::Batch batch;
    stage.controller().state_for_admin().expect_gates(batch, stage.principal(full));
    const std::string path = std::string("/accounts/") + ann + "/password";
    CHECK(stage.does("PUT", path, password_of("crayon")) == 200);
    CHECK_FALSE(stage.commit(batch));
}

TEST_CASE("a certificate does not join an account with a password, unless it is bound to a CA") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    CHECK(stage.admission(ann).kind == Admission::Kind::OtherCertificate);
    const std::string ca(64, 'a');
    const std::string path = std::string("/accounts/") + ann + "/rebind";
    CHECK(stage.does("POST", path, R"({"ca": ")" + ca + R"("})") == 200);
    CHECK(stage.admission(ann, ca).kind == Admission::Kind::Enter);
    CHECK(stage.admission(ann).kind == Admission::Kind::OtherCertificate);
    CHECK(stage.connects_as(std::string(ann) + "/x", stage.by_password(ann)));
}

TEST_CASE("disabled, deleted, pinned: no password opens those") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    const std::string path = std::string("/accounts/") + ann;
    const Identity identity = stage.by_password(ann);
    const auto kind = [&] { return stage.controller().admit(identity).kind; };
    CHECK(kind() == Admission::Kind::Enter);
    CHECK(stage.does("PATCH", path, R"({"key_pin": ")" + std::string(64, '0') + R"("})") == 200);
    CHECK(kind() == Admission::Kind::OtherKey);
    CHECK(stage.does("PATCH", path, R"({"key_pin": ""})") == 200);
    CHECK(stage.does("POST", path + "/disable") == 200);
    CHECK(kind() == Admission::Kind::Disabled);
    CHECK(stage.does("DELETE", path) == 200);
    CHECK(kind() == Admission::Kind::OtherCertificate);
    CHECK(stage.controller().state_for_admin().credentials.find(ann) == nullptr);
    CHECK(stage.keys(ann).generation.empty());
}

TEST_CASE("rules about issuers are not met by a session without a certificate") {
    PasswordStage stage;
    stage.add(ann, "pencil");
    const std::string ca(64, 'a');
    const std::string full = std::string(ann) + "/x";
    // Bound to a CA as well: the account has an anchor, this session has none.
    CHECK(
        stage.does(
            "POST", std::string("/accounts/") + ann + "/rebind", R"({"ca": ")" + ca + R"("})"
        ) == 200
    );
    CHECK(
        stage.does(
            "PUT", "/policy", R"({"text": "allow any discover any issuer )" + ca + R"("})"
        ) == 200
    );
    REQUIRE(stage.connects_as(full, stage.by_password(ann)));
    const auto& state = stage.controller().state_for_admin();
    const auto may = [&](const grid::pubsub::Principal& actor) {
        return state.decide(actor, policy::Right::Discover, "topic").allowed;
    };
    CHECK_FALSE(may(stage.principal(full)));
    REQUIRE(stage.connects(std::string(ann) + "/y", ca));
    CHECK(may(stage.principal(std::string(ann) + "/y")));
    // The network is the session's, as ever.
    CHECK(stage.does("PUT", "/policy", R"({"text": "allow any discover any"})") == 200);
    CHECK(may(stage.principal(full)));
}

}   // namespace credentials_test
