// tests/unit/server/net/net_beast_test.cpp: Beast's HTTP runs on a TlsStream.
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>

#include "client.hpp"
#include "server/net/deadline.hpp"

namespace net_beast_test {

using namespace grid::test;
using namespace std::chrono_literals;
namespace net = grid::server::net;
namespace asio = boost::asio;
namespace http = boost::beast::http;

static_assert(boost::beast::is_async_stream<net::TlsStream>::value);

namespace {

/// Answers one request with its body, twice.
asio::awaitable<void> answer(Server& server, net::TlsStream& stream) {
    server.error = co_await stream.handshake(server.context.get(), 5s);
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    auto [read_error, read] = co_await http::async_read(stream, buffer, request, net::no_throw);
    http::response<http::string_body> response(
        http::status::ok, 11, request.body() + request.body()
    );
    response.prepare_payload();
    auto [write_error, written] = co_await http::async_write(stream, response, net::no_throw);
    server.error = read_error ? read_error : write_error;
    co_await stream.close(1s);
}

}   // namespace

TEST_CASE("Beast reads and writes HTTP through it, small and larger than a record", "[net]") {
    for (const std::size_t size : {5UL, 16'384UL, 700'000UL}) {
        const std::string body(size, 'b');
        Server server(answer);
        Client client(server.port);
        client.start_tls(TLS1_3_VERSION, &server.client);
        client.send(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n"
        );
        client.send(body);
        const auto got = client.receive_all();
        server.wait();
        CHECK_FALSE(server.error);
        CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(got.ends_with("\r\n\r\n" + body + body));
    }
}

TEST_CASE("an empty read or write completes at once, and never inside its start", "[net]") {
    std::size_t bytes = 1;
    bool was_inside = false, has_come = false;
    Server server([&](Server& self, net::TlsStream& stream) -> asio::awaitable<void> {
        self.error = co_await stream.handshake(self.context.get(), 5s);
        auto [error, size] =
            co_await stream.async_read_some(asio::mutable_buffer(nullptr, 0), net::no_throw);
        bytes = size;
        std::array<char, 1> byte{'x'};
        bool has_started = false;
        stream.async_write_some(asio::buffer(byte), [&](boost::system::error_code, std::size_t) {
            was_inside = !has_started;
            has_come = true;
        });
        has_started = true;
        while (!has_come) co_await asio::post(stream.get_executor(), asio::use_awaitable);
        co_await stream.close(1s);
    });
    Client client(server.port);
    client.start_tls(TLS1_3_VERSION, &server.client);
    CHECK(client.receive_all() == "x");
    server.wait();
    CHECK(bytes == 0);
    CHECK(has_come);
    CHECK_FALSE(was_inside);
}

}   // namespace net_beast_test
