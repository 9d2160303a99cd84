// tests/unit/server/tls/tls_context_test.cpp: the reasons for an operator with wrong files, and
// the limits of a context.
#include <catch2/catch.hpp>

#include "memory_handshake.hpp"

namespace tls_context_test {

using namespace grid::test;
using Catch::Contains;
using grid::server::Config;
namespace tls = grid::server::tls;

namespace {

struct Files {
    TemporaryFiles files;
    Certificate ca = make_ca("a CA");
    Config::Tls settings;

    Files() {
        const auto server = make_server(ca, "grid.example");
        set(server);
        settings.client_ca = files.write("ca.crt", to_pem(ca.certificate.get()));
    }
    void set(const Certificate& server) {
        settings.certificate = files.write("server.crt", to_pem(server.certificate.get()));
        settings.key = files.write("server.key", to_pem(server.key.get()));
    }
    std::string error() {
        const auto made = tls::make_context(settings, tls::Use::Xmpp);
        return made ? "" : made.error();
    }
};

}   // namespace

TEST_CASE("a context is made of a certificate, its key and the clients' CAs", "[tls]") {
    CHECK(Files().error().empty());
}

TEST_CASE("every file that is wrong is named with its reason", "[tls]") {
    Files set;
    const auto& folder = set.files;
    SECTION("missing certificate") {
        set.settings.certificate = folder.path("none.crt");
        CHECK_THAT(set.error(), Contains("none.crt: No such file"));
    }
    SECTION("not set") {
        set.settings.key.clear();
        CHECK_THAT(set.error(), Contains("tls.key is not set"));
    }
    SECTION("no certificate inside") {
        set.settings.certificate = folder.write("empty.crt", "nothing\n");
        CHECK_THAT(set.error(), Contains("empty.crt: no certificate in it"));
    }
    SECTION("damaged second certificate") {
        auto pem = to_pem(set.ca.certificate.get());
        pem += "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        set.settings.client_ca = folder.write("ca.crt", pem);
        CHECK_THAT(set.error(), Contains("ca.crt: certificate 2 of the file cannot be read"));
    }
    SECTION("key of another certificate") {
        const auto other = make_server(set.ca, "other.example");
        set.settings.key = folder.write("other.key", to_pem(other.key.get()));
        CHECK_THAT(set.error(), Contains("other.key: the key does not belong to the certificate"));
    }
    SECTION("no key inside") {
        set.settings.key = folder.write("k", to_pem(set.ca.certificate.get()));
        CHECK_THAT(set.error(), Contains("k: no private key in it"));
    }
    SECTION("expired") {
        set.set(make({.not_before = -7200, .not_after = -3600, .usage = "serverAuth"}, &set.ca));
        CHECK_THAT(set.error(), Contains("expired on ") && Contains(", our clock says "));
    }
    SECTION("not yet valid") {
        set.set(make({.not_before = 3600, .not_after = 7200, .usage = "serverAuth"}, &set.ca));
        CHECK_THAT(set.error(), Contains("is not valid until "));
    }
    SECTION("a client's certificate") {
        set.set(
            make({.usage = "serverAuth", .extensions = {{"keyUsage", "keyEncipherment"}}}, &set.ca)
        );
        CHECK_THAT(set.error(), Contains("its key usage lacks digitalSignature"));   // found 33
        set.set(make({.usage = "clientAuth"}, &set.ca));
        CHECK_THAT(set.error(), Contains("lacks serverAuth"));
    }
    SECTION("a key that is too small") {
        set.set(make({.usage = "serverAuth", .rsa_bits = 1024}, &set.ca));
        CHECK_THAT(set.error(), Contains("server.crt: ") && Contains("1024 bits, 2048 are"));
    }
    SECTION("a curve that no client takes") {
        set.set(make({.usage = "serverAuth", .curve = "secp256k1"}, &set.ca));
        CHECK_THAT(set.error(), Contains("curve is secp256k1; P-256, P-384 and P-521 are taken"));
    }
    SECTION("no CA") {
        set.settings.client_ca = set.settings.certificate;
        CHECK_THAT(set.error(), Contains("is not a CA certificate"));
    }
    SECTION("no CA file") {
        set.settings.client_ca.clear();
        CHECK_THAT(set.error(), Contains("tls.client_ca is not set"));
    }
    SECTION("unknown version") {
        set.settings.min_version = "1.1";
        CHECK_THAT(set.error(), Contains("tls.min_version is \"1.1\""));
    }
    SECTION("unknown ciphers") {
        set.settings.ciphers = "NONSENSE";
        CHECK_THAT(set.error(), Contains("tls.ciphers is \"NONSENSE\""));
    }
}

TEST_CASE("TLS 1.3 is preferred, 1.2 is taken unless 1.3 is the minimum, 1.1 never", "[tls]") {
    Files set;
    const auto version_with = [&](int newest) {
        auto context = *tls::make_context(set.settings, tls::Use::Xmpp);
        MemoryHandshake pair(context.get());
        SSL_set_max_proto_version(pair.client(), newest);
        return pair.run() ? std::string(SSL_get_version(pair.server())) : "none";
    };
    CHECK(version_with(0) == "TLSv1.3");
    CHECK(version_with(TLS1_2_VERSION) == "TLSv1.2");
    CHECK(version_with(TLS1_1_VERSION) == "none");
    set.settings.min_version = "1.3";
    CHECK(version_with(TLS1_2_VERSION) == "none");
}

TEST_CASE(
    "a client without ALPN, or with ours, goes on; another list is refused (RFC 7301)", "[tls]"
) {
    Files set;
    const auto with = [&](tls::Use use, const std::string& offered) {
        auto context = *tls::make_context(set.settings, use);
        MemoryHandshake pair(context.get());
        SSL_set_alpn_protos(
            pair.client(), reinterpret_cast<const unsigned char*>(offered.data()),
            static_cast<unsigned>(offered.size())
        );
        if (!pair.run()) return std::string("refused");
        const unsigned char* chosen = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(pair.client(), &chosen, &size);
        return std::string(reinterpret_cast<const char*>(chosen), size);
    };
    CHECK(with(tls::Use::Xmpp, "").empty());
    CHECK(with(tls::Use::Xmpp, "\x02h2\x0bxmpp-client") == "xmpp-client");
    CHECK(with(tls::Use::Xmpp, "\x02h2\x08http/1.1") == "refused");
    CHECK(with(tls::Use::Http, "\x02h2\x08http/1.1") == "http/1.1");
    CHECK(with(tls::Use::Http, "\x0bxmpp-client") == "refused");
}

TEST_CASE(
    "the names of the trusted CAs are sent, and no ticket before the client is judged", "[tls]"
) {
    Files set;
    auto context = *tls::make_context(set.settings, tls::Use::Xmpp);
    MemoryHandshake pair(context.get());
    REQUIRE(pair.run());
    const auto* names = SSL_get_client_CA_list(pair.client());
    REQUIRE(sk_X509_NAME_num(names) == 1);
    CHECK(
        X509_NAME_cmp(
            sk_X509_NAME_value(names, 0), X509_get_subject_name(set.ca.certificate.get())
        ) == 0
    );
    char byte = 0;
    SSL_read(pair.client(), &byte, 1);   // would take a ticket in
    CHECK(SSL_SESSION_is_resumable(SSL_get_session(pair.client())) == 0);
}

TEST_CASE("where a client certificate is required the handshake refuses (S86, choice a)", "[tls]") {
    Files set;
    set.settings.require_client_certificate = true;
    auto context = *tls::make_context(set.settings, tls::Use::Xmpp);
    CHECK_FALSE(MemoryHandshake(context.get()).run());
    CHECK(MemoryHandshake(context.get(), make_client(set.ca, "ann@grid.example")).run());
    const auto stranger = make_ca("another CA");
    CHECK_FALSE(MemoryHandshake(context.get(), make_client(stranger, "ann@grid.example")).run());
}

TEST_CASE("found 35: more CA names than a handshake can carry are left out, and clients get in") {
    Files set;
    const auto ca = make_ca("a CA");
    std::string few = to_pem(ca.certificate.get()), many = few;
    for (int i = 0; i < 620; ++i) {
        // One key for all: this is about names.
        Certificate one{X509Ptr(X509_dup(ca.certificate.get())), nullptr};
        X509_NAME* name = X509_get_subject_name(one.certificate.get());
        const std::string unit = std::to_string(i) + std::string(60, 'x');
        for (const int kind : {NID_organizationalUnitName, NID_organizationName})
            X509_NAME_add_entry_by_NID(
                name, kind, MBSTRING_ASC, reinterpret_cast<const unsigned char*>(unit.data()),
                static_cast<int>(std::min<std::size_t>(unit.size(), 60)), -1, 0
            );
        X509_sign(one.certificate.get(), ca.key.get(), EVP_sha256());
        many += to_pem(one.certificate.get());
    }
    for (const bool is_many : {false, true}) {
        set.settings.client_ca = set.files.write("ca.crt", is_many ? many : few);
        const auto context = tls::make_context(set.settings, tls::Use::Xmpp);
        REQUIRE(context.has_value());
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            MemoryHandshake pair(context->get(), make_client(ca, "ann@grid.example"));
            SSL_set_max_proto_version(pair.client(), version);
            REQUIRE(pair.run());
            CHECK(
                sk_X509_NAME_num(SSL_CTX_get_client_CA_list(context->get())) == (is_many ? 0 : 1)
            );
        }
    }
}

