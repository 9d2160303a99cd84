// tests/unit/server/net/net_listener_test.cpp: addresses, hand-over, shortage of descriptors,
// closing.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "server/net/listener.hpp"

namespace net_listener_test {

namespace asio = boost::asio;
using grid::server::net::Listener;
using grid::server::net::Socket;
using namespace std::chrono_literals;

namespace {

std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

std::string error_of(const std::string& address) {
    asio::io_context io;
    const auto opened = Listener::open(io, address);
    return opened ? "" : opened.error();
}

/// Connects by IPv4 without waiting.
asio::ip::tcp::socket connect(asio::io_context& io, std::uint16_t port) {
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), port});
    return socket;
}

}   // namespace

TEST_CASE("port 0 takes a free port, and the address says which", "[net]") {
    asio::io_context io;
    const auto first = *Listener::open(io, "127.0.0.1:0");
    const auto second = *Listener::open(io, "127.0.0.1:0");
    CHECK(first->address().starts_with("127.0.0.1:"));
    CHECK(port_of(first->address()) != 0);
    CHECK(first->address() != second->address());
}

TEST_CASE("an address that cannot be listened on is named with the reason", "[net]") {
    using Catch::Contains;
    for (const char* bad :
         {"", "5222", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "localhost:5222",
          "::1:5222", "[127.0.0.1]:5222", "[::1]", ":5222"})
        CHECK_THAT(error_of(bad), Contains("'" + std::string(bad) + "' is not an address"));
    CHECK_THAT(error_of("192.0.2.1:5222"), Contains("cannot listen on 192.0.2.1:5222: "));
    asio::io_context io;
    const auto taken = *Listener::open(io, "127.0.0.1:0");
    CHECK_THAT(error_of(taken->address()), Contains("in use"));
}

TEST_CASE("each connection comes with its peer's address, on a strand of its own", "[net]") {
    asio::io_context io;
    const auto listener = *Listener::open(io, "127.0.0.1:0");
    std::vector<Socket> sockets;
    std::vector<std::string> peers;
    listener->start([&](Socket socket, std::string peer) {
        sockets.push_back(std::move(socket));
        peers.push_back(std::move(peer));
    });
    const auto one = connect(io, port_of(listener->address()));
    const auto two = connect(io, port_of(listener->address()));
    while (sockets.size() < 2) io.run_one_for(5s);
    CHECK(peers[0] == "127.0.0.1:" + std::to_string(one.local_endpoint().port()));
    CHECK(sockets[0].get_executor() != sockets[1].get_executor());
}

TEST_CASE("[::] takes IPv4 too, and names such a peer as IPv4", "[net]") {
    asio::io_context io;
    auto opened = Listener::open(io, "[::]:0");
    if (!opened) return;   // a machine without IPv6
    std::optional<std::string> peer;
    (*opened)->start([&](Socket, std::string from) { peer = std::move(from); });
    const auto client = connect(io, port_of((*opened)->address()));
    while (!peer) io.run_one_for(5s);
    CHECK(peer->starts_with("127.0.0.1:"));
}

TEST_CASE("without descriptors a listener waits, says so once, and goes on", "[net]") {
    asio::io_context io;
    const auto listener = *Listener::open(io, "127.0.0.1:0");
    int accepted = 0;
    std::vector<std::string> complaints;
    const auto client = connect(io, port_of(listener->address()));
    io.poll();   // Asio's own descriptors are open now
    io.restart();

    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const int next = dup(0);   // the lowest free one
    close(next);
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    listener->start(
        [&](Socket, const std::string&) { ++accepted; },
        [&](const std::string& why) { complaints.push_back(why); }
    );
    io.run_for(250ms);   // two pauses: the second shortage is the same one
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK(accepted == 0);
    REQUIRE(complaints.size() == 1);
    CHECK(complaints.front() == "cannot accept connections: Too many open files");
    while (accepted == 0) io.run_one_for(5s);
    CHECK(accepted == 1);
}

TEST_CASE("a closed listener lets go of its port and of the io_context", "[net]") {
    asio::io_context io;
    auto listener = *Listener::open(io, "127.0.0.1:0");
    const auto address = listener->address();
    listener->start([](Socket, const std::string&) {});
    io.poll();
    listener->close();
    listener->close();
    io.run_for(5s);
    CHECK(io.stopped());   // no work is left
    CHECK(error_of(address).empty());
    listener.reset();
    io.restart();
    io.run_for(5s);
}

}   // namespace net_listener_test
