// tests/unit/server/sasl/sasl_scram_test.cpp: SCRAM by the vectors of its RFCs, and each way to
// fail.
#include <catch2/catch.hpp>

#include "server/sasl/offer.hpp"
#include "server/sasl/plain.hpp"
#include "server/sasl/scram.hpp"
#include "xml/base64.hpp"

namespace sasl_scram_test {

using namespace grid::server::sasl;
using grid::controller::LoginKeys;
using grid::controller::ScramHash;
namespace controller = grid::controller;
namespace xml = grid::xml;

namespace {

const std::string domain = "grid.example", exporter_data = "data of the channel";

struct Vector {
    ScramHash hash;
    std::string salt, client_nonce, server_nonce, proof, signature;
};
// RFC 5802 §5, RFC 7677 §3; of SHA-512 there is none: computed by Python's hashlib.
const Vector sha1{
    ScramHash::Sha1,
    "QSXCR+Q6sek8bf92",
    "fyko+d2lbbFgONRv9qkxdawL",
    "3rfcNHYJY1ZVvWVs7j",
    "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "rmF9pqV8S7suAoZWja4dJRkFsKQ="
};
const Vector sha256{
    ScramHash::Sha256,
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "rOprNGfwEbeRWgbNEkqO",
    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
};
const Vector sha512{
    ScramHash::Sha512,
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "rOprNGfwEbeRWgbNEkqO",
    "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
    "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="
};

LoginKeys keys_of(const Vector& vector, std::string generation = "first") {
    LoginKeys keys;
    keys.keys =
        controller::derive_keys(vector.hash, "pencil", *xml::parse_base64(vector.salt), 4'096);
    keys.generation = std::move(generation);
    return keys;
}

Scram::Setup setup_of(const Vector& vector) {
    Scram::Setup setup;
    setup.hash = vector.hash;
    setup.domain = domain;
    setup.nonce = vector.server_nonce;
    return setup;
}

Scram::Setup with_plus(const Vector& vector) {
    Scram::Setup setup = setup_of(vector);
    setup.is_plus = setup.offers_plus = true;
    setup.bindings = {{"tls-exporter", exporter_data}};
    return setup;
}

/// A client that knows the password, and may be told to say something else.
struct Client {
    explicit Client(const Vector& given) : vector(given) {}

    Vector vector;
    std::string flag = "n", name = "user", authzid, bound, password = "pencil";
    std::string nonce_said, extra, extra_final;   // instead of the right one; behind it

    std::string header() const {
        return flag + "," + (authzid.empty() ? "" : "a=" + authzid) + ",";
    }
    std::string first_bare() const { return "n=" + name + ",r=" + vector.client_nonce + extra; }
    std::string final_to(const std::string& server_first) const {
        std::string nonce = nonce_said;
        if (nonce.empty()) nonce = server_first.substr(2, server_first.find(',') - 2);
        const std::string without =
            "c=" + xml::to_base64(header() + bound) + ",r=" + nonce + extra_final;
        const auto salt_at = server_first.find(",s=") + 3;
        const auto salt = server_first.substr(salt_at, server_first.find(",i=") - salt_at);
        const auto keys =
            controller::derive_keys(vector.hash, password, *xml::parse_base64(salt), 4'096);
        // The client's key is not kept by a server: made as RFC 5802 §3 says, block by block.
        return without + ",p=" +
               xml::to_base64(proof_of(
                   *xml::parse_base64(salt), keys, first_bare() + "," + server_first + "," + without
               ));
    }

private:
    std::string proof_of(
        const std::string& salt, const controller::ScramKeys& keys, const std::string& message
    ) const {
        std::string round =
            controller::keyed_digest(vector.hash, password, salt + std::string("\0\0\0\x01", 4));
        std::string salted = round;
        for (int i = 1; i < 4'096; ++i) {
            round = controller::keyed_digest(vector.hash, password, round);
            salted = controller::exclusive_or(salted, round);
        }
        const auto key = controller::keyed_digest(vector.hash, salted, "Client Key");
        REQUIRE(controller::digest(vector.hash, key) == keys.stored_key);
        return controller::exclusive_or(
            key, controller::keyed_digest(vector.hash, keys.stored_key, message)
        );
    }
};

std::string challenge_of(const Step& step) {
    const auto* challenge = std::get_if<Challenge>(&step);
    return challenge != nullptr ? challenge->data : std::string("no challenge");
}

std::string condition_of(const Step& step) {
    const auto* failure = std::get_if<Failure>(&step);
    return failure != nullptr ? failure->condition : std::string("no failure");
}

std::string text_of(const Step& step) {
    const auto* failure = std::get_if<Failure>(&step);
    return failure != nullptr ? failure->text : std::string();
}

/// From the first message to the end.
Step log_in(Scram& scram, const Client& client, const LoginKeys& keys) {
    Step step = scram.start(client.header() + client.first_bare());
    if (!std::holds_alternative<Lookup>(step)) return step;
    step = scram.found(keys);
    if (!std::holds_alternative<Challenge>(step)) return step;
    return scram.respond(client.final_to(challenge_of(step)));
}

}   // namespace

TEST_CASE("the examples of RFC 5802 and RFC 7677", "[scram]") {
    for (const Vector* vector : {&sha1, &sha256, &sha512}) {
        CAPTURE(to_string(vector->hash));
        Scram scram(setup_of(*vector));
        const std::string first = "n=user,r=" + vector->client_nonce;
        Step step = scram.start("n,," + first);
        REQUIRE(std::holds_alternative<Lookup>(step));
        CHECK(std::get<Lookup>(step).name == "user@grid.example");
        CHECK(std::get<Lookup>(step).hash == vector->hash);
        step = scram.found(keys_of(*vector));
        const std::string nonce = vector->client_nonce + vector->server_nonce;
        CHECK(challenge_of(step) == "r=" + nonce + ",s=" + vector->salt + ",i=4096");
        step = scram.respond("c=biws,r=" + nonce + ",p=" + vector->proof);
        REQUIRE(std::holds_alternative<Success>(step));
        CHECK(std::get<Success>(step).account.str() == "user@grid.example");
        CHECK(std::get<Success>(step).data == "v=" + vector->signature);
        CHECK(std::get<Success>(step).password == "first");
    }
}

TEST_CASE("channel binding: the data of this very channel, of a type that is offered", "[scram]") {
    Client client(sha256);
    client.flag = "p=tls-exporter";
    client.bound = exporter_data;
    Scram right(with_plus(sha256));
    CHECK(std::holds_alternative<Success>(log_in(right, client, keys_of(sha256))));
    client.bound = "data of another channel";
    Scram other(with_plus(sha256));
    CHECK(condition_of(log_in(other, client, keys_of(sha256))) == "not-authorized");
    client.flag = "p=tls-other";
    Scram unknown(with_plus(sha256));
    CHECK(condition_of(log_in(unknown, client, keys_of(sha256))) == "malformed-request");
}

TEST_CASE("the flag of the GS2 header: a client that saw no -PLUS was lied to", "[scram]") {
    Client client(sha256);
    client.flag = "y";
    Scram::Setup setup = setup_of(sha256);
    Scram honest(setup);   // there was none
    CHECK(std::holds_alternative<Success>(log_in(honest, client, keys_of(sha256))));
    setup.offers_plus = true;
    setup.bindings = {{"tls-exporter", exporter_data}};
    Scram hidden(setup);
    CHECK(condition_of(log_in(hidden, client, keys_of(sha256))) == "not-authorized");
    client.flag = "n";   // cannot do it
    Scram unable(setup);
    CHECK(std::holds_alternative<Success>(log_in(unable, client, keys_of(sha256))));
    client.flag = "p=tls-exporter";   // by a mechanism without -PLUS
    Scram without(setup);
    CHECK(condition_of(log_in(without, client, keys_of(sha256))) == "malformed-request");
    for (const char* flag : {"n", "y"}) {   // and the other way round
        client.flag = flag;
        setup = with_plus(sha256);
        setup.may_be_unbound = false;
        Scram plus(setup);
        CHECK(condition_of(log_in(plus, client, keys_of(sha256))) == "malformed-request");
    }
    client.flag = "n";   // where it gives no more than the name without -PLUS
    Scram tolerant(with_plus(sha256));
    CHECK(std::holds_alternative<Success>(log_in(tolerant, client, keys_of(sha256))));
}

TEST_CASE("wrong nonce, header, password and name fail alike", "[scram]") {
    const auto expect = [](const Client& client, const LoginKeys& keys) {
        Scram scram(setup_of(sha256));
        const Step step = log_in(scram, client, keys);
        CHECK(condition_of(step) == "not-authorized");
        CHECK(text_of(step) == "the name or the password is wrong");
    };
    Client client(sha256);
    client.nonce_said = sha256.client_nonce + "another";
    expect(client, keys_of(sha256));
    client = Client(sha256);
    client.bound = "something behind";
    expect(client, keys_of(sha256));
    client = Client(sha256);
    client.password = "pencils";
    expect(client, keys_of(sha256));
    client = Client(sha256);
    expect(client, keys_of(sha256, ""));   // keys of nobody, even when they fit
}

TEST_CASE("a login that fails costs the same, whether its account exists or not", "[scram]") {
    const LoginKeys real = keys_of(sha256);
    LoginKeys nobody = real;
    nobody.generation.clear();
    nobody.keys.stored_key = std::string(32, 'x');
    Client client(sha256);
    client.password = "wrong";
    std::vector<std::uint64_t> costs;
    for (const LoginKeys& keys : {real, nobody}) {
        Scram scram(setup_of(sha256));
        scram.start(client.header() + client.first_bare());
        const Step step = scram.found(keys);
        const std::string said = client.final_to(challenge_of(step));
        const auto before = controller::digests_made;
        CHECK(condition_of(scram.respond(said)) == "not-authorized");
        costs.push_back(controller::digests_made - before);
    }
    CHECK(costs[0] == costs[1]);
    CHECK(costs[0] > 0);
}

TEST_CASE("messages that are none of SCRAM's", "[scram]") {
    const auto first = [](const std::string& message) {
        Scram scram(setup_of(sha256));
        return condition_of(scram.start(message));
    };
    for (const char* message :
         {"", "n", "n,,", "n,,n=user", "n,,r=abc,n=user", "x,,n=user,r=abc", "n,,n=,r=abc",
          "n,,n=us=er,r=abc", "n,,n=user,r=", "n,,n=user,r=a b", "n,,n=user,r=abc,x",
          "n,,m=must,n=user,r=abc", "n,b=user,n=user,r=abc", "p,,n=user,r=abc",
          "n,,n=\xff,r=abc"}) {
        CAPTURE(message);
        CHECK(first(message) == "malformed-request");
    }
    CHECK(first("n,,n=user,r=" + std::string(257, 'a')) == "malformed-request");
    CHECK(first("n,a=other@grid.example,n=user,r=abc") == "invalid-authzid");
    CHECK(first("n,a=user@grid.example/x,n=user,r=abc") == "invalid-authzid");
    CHECK(first("n,a=user@grid.example,n=user,r=abc,x=more") == "no failure");
    const auto last = [](const std::string& message) {
        Scram scram(setup_of(sha256));
        scram.start("n,,n=user,r=abc");
        scram.found(keys_of(sha256));
        return condition_of(scram.respond(message));
    };
    for (const char* message :
         {"", "c=biws", "c=biws,r=abc", "r=abc,c=biws,p=YQ==", "c=biws,r=abc,p=*",
          "c=*,r=a,p=YQ==", "c=biws,r=abc,p=YQ==,x=1", "c=biws,r=abc,,p=YQ=="})
        CHECK(last(message) == "malformed-request");
    CHECK(last("c=biws,r=abc,p=YQ==") == "not-authorized");   // a proof of one byte
}

TEST_CASE("extensions are covered by the proof", "[scram]") {
    Client client(sha256);
    client.extra = ",x=first";
    client.extra_final = ",y=last";
    Scram scram(setup_of(sha256));
    CHECK(std::holds_alternative<Success>(log_in(scram, client, keys_of(sha256))));
}

TEST_CASE("each step of an exchange is taken once", "[scram]") {
    Scram scram(setup_of(sha256));
    const Client client(sha256);
    scram.start(client.header() + client.first_bare());
    CHECK(condition_of(scram.respond("c=biws,r=abc,p=YQ==")) == "malformed-request");
    const Step step = scram.found(keys_of(sha256));
    const std::string said = client.final_to(challenge_of(step));
    CHECK(std::holds_alternative<Success>(scram.respond(said)));
    CHECK(condition_of(scram.respond(said)) == "malformed-request");
    Scram silent(setup_of(sha256));   // without an initial response an empty challenge comes first
    CHECK(challenge_of(silent.start({})).empty());
    CHECK(std::holds_alternative<Lookup>(silent.respond(client.header() + client.first_bare())));
}

TEST_CASE("a name that no account can have goes the way of all others", "[scram]") {
    Client client(sha256);
    client.name = "a b";
    Scram scram(setup_of(sha256));
    Step step = scram.start(client.header() + client.first_bare());
    REQUIRE(std::holds_alternative<Lookup>(step));
    CHECK(std::get<Lookup>(step).name == "a b");
    step = scram.found(keys_of(sha256));   // keys that fit
    CHECK(condition_of(scram.respond(client.final_to(challenge_of(step)))) == "not-authorized");
    client.name = "us=2Cer=3D";
    Scram escaped(setup_of(sha256));
    step = escaped.start(client.header() + client.first_bare());
    CHECK(std::get<Lookup>(step).name == "us,er=@grid.example");
}

TEST_CASE("an attempt that is refused unseen", "[scram]") {
    LoginKeys keys = keys_of(sha256);
    keys.refused = "later";
    Scram scram(setup_of(sha256));
    CHECK(condition_of(log_in(scram, Client(sha256), keys)) == "temporary-auth-failure");
}

TEST_CASE("XEP-0474: its example, and the hash in the first message", "[scram]") {
    const grid::server::net::ChannelBindings both{
        {"tls-server-end-point", "x"}, {"tls-exporter", "y"}
    };
    const std::string text = downgrade_input({"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"}, both);
    CHECK(
        text ==
        "SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1e"
        "tls-server-end-point"
    );
    CHECK(
        xml::to_base64(controller::digest(ScramHash::Sha1, text)) == "G6k/rBLDqgOhRRaCuuatSDFkJ08="
    );
    Scram::Setup setup = setup_of(sha1);
    setup.offer = text;
    Scram scram(setup);
    scram.start("n,,n=user,r=abc");
    CHECK(challenge_of(scram.found(keys_of(sha1))).ends_with(",h=G6k/rBLDqgOhRRaCuuatSDFkJ08="));
    Scram whole(setup);
    CHECK(std::holds_alternative<Success>(log_in(whole, Client(sha1), keys_of(sha1))));
}

TEST_CASE("PLAIN: three parts, and the answer of the one who compares", "[scram]") {
    const auto said = [](std::string text) {
        for (char& c : text)
            if (c == '|') c = '\0';
        return text;
    };
    for (const char* text : {"", "user", "|user", "|user|", "||pencil", "|user|pencil|"}) {
        Plain plain(domain);
        CHECK(condition_of(plain.start(said(text))) == "malformed-request");
    }
    Plain foreign(domain);
    CHECK(condition_of(foreign.start(said("ann@grid.example|user|pencil"))) == "invalid-authzid");
    for (const bool fits : {true, false}) {
        Plain plain(domain);
        const Step step = plain.start(said("user@grid.example|user|pencil"));
        REQUIRE(std::holds_alternative<Lookup>(step));
        CHECK(std::get<Lookup>(step).password == "pencil");
        LoginKeys keys = keys_of(sha256);
        keys.fits_given = fits;
        CHECK(std::holds_alternative<Success>(plain.found(keys)) == fits);
        keys.generation.clear();
        CHECK(condition_of(plain.found(keys)) == "not-authorized");
    }
}

TEST_CASE("the offer: EXTERNAL first, then with channel binding, then without", "[scram]") {
    grid::server::Config::Sasl settings;
    grid::server::tls::Presented presented;
    const grid::server::net::ChannelBindings both{{"tls-exporter", "y"}};
    CHECK(offer(settings, presented, both).mechanisms.empty());
    presented.present = presented.acceptable = true;
    presented.identities = {*xml::Jid::parse("ann@grid.example")};
    CHECK(offer(settings, presented, both).mechanisms == std::vector<std::string>{"EXTERNAL"});
    settings.passwords = true;
    settings.plain = true;
    settings.mechanisms = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    using Names = std::vector<std::string>;
    const Offer all = offer(settings, presented, both);
    CHECK(
        all.mechanisms ==
        Names{"EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"}
    );
    CHECK(all.has_plus());
    const Offer unbound = offer(settings, presented, {});
    CHECK(unbound.mechanisms == Names{"EXTERNAL", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"});
    settings.mechanisms = {"SCRAM-SHA-1"};
    CHECK_FALSE(offer(settings, presented, both).has_plus());
    CHECK(make_mechanism("SCRAM-SHA-256", all, presented, {}, domain, "nonce") != nullptr);
    CHECK(make_mechanism("SCRAM-SHA-512", all, presented, {}, domain, "nonce") == nullptr);
    CHECK(make_mechanism("", all, presented, {}, domain, "nonce") == nullptr);
}

}   // namespace sasl_scram_test