TEST_CASE("found 29: the groups of the key exchange are a setting, and P-384 alone is enough") {
    Files set;
    set.settings.groups = "X25519:P-000";
    CHECK_THAT(set.error(), Contains("tls.groups is \"X25519:P-000\""));
    set.settings.groups = Config::Tls{}.groups;
    // In TLS 1.2 the client's groups bound the server's certificate, too, unless it is RSA.
    set.set(make({.usage = "serverAuth", .dns = {"grid.example"}, .rsa_bits = 2048}, &set.ca));
    const auto context = tls::make_context(set.settings, tls::Use::Xmpp);
    for (const char* group : {"P-256", "P-384", "P-521", "X25519"})
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            CAPTURE(group, version);
            // As must the curve of its own certificate be one of its groups there.
            Spec spec{.xmpp = {{"ann@grid.example"}}};
            const bool is_curve = std::string(group) != "X25519";
            (is_curve ? spec.curve : spec.common_names.front()) = group;
            spec.rsa_bits = is_curve ? 0 : 2048;
            MemoryHandshake pair(context->get(), make(spec, &set.ca));
            SSL_set_max_proto_version(pair.client(), version);
            SSL_set1_groups_list(pair.client(), group);
            CHECK(pair.run());
        }
}

}   // namespace tls_context_test
