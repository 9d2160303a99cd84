// tests/unit/server/pki/pki_certificates_test.cpp: certificates that OpenSSL itself accepts and
// refuses.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>

#include "server/pki/pem.hpp"
#include "server/pki/pki.hpp"

namespace pki_certificates_test {

using namespace grid::pki;

namespace {

constexpr grid::storage::Millis day = 24LL * 3600 * 1000;
constexpr grid::storage::Millis now = 1'790'000'000'000;   // 2026-09-21

struct Authority {
    KeyPair ca = *make_ca("test CA", now, 3650);
    KeyPair server =
        *make_server(ca, {"grid.example", "pubsub.grid.example", "127.0.0.1", "::1"}, now, 90);
    KeyPair client = *make_client(ca, "sensor@grid.example", now, 90);
};

std::uint32_t key_usage(const std::string& pem) {
    return X509_get_key_usage(read_certificate(pem).get());
}

}   // namespace

TEST_CASE_METHOD(
    Authority, "a server certificate passes as a server and not as a client", "[pki]"
) {
    CHECK(verify(server.certificate, ca.certificate, true, now).has_value());
    const auto as_client = verify(server.certificate, ca.certificate, false, now);
    REQUIRE(!as_client.has_value());
    CHECK(as_client.error().find("purpose") != std::string::npos);
}

TEST_CASE_METHOD(
    Authority, "a client certificate passes as a client and not as a server", "[pki]"
) {
    CHECK(verify(client.certificate, ca.certificate, false, now).has_value());
    CHECK(!verify(client.certificate, ca.certificate, true, now).has_value());
}

TEST_CASE_METHOD(
    Authority, "the address in a client certificate can be read again, and only it", "[pki]"
) {
    const auto read = describe(client.certificate);
    REQUIRE(read.has_value());
    CHECK(read->jids == std::vector<std::string>{"sensor@grid.example"});
    CHECK(read->hosts.empty());   // no dNSName in a client certificate
    CHECK(read->is_client);
    CHECK(!read->is_server);
    CHECK(!read->is_ca);
    CHECK(read->subject.find("sensor@grid.example") != std::string::npos);
}

TEST_CASE_METHOD(Authority, "a member's certificate passes on both sides of a link", "[pki]") {
    const auto pair = make_member(ca, "member-1", {"a.grid.example", "::1"}, now, 90);
    REQUIRE(pair.has_value());
    CHECK(verify(pair->certificate, ca.certificate, true, now).has_value());
    CHECK(verify(pair->certificate, ca.certificate, false, now).has_value());
    const auto read = describe(pair->certificate);
    REQUIRE(read.has_value());
    CHECK(read->members == std::vector<std::string>{"member-1"});
    CHECK(read->hosts.size() == 2);
    CHECK(read->jids.empty());
    CHECK(read->subject.find("CN=") == std::string::npos);
    CHECK(describe(make_member(ca, "b", {}, now, 90)->certificate)->hosts.empty());
    CHECK(describe(client.certificate)->members.empty());
    for (const std::string& name :
         {std::string(), std::string("a/b"), std::string(".hidden"), std::string("über"),
          std::string(65, 'a')})
        CHECK_FALSE(make_member(ca, name, {}, now, 90).has_value());
    CHECK_FALSE(make_member(ca, "a", {"no host"}, now, 90).has_value());
}

TEST_CASE_METHOD(Authority, "the address is a UTF8String, also when it is not ASCII", "[pki]") {
    const auto pair = make_client(ca, "jürgen@grid.example", now, 90);
    REQUIRE(pair.has_value());
    CHECK(describe(pair->certificate)->jids == std::vector<std::string>{"jürgen@grid.example"});
}

TEST_CASE_METHOD(
    Authority, "an address too long for a common name still fits the certificate", "[pki]"
) {
    const std::string jid = std::string(200, 'a') + "@grid.example";
    const auto pair = make_client(ca, jid, now, 90);
    REQUIRE(pair.has_value());
    CHECK(describe(pair->certificate)->jids == std::vector<std::string>{jid});
    CHECK(verify(pair->certificate, ca.certificate, false, now).has_value());
}

TEST_CASE_METHOD(Authority, "names and IP addresses of a server match as such", "[pki]") {
    const X509Ptr certificate = read_certificate(server.certificate);
    CHECK(X509_check_host(certificate.get(), "pubsub.grid.example", 0, 0, nullptr) == 1);
    CHECK(X509_check_host(certificate.get(), "other.example", 0, 0, nullptr) == 0);
    CHECK(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0) == 1);
    CHECK(X509_check_ip_asc(certificate.get(), "::1", 0) == 1);
    CHECK(X509_check_ip_asc(certificate.get(), "127.0.0.2", 0) == 0);
    const auto read = describe(server.certificate);
    REQUIRE(read->hosts.size() == 4);
    CHECK(read->hosts[0] == "grid.example");
    CHECK(read->hosts[2] == "127.0.0.1");
    CHECK(read->is_server);
    CHECK(!read->is_client);
}

