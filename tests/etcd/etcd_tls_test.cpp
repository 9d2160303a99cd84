// tests/etcd/etcd_tls_test.cpp: mutual TLS with etcd.
#include <atomic>
#include <boost/asio.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "etcd_server.hpp"
#include "server/cluster/etcd/client.hpp"

namespace etcd_tls_test {

namespace asio = boost::asio;
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
EtcdFiles files_of(
    const TemporaryFiles& files,
    const std::string& name,
    const Certificate& ca,
    const std::string& usage = "serverAuth,clientAuth"
) {
    const Certificate made = make(
        {.common_names = {name}, .usage = usage, .extensions = {{"subjectAltName", "IP:127.0.0.1"}}
        },
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

/// A port that resets each connection that has sent something.
class ResettingPort {
public:
    ResettingPort() {
        thread_ = std::thread([this] {
            for (;;) {
                asio::ip::tcp::socket socket(context_);
                boost::system::error_code error;
                acceptor_.accept(socket, error);
                if (is_over_ || error) return;
                char byte = 0;
                (void)socket.read_some(asio::buffer(&byte, 1), error);
                socket.set_option(asio::socket_base::linger(true, 0), error);
            }
        });
    }
    ~ResettingPort() {
        is_over_ = true;
        asio::ip::tcp::socket last(context_);
        boost::system::error_code ignored;
        last.connect(acceptor_.local_endpoint(), ignored);
        thread_.join();
    }
    std::string address() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }

private:
    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_{context_, {asio::ip::address_v4::loopback(), 0}};
    std::atomic<bool> is_over_ = false;
    std::thread thread_;
};

}   // namespace

TEST_CASE("a close that arrives as a reset has the remedy of a close", "[etcd]") {
    const TemporaryFiles files;
    const EtcdFiles gridd = files_of(files, "gridd", make_ca("ca of etcd"));
    const ResettingPort port;
    EtcdSettings settings;
    settings.prefix = "reset";
    settings.lease = std::chrono::seconds(4);
    settings.endpoints = {"http://" + port.address()};
    CHECK_THAT(error_of(settings), Contains("http:// stands in place of https://"));
    settings.endpoints = {"https://" + port.address()};
    CHECK_THAT(error_of(with(settings, gridd)), Contains("is that a port of https"));
}

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
    CHECK(wait_until([&] { return log->append({}, group).has_value(); }));
    CHECK(wait_until([&] {
        const auto read = log->read(0);
        return read && read->size() == 1;
    }));

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

TEST_CASE("an etcd whose certificate is for servers alone is named", "[etcd]") {
    const TemporaryFiles files;
    const Certificate ca = make_ca("ca of etcd");
    const EtcdFiles servers = files_of(files, "etcd", ca, "serverAuth");
    const EtcdFiles gridd = files_of(files, "gridd", ca, "clientAuth");
    const EtcdServers etcd(1, &servers);
    CHECK(wait_until([&] {
        return error_of(with(etcd.settings("tls"), gridd)).find("allow the use clientAuth") !=
               std::string::npos;
    }));
}

}   // namespace etcd_tls_test
