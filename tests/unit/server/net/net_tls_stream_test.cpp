// tests/unit/server/net/net_tls_stream_test.cpp: a TlsStream against OpenSSL's own client, on
// real sockets.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <future>

#include "client.hpp"
#include "server/net/deadline.hpp"
#include "server/tls/certificate.hpp"

namespace net_tls_stream_test {

using namespace grid::test;
using namespace std::chrono_literals;
namespace net = grid::server::net;
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Reads until `bytes` came or the stream ended.
asio::awaitable<std::string> read(net::TlsStream& stream, std::size_t bytes) {
    std::string got;
    std::array<char, 4096> chunk;
    while (got.size() < bytes) {
        const auto now = stream.read_now(chunk);
        got.append(chunk.data(), now.bytes);
        if (now.error) break;
        if (now.would_block && std::get<0>(co_await stream.wait_readable())) break;
    }
    co_return got;
}

asio::awaitable<error_code> write(net::TlsStream& stream, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto now = stream.write_now(bytes);
        if (now.error) co_return now.error;
        bytes.remove_prefix(now.bytes);
        if (!now.would_block) continue;
        if (const auto [error] = co_await stream.wait_writable(); error) co_return error;
    }
    co_return error_code{};
}

asio::awaitable<void> echo(Server& server, net::TlsStream& stream) {
    server.error = co_await stream.handshake(server.context.get(), 5s);
    if (server.error) co_return;
    const auto line = co_await read(stream, 5);
    co_await write(stream, "re: " + line);
    co_await stream.close(1s);
}

const auto versions = {TLS1_2_VERSION, TLS1_3_VERSION};

}   // namespace

TEST_CASE("bytes pass in both directions with TLS 1.2 and 1.3", "[net]") {
    for (const int version : versions) {
        Server server(echo);
        Client client(server.port);
        client.start_tls(version, &server.client);
        client.send("hello");
        CHECK(client.receive_all() == "re: hello");
        CHECK(client.has_clean_end);
        server.wait();
        CHECK_FALSE(server.error);
    }
}

TEST_CASE("a plain stream becomes TLS, as with STARTTLS", "[net]") {
    std::string before;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        before = co_await read(stream, 8);
        co_await write(stream, "proceed");
        co_await echo(self, stream);
    });
    Client client(server.port);
    client.send("starttls");
    CHECK(client.receive(7) == "proceed");
    client.start_tls(TLS1_3_VERSION, &server.client);
    client.send("hello");
    CHECK(client.receive_all() == "re: hello");
    server.wait();
    CHECK(before == "starttls");
}

TEST_CASE("the private key of a handshake is gone with it", "[net]") {
    int keys = 0, empty = 0;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        for (const int which : {SSL_CTRL_GET_TMP_KEY, SSL_CTRL_GET_PEER_TMP_KEY}) {
            EVP_PKEY* key = nullptr;
            if (SSL_ctrl(stream.ssl(), which, 0, &key) != 1) continue;
            ++keys;
            if (EVP_PKEY_get_base_id(key) == EVP_PKEY_NONE) ++empty;
            EVP_PKEY_free(key);
        }
    });
    Client client(server.port);
    CHECK(client.start_tls(TLS1_3_VERSION, &server.client));
    server.wait();
    CHECK_FALSE(server.error);
    CHECK(keys == 2);
    CHECK(empty == keys);
}

TEST_CASE("bytes that were sent before the ClientHello make the handshake fail", "[net]") {
    Server server(echo);
    Client client(server.port);
    client.send("<presence/> and more than a record's head");
    CHECK_FALSE(client.start_tls(TLS1_3_VERSION, &server.client));
    server.wait();
    CHECK(server.error);
    CHECK(server.failure.find("what the peer sent is not TLS") != std::string::npos);
}

TEST_CASE("plain HTTP is recognized", "[net]") {
    Server server(echo);
    Client client(server.port);
    client.send("GET / HTTP/1.1\r\n\r\n");
    server.wait();
    CHECK(server.error);
    CHECK(server.failure.find("plain HTTP") != std::string::npos);
}

TEST_CASE("a peer that says nothing ends with the deadline of the handshake", "[net]") {
    Server server([](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 50ms);
    });
    Client client(server.port);
    server.wait();
    CHECK(server.error == asio::error::timed_out);
    CHECK(server.failure == "no TLS handshake within 50 ms");
    CHECK(client.receive_all().empty());
}

