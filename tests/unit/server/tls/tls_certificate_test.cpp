// tests/unit/server/tls/tls_certificate_test.cpp: the certificates that let a client in, and the
// reasons against the others.
#include <catch2/catch.hpp>

#include "memory_handshake.hpp"
#include "server/tls/certificate.hpp"
#include "server/tls/certificate_text.hpp"

namespace tls_certificate_test {

using namespace grid::test;
using Catch::Contains;
using grid::server::Config;
namespace tls = grid::server::tls;
using Mappings = std::vector<Config::Mapping>;

namespace {

constexpr grid::storage::Millis now = 1'800'000'000'000;   // 2027-01-15T08:00:00Z

struct Core {
    TemporaryFiles files;
    Certificate ca = make_ca("grid CA");
    tls::Context context = make(ca);

    tls::Context make(const Certificate& trusted) {
        const auto server = make_server(ca, "grid.example");
        Config::Tls settings;
        settings.certificate = files.write("s.crt", to_pem(server.certificate.get()));
        settings.key = files.write("s.key", to_pem(server.key.get()));
        settings.client_ca = files.write("ca.crt", to_pem(trusted.certificate.get()));
        return *tls::make_context(settings, tls::Use::Xmpp);
    }
    tls::Presented judge(
        Certificate certificate,
        const Mappings& mappings = {},
        const std::vector<const Certificate*>& chain = {}
    ) {
        MemoryHandshake pair(context.get(), std::move(certificate), chain);
        REQUIRE(pair.run());
        return tls::judge(pair.server(), "grid.example", mappings, now);
    }
    tls::Presented judge(const Spec& spec, const Mappings& mappings = {}) {
        return judge(grid::test::make(spec, &ca), mappings);
    }
};

std::vector<std::string> to_strings(const std::vector<grid::xml::Jid>& jids) {
    std::vector<std::string> out;
    for (const auto& jid : jids) out.push_back(jid.str());
    return out;
}

using Strings = std::vector<std::string>;

}   // namespace

TEST_CASE("a good certificate with one xmppAddr is that account", "[tls]") {
    Core grid;
    auto client = make_client(grid.ca, "Ann@Grid.Example");
    const auto fingerprint = tls::fingerprint_of(client.certificate.get());
    const auto presented = grid.judge(std::move(client));
    CHECK(presented.present);
    CHECK(presented.acceptable);
    CHECK(presented.can_log_in());
    CHECK(presented.reason.empty());
    CHECK(to_strings(presented.identities) == Strings{"ann@grid.example"});
    CHECK_FALSE(presented.is_mapped);
    CHECK(presented.subject == "CN=a client");
    CHECK(presented.issuer == "CN=grid CA");
    CHECK(presented.serial.size() == 16);
    CHECK(presented.anchor == tls::key_hash_of(grid.ca.certificate.get()));
    CHECK(presented.anchor.size() == 64);
    CHECK(presented.fingerprint == fingerprint);
    CHECK(presented.not_after - presented.not_before == 7'200'000);

    const auto identity = tls::to_identity(presented, presented.identities.front());
    CHECK(identity.account.str() == "ann@grid.example");
    CHECK(identity.anchor == presented.anchor);
    CHECK(identity.not_after == presented.not_after);
}

TEST_CASE("several xmppAddr are several identities, each once", "[tls]") {
    const auto presented =
        Core().judge(Spec{.xmpp = {{"a@grid.example"}, {"b@grid.example"}, {"A@grid.example"}}});
    CHECK(to_strings(presented.identities) == Strings{"a@grid.example", "b@grid.example"});
}

TEST_CASE("an xmppAddr of another domain, or malformed, is no identity here", "[tls]") {
    const std::string nul("admin@grid.example\0.evil.example", 32);
    for (const auto& address :
         {XmppAddr{"a@other.example"}, XmppAddr{"a@grid.example/r"}, XmppAddr{"grid.example"},
          XmppAddr{"a@sub.grid.example"}, XmppAddr{nul}, XmppAddr{"@"}, XmppAddr{""},
          XmppAddr{"\xff@grid.example"}, XmppAddr{"a@grid.example", V_ASN1_IA5STRING},
          XmppAddr{"a@grid.example", V_ASN1_PRINTABLESTRING}}) {
        CAPTURE(address.text);
        // With a rule that would map it: once there is an xmppAddr, only those count.
        const auto presented = Core().judge(
            Spec{.common_names = {"mapped"}, .xmpp = {address}}, {{"cn", ""}, {"dns", ""}}
        );
        CHECK(presented.acceptable);
        CHECK_FALSE(presented.can_log_in());
        CHECK(presented.foreign.size() == 1);
        CHECK_THAT(presented.reason, Contains("no xmppAddr of grid.example"));
        for (const char c : presented.reason) CHECK((c >= 0x20 && c < 0x7f));
    }
}

TEST_CASE("a foreign xmppAddr beside one of ours is set aside", "[tls]") {
    const auto presented = Core().judge(Spec{.xmpp = {{"a@other.example"}, {"a@grid.example"}}});
    CHECK(to_strings(presented.identities) == Strings{"a@grid.example"});
    CHECK(presented.foreign == Strings{"a@other.example"});
}

TEST_CASE("no certificate is said so", "[tls]") {
    Core grid;
    MemoryHandshake pair(grid.context.get());
    REQUIRE(pair.run());
    const auto presented = tls::judge(pair.server(), "grid.example", {}, now);
    CHECK_FALSE(presented.present);
    CHECK(presented.reason == "no client certificate was presented");
    CHECK_FALSE(tls::judge(nullptr, "grid.example", {}, now).present);
}

TEST_CASE("a bad chain passes the handshake and is refused with a reason", "[tls]") {
    Core grid;
    const XmppAddr ann{"ann@grid.example"};
    const auto check = [](const tls::Presented& presented, int depth, auto matcher) {
        CHECK(presented.present);
        CHECK_FALSE(presented.acceptable);
        CHECK(presented.identities.empty());
        CHECK(presented.depth == depth);
        CHECK_THAT(presented.reason, matcher);
        CHECK_FALSE(presented.subject.empty());
    };
    SECTION("expired") {
        check(
            grid.judge(Spec{.not_before = -7200, .not_after = -3600, .xmpp = {ann}}), 0,
            Contains("the certificate expired on 20") &&
                Contains(", our clock says 2027-01-15T08:00:00.000Z")
        );
    }
    SECTION("not yet valid") {
        check(
            grid.judge(Spec{.not_before = 3600, .not_after = 7200, .xmpp = {ann}}), 0,
            Contains("the certificate is not valid until 20") && Contains(", our clock says 2027")
        );
    }
    SECTION("unknown CA") {
        const auto stranger = make_ca("another CA");
        check(
            grid.judge(make_client(stranger, ann.text)), 0,
            Contains("its issuer CN=another CA is not among the trusted CAs")
        );
        check(
            grid.judge(make_client(stranger, ann.text), {}, {&stranger}), 1,
            Contains("the CA CN=another CA at the end of the chain is not a trusted CA")
        );
    }
    SECTION("a CA of the same name with another key") {
        const auto impostor = make_ca("grid CA");
        check(grid.judge(make_client(impostor, ann.text)), 0, Contains("but another key signed"));
    }
    SECTION("self-signed") {
        check(grid.judge(make(Spec{.xmpp = {ann}})), 0, Contains("self-signed"));
    }
    SECTION("a server's certificate") {
        check(
            grid.judge(Spec{.usage = "serverAuth", .xmpp = {ann}}), 0, Contains("lacks clientAuth")
        );
    }
    SECTION("issued by a client") {
        const auto client = make(Spec{.common_names = {"no CA"}, .xmpp = {ann}}, &grid.ca);
        check(
            grid.judge(make_client(client, "root@grid.example"), {}, {&client}), 1,
            Contains("the CA certificate CN=no CA is in the chain as an issuer, but is no CA")
        );
    }
    SECTION("an expired CA") {
        const auto old = make(
            {.common_names = {"old CA"}, .is_ca = true, .not_before = -7200, .not_after = -60},
            &grid.ca
        );
        check(
            grid.judge(make_client(old, ann.text), {}, {&old}), 1,
            Contains("the CA certificate CN=old CA expired on")
        );
    }
    SECTION("a small key") {
        check(grid.judge(Spec{.xmpp = {ann}, .rsa_bits = 1024}), 0, Contains("too small"));
    }
}

TEST_CASE("no extended key usage is any purpose, but not for a host's certificate", "[tls]") {
    Core grid;
    CHECK(grid.judge(Spec{.usage = {}, .xmpp = {{"a@grid.example"}}}).can_log_in());
    CHECK(grid.judge(Spec{.usage = {}, .xmpp = {{"a@grid.example"}}, .dns = {"h.example"}})
              .can_log_in());
    const auto host = grid.judge(Spec{.usage = {}, .dns = {"host.example"}}, {{"dns", ""}});
    CHECK_FALSE(host.acceptable);
    CHECK_THAT(host.reason, Contains("the certificate is a server's"));
    CHECK(grid.judge(Spec{.usage = "clientAuth,serverAuth", .dns = {"h.example"}}, {{"dns", ""}})
              .can_log_in());
}

TEST_CASE("a cluster member's certificate is for its links alone", "[tls]") {
    Core grid;
    const auto member = grid.judge(
        Spec{
            .common_names = {"probe"},
            .usage = "clientAuth,serverAuth",
            .extensions = {{"subjectAltName", "URI:urn:gridd:member:a,DNS:h.example"}}
        },
        {{"cn", ""}, {"dns", ""}}
    );
    CHECK_FALSE(member.acceptable);
    CHECK(member.identities.empty());
    CHECK_THAT(member.reason, Contains("a member of a cluster"));
}

TEST_CASE("without an xmppAddr the mapping rules decide, in order", "[tls]") {
    Core grid;
    const Spec spec{
        .common_names = {"Sensor-7"},
        .dns = {"probe.example.com", "*.example.com"},
        .email = {"ann@other.example", "Bob@Example"}
    };
    const auto mapped = [&](const Mappings& mappings) {
        const auto presented = grid.judge(spec, mappings);
        CHECK(presented.is_mapped == !presented.identities.empty());
        return to_strings(presented.identities);
    };
    CHECK(mapped({}).empty());
    CHECK(mapped({{"cn", ""}}) == Strings{"sensor-7@grid.example"});
    CHECK(mapped({{"dns", ""}}) == Strings{"probe.example.com@grid.example"});
    CHECK(mapped({{"email", ""}}) == Strings{"bob@grid.example"});
    CHECK(mapped({{"email", ""}, {"cn", ""}}) == Strings{"bob@grid.example"});
    const auto anchor = tls::key_hash_of(grid.ca.certificate.get());
    CHECK(mapped({{"cn", anchor}}) == Strings{"sensor-7@grid.example"});
    CHECK(mapped({{"cn", std::string(64, '0')}}).empty());
}

TEST_CASE("a CN that is no local part, or not the only one, maps to nobody", "[tls]") {
    Core grid;
    CHECK_FALSE(grid.judge(Spec{.common_names = {"ann@grid.example"}}, {{"cn", ""}}).can_log_in());
    CHECK_FALSE(grid.judge(Spec{.common_names = {"a b"}}, {{"cn", ""}}).can_log_in());
    CHECK_FALSE(grid.judge(Spec{.common_names = {"ann", "bob"}}, {{"cn", ""}}).can_log_in());
    const auto nobody = grid.judge(Spec{}, {});
    CHECK_THAT(nobody.reason, Contains("no mapping rule"));
}

TEST_CASE("a name with an embedded NUL is an attack, and refused", "[tls]") {
    const std::string nul("a.example\0.evil.example", 23);
    const auto presented = Core().judge(Spec{.dns = {nul}}, {{"dns", ""}});
    CHECK_FALSE(presented.acceptable);
    CHECK_THAT(presented.reason, Contains("embedded NUL"));
}

TEST_CASE("too many alternative names are refused", "[tls]") {
    Spec spec;
    for (int i = 0; i < 65; ++i) spec.xmpp.push_back({std::to_string(i) + "@grid.example"});
    CHECK_THAT(Core().judge(spec).reason, Contains("more than 64 alternative names"));
}

TEST_CASE("the anchor is the root, also through an intermediate CA", "[tls]") {
    Core grid;
    const auto branch = make_ca("branch CA", &grid.ca);
    const auto presented = grid.judge(make_client(branch, "a@grid.example"), {}, {&branch});
    CHECK(presented.can_log_in());
    CHECK(presented.anchor == tls::key_hash_of(grid.ca.certificate.get()));

    // Trusting the branch alone: its siblings are strangers then.
    grid.context = grid.make(branch);
    const auto below = grid.judge(make_client(branch, "a@grid.example"));
    CHECK(below.can_log_in());
    CHECK(below.anchor == tls::key_hash_of(branch.certificate.get()));
    CHECK_FALSE(grid.judge(make_client(grid.ca, "a@grid.example")).acceptable);
}

TEST_CASE("names in a certificate cannot forge a log line", "[tls]") {
    const auto presented = Core().judge(Spec{.common_names = {"x\nwhat=login ok \xc3\xa4"}});
    for (const char c : presented.subject) CHECK((c >= 0x20 && c < 0x7f));
}

}   // namespace tls_certificate_test
