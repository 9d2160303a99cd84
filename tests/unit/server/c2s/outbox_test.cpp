// tests/unit/server/c2s/outbox_test.cpp: a flush to a socket that would take more ends with its
// turn.
#include "server/c2s/outbox.hpp"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>

#include "server/net/tls_stream.hpp"
#include "server/net/turn.hpp"
#include "server/stream/stream_codec.hpp"

namespace outbox_test {

using namespace grid::server::net;
using grid::server::c2s::Outbox;

namespace {

/// A connection within this process: `peer` reads what `stream` was given.
struct Connected {
    Connected() : strand(boost::asio::make_strand(context)), peer(context) {
        boost::asio::ip::tcp::acceptor acceptor(
            context, {boost::asio::ip::address_v4::loopback(), 0}
        );
        acceptor.set_option(boost::asio::socket_base::receive_buffer_size(400'000));
        Socket socket(strand);
        socket.open(boost::asio::ip::tcp::v4());
        socket.set_option(boost::asio::socket_base::send_buffer_size(400'000));
        socket.connect(acceptor.local_endpoint());
        acceptor.accept(peer);
        peer.non_blocking(true);
        stream.emplace(std::move(socket));
    }
    std::size_t arrived() {
        std::array<char, 65536> chunk;
        boost::system::error_code error;
        std::size_t total = 0;
        while (const auto size = peer.read_some(boost::asio::buffer(chunk), error)) total += size;
        return total;
    }
    boost::asio::io_context context;
    Strand strand;
    boost::asio::ip::tcp::socket peer;
    std::optional<TlsStream> stream;
};

}   // namespace

TEST_CASE("a flush writes a turn's worth, and the rest in further turns") {
    Connected connected;
    grid::server::stream::StreamCodec framer("grid.example", grid::xml::Limits{});
    Outbox outbox(*connected.stream, framer);
    constexpr std::size_t stanza = 1'000, stanzas = 2 * Turn::write_bytes_max / stanza;
    for (std::size_t i = 0; i < stanzas; ++i) outbox.push_framed(std::string(stanza, 'x'));
    REQUIRE(outbox.flush() == Outbox::Flushed::TurnOver);
    CHECK_FALSE(outbox.empty());
    std::size_t arrived = connected.arrived();
    CHECK(arrived >= Turn::write_bytes_max);
    CHECK(arrived < Turn::write_bytes_max + 65'536 + stanza);
    CHECK(outbox.flush() == Outbox::Flushed::All);
    arrived += connected.arrived();
    CHECK(arrived == stanza * stanzas);
}

TEST_CASE("the connection's own words draw on the budget only where they stay") {
    using grid::server::Budget;
    using grid::server::Outgoing;
    using grid::server::StanzaKind;
    Connected connected;
    grid::server::stream::StreamCodec framer("grid.example", grid::xml::Limits{});
    Outbox outbox(*connected.stream, framer);
    const auto account = std::make_shared<Budget>(10'000'000);
    outbox.set_budget(std::make_shared<Budget>(1'000'000, account));
    const auto answer = [](std::size_t size) {
        return Outgoing::whole(
            StanzaKind::Iq, std::make_shared<const std::string>(std::string(size, 'x'))
        );
    };
    outbox.push_own(answer(1'000));
    CHECK(outbox.flush() == Outbox::Flushed::All);
    CHECK(account->used() == 0);
    CHECK_FALSE(outbox.is_over());

    while (outbox.flush() != Outbox::Flushed::SocketFull) outbox.push_own(answer(100'000));
    for (int i = 0; i < 7; ++i) outbox.push_own(answer(100'000));
    outbox.charge();
    CHECK(account->used() == 700'000);
    CHECK(outbox.is_over());
    outbox.charge();
    CHECK(account->used() == 700'000);   // once
    outbox.drop();
    CHECK(account->used() == 0);
}

}   // namespace outbox_test