TEST_CASE("a peer that goes away in the handshake is an end", "[net]") {
    Server server(echo);
    Client client(server.port);
    client.send("\x16\x03\x01");
    client.end_output();
    server.wait();
    CHECK(server.error == asio::error::eof);
    CHECK_FALSE(server.failure.empty());
}

TEST_CASE("a large write waits for a slow reader, and all of it arrives", "[net]") {
    std::string large;
    for (int i = 0; large.size() < 32'000'000; ++i) large += std::to_string(i) + ' ';
    for (const int version : versions) {
        int waits = 0;
        std::promise<void> is_full;
        Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
            stream.socket().set_option(net::Socket::send_buffer_size(64 * 1024));
            self.error = co_await stream.handshake(self.context.get(), 5s);
            std::string_view rest = large;
            while (!rest.empty() && !self.error) {
                // A copy each time: the buffer may move between two tries.
                const std::string moved(rest.substr(0, 500'000));
                const auto now = stream.write_now(moved);
                self.error = now.error;
                rest.remove_prefix(now.bytes);
                if (!now.would_block) continue;
                if (++waits == 1) is_full.set_value();
                std::tie(self.error) = co_await stream.wait_writable();
            }
            co_await stream.close(5s);
        });
        Client client(server.port);
        client.start_tls(version, &server.client);
        REQUIRE(is_full.get_future().wait_for(10s) == std::future_status::ready);
        CHECK(client.receive_all() == large);
        server.wait();
        CHECK_FALSE(server.error);
    }
}

TEST_CASE("close returns within its deadline when the peer is silent", "[net]") {
    std::chrono::steady_clock::duration took{};
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        const auto begun = std::chrono::steady_clock::now();
        co_await stream.close(100ms);
        took = std::chrono::steady_clock::now() - begun;
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    server.wait();
    CHECK(took >= 99ms);
    CHECK(took < 5s);
    CHECK(client.receive_all().empty());
    CHECK(client.has_clean_end);   // the server's close_notify came
}

TEST_CASE("close behind a write that the peer does not read returns too", "[net]") {
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        const std::string block(1'000'000, 'x');
        while (!stream.write_now(block).would_block) {
        }
        co_await stream.close(50ms);
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    server.wait();
    CHECK_FALSE(server.error);
}

TEST_CASE("abort ends what waits, and nothing can be read or written afterwards", "[net]") {
    error_code waited;
    net::TlsStream::Now read_then, written_then;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        net::Watchdog watchdog(stream.get_executor(), 20ms, [&] { stream.abort(); });
        std::tie(waited) = co_await stream.wait_readable();
        char byte = 0;
        read_then = stream.read_now({&byte, 1});
        written_then = stream.write_now("x");
        co_await stream.close(5s);
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    server.wait();
    CHECK(waited);
    CHECK(read_then.error == asio::error::operation_aborted);
    CHECK(written_then.error == asio::error::operation_aborted);
}

TEST_CASE("an aborted stream says no goodbye to whatever has its descriptor", "[net]") {
    for (const int version : versions) {
        ssize_t arrived = 0;
        Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
            self.error = co_await stream.handshake(self.context.get(), 5s);
            const int number = static_cast<int>(stream.socket().native_handle());
            std::array<int, 2> other{};
            CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, other.data()) == 0);
            stream.abort();
            CHECK(::dup2(other[0], number) == number);
            co_await stream.end_output();
            std::array<char, 64> bytes;
            arrived = ::recv(other[1], bytes.data(), bytes.size(), MSG_DONTWAIT);
            for (const int descriptor : {number, other[0], other[1]}) ::close(descriptor);
        });
        Client client(server.port);
        CHECK(client.start_tls(version, &server.client));
        server.wait();
        CHECK_FALSE(server.error);
        CHECK(arrived == -1);
    }
}

TEST_CASE("writing to a peer that is gone is an error, not a signal", "[net]") {
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        const std::string block(100'000, 'x');
        while (!self.error) self.error = co_await write(stream, block);
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    const int before = Client::broken_pipes();
    client.vanish();
    server.wait();
    CHECK(server.error);
    CHECK(Client::broken_pipes() == before);
    CHECK_FALSE(server.failure.empty());
}

TEST_CASE("a reset is not taken as the end of a peer that has read everything", "[net]") {
    for (const bool is_tls : {true, false}) {
        bool has_read_all = true;
        Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
            if (is_tls) self.error = co_await stream.handshake(self.context.get(), 5s);
            const std::string block(100'000, 'x');
            while (!self.error) self.error = co_await write(stream, block);
            has_read_all = co_await stream.close(5s);
        });
        Client client(server.port);
        if (is_tls) client.start_tls(TLS1_3_VERSION, &server.client);
        client.vanish();
        server.wait();
        CHECK(server.error);
        CHECK_FALSE(has_read_all);
    }
}

