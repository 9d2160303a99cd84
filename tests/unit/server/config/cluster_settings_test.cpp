// tests/unit/server/config/cluster_settings_test.cpp: [cluster]: half a configuration, and values
// that no cluster can have.
#include <catch2/catch.hpp>

#include "server/config/check.hpp"

namespace cluster_settings_test {

using namespace grid::server;

namespace {

Config cluster_config() {
    Config config;
    config.domain = "grid.example";
    config.tls.certificate = "server.crt";
    config.tls.key = "server.key";
    config.tls.client_ca = "clients.crt";
    config.listen.cluster = "127.0.0.1:7800";
    config.cluster.name = "grid";
    config.cluster.member = "grid1";
    config.cluster.etcd = {"https://10.0.0.1:2379", "https://[fd00::1]:2379", "https://e3:2379"};
    config.cluster.etcd_ca = "etcd-ca.crt";
    config.cluster.etcd_certificate = "etcd.crt";
    config.cluster.etcd_key = "etcd.key";
    config.cluster.ca = "members.crt";
    config.cluster.certificate = "grid1.crt";
    config.cluster.key = "grid1.key";
    return config;
}

/// Keys that are blamed, with a blank between them.
std::string blamed_keys(const Config& config) {
    std::string keys;
    for (const Finding& finding : check_values(config))
        if (!finding.is_warning) keys += (keys.empty() ? "" : " ") + finding.key;
    return keys;
}

template <class Change>
std::string blamed_after(Change change) {
    Config config = cluster_config();
    change(config);
    return blamed_keys(config);
}

}   // namespace

TEST_CASE("a whole cluster configuration is taken, and none at all") {
    CHECK(blamed_keys(cluster_config()) == "");
    Config alone;
    CHECK(blamed_keys(alone) == "");
    CHECK(blamed_after([](Config& c) {
              c.cluster.etcd = {"http://127.0.0.1:2379", "http://localhost:2379", "http://[::1]:1"};
              c.cluster.etcd_ca = c.cluster.etcd_certificate = c.cluster.etcd_key = "";
              c.cluster.address = "grid1.example:7800";
              c.cluster.clients = "[fd00::1]:5222";
          }) == "");
}

TEST_CASE("half a cluster is refused, whichever half") {
    CHECK(
        blamed_after([](Config& c) { c.cluster.name = ""; }) ==
        "listen.cluster cluster.member cluster.etcd cluster.ca cluster.certificate cluster.key "
        "cluster.etcd_ca cluster.etcd_certificate cluster.etcd_key"
    );
    CHECK(blamed_after([](Config& c) { c.listen.cluster = ""; }) == "listen.cluster");
    CHECK(blamed_after([](Config& c) { c.cluster.member = ""; }) == "cluster.member");
    CHECK(blamed_after([](Config& c) { c.cluster.etcd.clear(); }) == "cluster.etcd");
    CHECK(blamed_after([](Config& c) { c.cluster.ca = ""; }) == "cluster.ca");
    CHECK(blamed_after([](Config& c) { c.cluster.certificate = ""; }) == "cluster.certificate");
    CHECK(blamed_after([](Config& c) { c.cluster.key = ""; }) == "cluster.key");
    CHECK(blamed_after([](Config& c) { c.cluster.etcd_ca = ""; }) == "cluster.etcd_ca");
    CHECK(blamed_after([](Config& c) { c.cluster.etcd_key = ""; }) == "cluster.etcd_key");
    CHECK(blamed_after([](Config& c) {
              c.tls.certificate = c.tls.key = c.tls.client_ca = "";
          }) == "cluster.name");
}

TEST_CASE("names of a cluster are parts of keys in etcd, and of certificates") {
    for (const char* name : {"Grid", "a/b", "a b", "a:b", "\xc3\xbc", "a\n"}) {
        CHECK(blamed_after([&](Config& c) { c.cluster.name = name; }) == "cluster.name");
        CHECK(blamed_after([&](Config& c) { c.cluster.member = name; }) == "cluster.member");
    }
    CHECK(blamed_after([](Config& c) {
              c.cluster.member = std::string(65, 'a');
          }) == "cluster.member");
}

TEST_CASE("etcd without TLS is for loopback addresses alone") {
    for (const char* url :
         {"http://10.0.0.1:2379", "http://e1:2379", "http://127.0.0.1.example:1", "e1:2379",
          "https://e1", "https://e1:0", "https://e1:65536", "https://:2379", "https://e1:2379/v3",
          "https://u@e1:2379", "https://fd00::1:2379", "ftp://e1:1", ""})
        CHECK(blamed_after([&](Config& c) {
                  c.cluster.etcd = {"https://e1:1", url};
              }) == "cluster.etcd");
}

TEST_CASE("an address on all interfaces needs one that other members can reach") {
    CHECK(blamed_after([](Config& c) { c.listen.cluster = "0.0.0.0:7800"; }) == "cluster.address");
    CHECK(blamed_after([](Config& c) {
              c.listen.cluster = "0.0.0.0:7800";
              c.cluster.address = "grid1:7800";
          }) == "");
    CHECK(blamed_after([](Config& c) { c.cluster.address = "grid1"; }) == "cluster.address");
    CHECK(blamed_after([](Config& c) { c.cluster.clients = "a b:1"; }) == "cluster.clients");
    CHECK(blamed_after([](Config& c) {
              c.listen.cluster = c.listen.c2s;
              c.cluster.address = "a:1";
          }) == "listen.cluster");
}

TEST_CASE("staleness has bounds, and two answers to it") {
    CHECK(blamed_after([](Config& c) { c.cluster.when_stale = "shrug"; }) == "cluster.when_stale");
    CHECK(blamed_after([](Config& c) { c.cluster.acknowledge = "everywhere"; }).empty());
    CHECK(blamed_after([](Config& c) { c.cluster.acknowledge = "soon"; }) == "cluster.acknowledge");
    CHECK(blamed_after([](Config& c) {
              c.cluster.max_staleness_ms = 499;
          }) == "cluster.max_staleness_ms");
    CHECK(blamed_after([](Config& c) {
              c.cluster.max_staleness_ms = 60'001;
          }) == "cluster.max_staleness_ms");
    CHECK(blamed_after([](Config& c) { c.cluster.groups_kept = 99; }) == "cluster.groups_kept");
}

TEST_CASE("an upload is answered when it is here, or elsewhere too") {
    CHECK(blamed_after([](Config& c) { c.cluster.uploads = "anywhere"; }) == "cluster.uploads");
    CHECK(blamed_after([](Config& c) { c.cluster.uploads = "here"; }) == "");
    CHECK(blamed_after([](Config& c) { c.cluster.files_bytes_per_second = 0; }) == "");
}

}   // namespace cluster_settings_test