TEST_CASE_METHOD(Authority, "a CA signs certificates and nothing else does", "[pki]") {
    CHECK(key_usage(ca.certificate) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
    CHECK(key_usage(server.certificate) == KU_DIGITAL_SIGNATURE);
    CHECK(key_usage(client.certificate) == KU_DIGITAL_SIGNATURE);
    const X509Ptr certificate = read_certificate(ca.certificate);
    CHECK(X509_check_ca(certificate.get()) == 1);
    CHECK(X509_get_pathlen(certificate.get()) == 0);
    for (const int nid : {NID_basic_constraints, NID_key_usage}) {
        const int at = X509_get_ext_by_NID(certificate.get(), nid, -1);
        REQUIRE(at >= 0);
        CHECK(X509_EXTENSION_get_critical(X509_get_ext(certificate.get(), at)) == 1);
    }
    CHECK(!make_client(client, "x@grid.example", now, 1).has_value());   // CA:FALSE cannot issue
}

TEST_CASE_METHOD(Authority, "another CA's certificate is refused with a reason", "[pki]") {
    const KeyPair other = *make_ca("test CA", now, 3650);   // the same name, another key
    const auto refused = verify(client.certificate, other.certificate, false, now);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().find("not issued by") != std::string::npos);
}

TEST_CASE_METHOD(Authority, "dates are checked, and clocks may differ by some minutes", "[pki]") {
    CHECK(verify(client.certificate, ca.certificate, false, now - 5 * 60 * 1000).has_value());
    const auto early = verify(client.certificate, ca.certificate, false, now - day);
    REQUIRE(!early.has_value());
    CHECK(early.error().find("not valid before") != std::string::npos);
    const auto late = verify(client.certificate, ca.certificate, false, now + 91 * day);
    REQUIRE(!late.has_value());
    CHECK(late.error().find("expired on 2026-12-") != std::string::npos);
}

TEST_CASE_METHOD(Authority, "no certificate outlives its CA", "[pki]") {
    const auto pair = make_client(ca, "x@grid.example", now, 10 * 3650);
    REQUIRE(pair.has_value());
    CHECK(describe(pair->certificate)->not_after == describe(ca.certificate)->not_after);
    CHECK(!make_client(ca, "x@grid.example", now + 3651 * day, 1).has_value());
}

TEST_CASE_METHOD(Authority, "serials are positive, long and never the same", "[pki]") {
    const auto serial = [](const std::string& pem) {
        const X509Ptr certificate = read_certificate(pem);
        const std::unique_ptr<BIGNUM, Deleter<BN_free>> number(
            ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate.get()), nullptr)
        );
        CHECK(BN_num_bits(number.get()) == 127);
        CHECK(!BN_is_negative(number.get()));
        char* text = BN_bn2hex(number.get());
        std::string out(text);
        OPENSSL_free(text);
        return out;
    };
    CHECK(serial(client.certificate) != serial(server.certificate));
    CHECK(
        serial(client.certificate) !=
        serial(make_client(ca, "sensor@grid.example", now, 90)->certificate)
    );
}

TEST_CASE_METHOD(Authority, "a key belongs to its certificate and to no other", "[pki]") {
    CHECK(is_pair(client));
    CHECK(!is_pair({client.certificate, server.key}));
    CHECK(!is_pair({client.certificate, "nonsense"}));
    CHECK(!make_client({ca.certificate, client.key}, "x@grid.example", now, 1).has_value());
}

TEST_CASE_METHOD(Authority, "what is no host name never gets into a server certificate", "[pki]") {
    CHECK(!make_server(ca, {}, now, 1).has_value());
    for (const char* bad : {"", "a b", "grid.example\n", "gründ.example", "a,DNS:b"})
        CHECK(!make_server(ca, {bad}, now, 1).has_value());
}

TEST_CASE("what is not PEM is said so", "[pki]") {
    CHECK(!describe("hello").has_value());
    CHECK(!verify("hello", "hello", true, now).has_value());
    const KeyPair ca = *make_ca("x", now, 1);
    CHECK(verify(ca.certificate, "hello", true, now).error() == "no certificate in the CA file");
}

}   // namespace pki_certificates_test
