// tests/etcd/etcd_tls_test.cpp: mutual TLS with etcd.
#include <catch2/catch.hpp>

#include "etcd_server.hpp"
#include "server/cluster/etcd/client.hpp"

namespace etcd_tls_test {

using namespace grid::test;
using namespace grid::server::cluster;
using Catch::Contains;
using grid::server::LogSettings;
using grid::storage::Errc;

namespace {

grid::server::Log& tls_test_log() {
    static grid::server::Log log{LogSettings{"error", "text"}};
    return log;
}

/// A certificate for 127.0.0.1 and its files. etcd's gateway calls etcd as a client with it.
EtcdFiles files_of(const TemporaryFiles& files, const std::string& name, const Certificate& ca) {
    const Certificate made = make(
        {.common_names = {name},
         .usage = "serverAuth,clientAuth",
         .extensions = {{"subjectAltName", "IP:127.0.0.1"}}},
        &ca
    );
    return {
        files.write(name + "-ca.pem", to_pem(ca.certificate.get())),
        files.write(name + ".pem", to_pem(made.certificate.get())),
        files.write(name + ".key", to_pem(made.key.get()))
    };
}

EtcdSettings with(EtcdSettings settings, const EtcdFiles& files) {
    settings.ca = files.ca;
    settings.certificate = files.certificate;
    settings.key = files.key;
    return settings;
}

std::string error_of(const EtcdSettings& settings) {
    const auto roster =
        make_roster(settings, {1, "a", "127.0.0.1:1", {}, 0, false}, tls_test_log());
    return roster ? "none" : roster.error();
}

}   // namespace

TEST_CASE("etcd and gridd show certificates to each other", "[etcd]") {
    const TemporaryFiles files;
    const Certificate ca = make_ca("ca of etcd"), other_ca = make_ca("another ca");
    const EtcdFiles servers = files_of(files, "etcd", ca);
    const EtcdFiles gridd = files_of(files, "gridd", ca);
    const EtcdFiles stranger = files_of(files, "stranger", other_ca);
    const EtcdServers etcd(1, &servers);
    const EtcdSettings plain = etcd.settings("tls");

    const auto log = make_etcd_log(with(plain, gridd), tls_test_log());
    REQUIRE(wait_until([&] { return log->head().has_value(); }));
    grid::storage::LogGroup group;
    group.term = 1;
    const auto head = log->append({}, group);
    REQUIRE(head.has_value());
    CHECK(log->read(0)->size() == 1);

    // The client's certificate is of another CA.
    EtcdFiles mixed = stranger;
    mixed.ca = gridd.ca;
    const std::string refused = error_of(with(plain, mixed));
    CHECK_THAT(refused, Contains(plain.endpoints[0]));
    CHECK_THAT(refused, Contains("does not take the certificate in cluster.etcd_certificate"));

    // etcd's certificate is of another CA.
    mixed = gridd;
    mixed.ca = stranger.ca;
    CHECK_THAT(
        error_of(with(plain, mixed)), Contains("must be issued by the CA in cluster.etcd_ca")
    );
    CHECK(make_etcd_log(with(plain, mixed), tls_test_log())->head().error() == Errc::Unreachable);

    // etcd's certificate is for another host.
    EtcdSettings named = with(plain, gridd);
    named.endpoints = {"https://localhost:" + std::to_string(etcd.port(0))};
    CHECK_THAT(
        error_of(named), Contains("must be issued by the CA in cluster.etcd_ca, for the host")
    );

    // No certificate at all.
    CHECK_THAT(error_of(plain), Contains("cluster.etcd_ca: '' holds no CA certificate"));
    mixed = gridd;
    mixed.key = stranger.key;
    CHECK_THAT(error_of(with(plain, mixed)), Contains("is no key of the certificate"));

    // A port that speaks TLS is no http endpoint, and the other way round.
    EtcdSettings http = plain;
    http.endpoints = {"http://127.0.0.1:" + std::to_string(etcd.port(0))};
    CHECK_THAT(error_of(http), Contains("http:// stands in place of https://"));
    const EtcdServers open;
    EtcdSettings https = with(open.settings("tls"), gridd);
    https.endpoints = {"https://127.0.0.1:" + std::to_string(open.port(0))};
    CHECK_THAT(error_of(https), Contains("is that a port of https"));
}

}   // namespace etcd_tls_test