TEST_CASE("a peer that closed behind all that it was sent has read it", "[net]") {
    bool has_read_all = false;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        co_await write(stream, "hello");
        has_read_all = co_await stream.close(5s);
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    CHECK(client.receive_all() == "hello");
    client.end_output();
    server.wait();
    CHECK(has_read_all);
}

TEST_CASE("a peer that ended its side without close_notify gets what it is owed", "[net]") {
    for (const int version : versions) {
        Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
            self.error = co_await stream.handshake(self.context.get(), 5s);
            const auto got = co_await read(stream, 100);
            self.error = co_await write(stream, "re: " + got);
            co_await stream.close(1s);
        });
        Client client(server.port);
        client.start_tls(version, &server.client);
        client.send("hello");
        client.end_output();
        CHECK(client.receive_all() == "re: hello");
        server.wait();
        CHECK_FALSE(server.error);
        CHECK(server.failure == "the peer closed the connection");
    }
}

TEST_CASE("key updates are followed, and a flood of them ends the connection", "[net]") {
    std::string got;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        got = co_await read(stream, 100);
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    for (int i = 0; i < 10; ++i) {
        client.update_key();
        client.send("x");
    }
    for (int i = 0; i < 1000 && client.update_key(); ++i) {
    }
    server.wait();
    CHECK(got == "xxxxxxxxxx");
    CHECK(server.failure == "too many TLS records without data");
}

TEST_CASE("data that came with a record without data is read without more to come", "[net]") {
    std::string got;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        got = co_await read(stream, 10);
        co_await write(stream, "done");
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    for (const char* part : {"hello", "again"}) {
        client.hold(true);
        client.update_key();
        client.send(part);
        client.update_key();
        client.hold(false);
    }
    CHECK(client.receive(4) == "done");
    server.wait();
    CHECK(got == "helloagain");
}

TEST_CASE("renegotiation is refused in TLS 1.2", "[net]") {
    Server server(echo);
    Client client(server.port);
    client.start_tls(TLS1_2_VERSION, &server.client);
    CHECK_FALSE(client.renegotiate());
    client.end_output();
    server.wait();
}

TEST_CASE("a stream goes on without the peer's certificate in memory", "[net]") {
    for (const int version : versions) {
        std::string account;
        bool is_forgotten = false;
        Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
            self.error = co_await stream.handshake(self.context.get(), 5s);
            const auto presented = grid::server::tls::judge(stream.ssl(), "grid.example", {}, 0);
            if (presented.can_log_in()) account = presented.identities.front().str();
            stream.forget_peer_certificate();
            is_forgotten = SSL_get0_peer_certificate(stream.ssl()) == nullptr;
            co_await write(stream, "re: " + co_await read(stream, 5));
            co_await write(stream, co_await read(stream, 20'000));
            co_await stream.close(1s);
        });
        Client client(server.port);
        client.start_tls(version, &server.client);
        client.send("hello");
        CHECK(client.receive(9) == "re: hello");
        if (version == TLS1_3_VERSION) client.update_key();
        client.send(std::string(20'000, 'y'));
        CHECK(client.receive_all() == std::string(20'000, 'y'));
        server.wait();
        CHECK(account == "ann@grid.example");
        CHECK(is_forgotten);
    }
}

TEST_CASE("within gives the result, or nothing when the deadline came first", "[net]") {
    std::optional<std::tuple<error_code>> in_time, too_late;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        in_time = co_await net::within(5s, stream.wait_readable());
        char byte = 0;
        stream.read_now({&byte, 1});
        too_late = co_await net::within(20ms, stream.wait_readable());
    });
    Client client(server.port);
    client.start_tls(TLS1_2_VERSION, &server.client);
    client.send("x");
    server.wait();
    REQUIRE(in_time.has_value());
    CHECK_FALSE(std::get<0>(*in_time));
    CHECK_FALSE(too_late.has_value());
}

}   // namespace net_tls_stream_test
