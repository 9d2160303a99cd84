// tests/unit/server/c2s/driver_stage.cpp: see driver_stage.hpp.
#include "driver_stage.hpp"

#include <catch2/catch.hpp>

#include "server/net/deadline.hpp"
#include "server/net/websocket_frame.hpp"
#include "server/services/services.hpp"
#include "server/stream/websocket_codec.hpp"

namespace grid::test {

namespace asio = boost::asio;
namespace net = server::net;
using std::chrono::steady_clock;

FakeChannel::FakeChannel(net::Strand strand, std::shared_ptr<Peer> peer)
    : strand_(strand),
      peer_(std::move(peer)),
      readable_(strand, steady_clock::time_point::max()),
      writable_(strand, steady_clock::time_point::max()) {
    peer_->channel = this;
}

net::Now FakeChannel::read_now(std::span<char> into) {
    const std::size_t size = std::min(into.size(), peer_->arrived.size());
    std::copy_n(peer_->arrived.data(), size, into.data());
    peer_->arrived.erase(0, size);
    if (size != 0) {
        ++peer_->reads;
        return {.bytes = size};
    }
    if (peer_->is_closed) return {.error = asio::error::operation_aborted};
    if (peer_->is_gone) return {.error = asio::error::eof};
    return {.would_block = true};
}

net::Now FakeChannel::write_now(std::string_view bytes) {
    if (peer_->is_closed) return {.error = asio::error::operation_aborted};
    const std::size_t size = std::min(bytes.size(), peer_->room);
    peer_->sent += bytes.substr(0, size);
    peer_->room -= size;
    return {.bytes = size, .would_block = size < bytes.size()};
}

void FakeChannel::expect_bytes() {
    const bool is_readable = !peer_->arrived.empty() || peer_->is_gone || peer_->is_closed;
    readable_.expires_at(is_readable ? steady_clock::now() : steady_clock::time_point::max());
}

net::Channel::Waited FakeChannel::wait_readable() {
    expect_bytes();
    return readable_.async_wait(net::no_throw);
}

void FakeChannel::when_readable(std::shared_ptr<net::Reader> reader) {
    expect_bytes();
    readable_.async_wait([reader = std::move(reader)](boost::system::error_code) {
        reader->on_readable();
    });
}

net::Channel::Waited FakeChannel::wait_writable() {
    const bool is_writable = peer_->room != 0 || peer_->is_closed;
    writable_.expires_at(is_writable ? steady_clock::now() : steady_clock::time_point::max());
    return writable_.async_wait(net::no_throw);
}

void FakeChannel::cancel() {
    readable_.cancel();
    writable_.cancel();
    if (when_writable_) asio::post(strand_, std::exchange(when_writable_, nullptr));
}

asio::awaitable<bool> FakeChannel::close(std::chrono::milliseconds) {
    peer_->is_closed = true;
    co_return peer_->is_gone;
}

void FakeChannel::abort() {
    peer_->is_closed = true;
    cancel();
}

namespace {

server::Config driver_config() {
    server::Config config;
    config.domain = "grid.example";
    config.accounts.auto_approve = true;
    config.limits.idle_seconds_max = 0;
    config.limits.stanza_seconds_max = 0;
    config.limits.outbox_bytes_max = 64 * 1024;
    return config;
}

server::LogSettings silent_log() {
    server::LogSettings settings;
    settings.level = "error";
    return settings;
}

server::tls::Presented certificate_of_account(const std::string& account) {
    server::tls::Presented presented;
    presented.present = presented.acceptable = true;
    presented.anchor = "anchor";
    presented.fingerprint = "f-" + account;
    presented.subject = "CN=" + account;
    presented.identities.push_back(xml::Jid::parse(account).value());
    presented.valid_until = presented.not_after = 4'000'000'000'000;
    return presented;
}

}   // namespace

DriverStage::DriverStage()
    : config(driver_config()),
      log_(silent_log()),
      addresses_(config),
      server_iqs_(server::services::of_server(addresses_, {})),
      account_iqs_(server::services::of_account({})),
      core_(std::make_unique<server::Core>(
          context, store_, config, addresses_, server_iqs_, account_iqs_, log_
      )),
      vetting_(std::make_unique<server::tls::Vetting>(context, config, log_)) {
    REQUIRE(core_->start(context, std::nullopt, {}).has_value());
    shared_ = std::make_unique<server::c2s::Shared>(
        server::c2s::Shared{config, *core_, log_, nullptr, "", *vetting_}
    );
    acceptor_ = std::make_shared<server::c2s::Acceptor>(*shared_);
    context.restart();
}

/// The streams end before what they stand on: the clients take what is left for them, and go.
DriverStage::~DriverStage() {
    acceptor_->close_all({"system-shutdown", "the test is over", {}});
    runs();
    for (const auto& peer : peers_) {
        peer->room = ~0UL;
        peer->is_gone = true;
        if (peer->channel) peer->channel->wake();
        runs();
    }
}

DriverStage::Stream DriverStage::connects(const std::string& account) {
    auto peer = peers_.emplace_back(std::make_shared<FakeChannel::Peer>());
    auto channel = std::make_unique<FakeChannel>(asio::make_strand(context), peer);
    const Stream stream{peer, channel.get()};
    server::c2s::Carrier carrier;
    carrier.kind = server::TransportKind::WebSocket;
    carrier.channel = std::move(channel);
    carrier.codec = std::make_unique<server::stream::WebSocketCodec>(
        config.domain, config.limits.before_login()
    );
    carrier.presented = certificate_of_account(account);
    std::string reason;
    auto place = acceptor_->enter("192.0.2.1:1", reason);
    REQUIRE(place);
    acceptor_->adopt(std::move(carrier), "192.0.2.1:1", std::move(place));
    runs();
    return stream;
}

DriverStage::Stream DriverStage::logs_in(const std::string& account) {
    const Stream stream = connects(account);
    const std::string open =
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='grid.example' version='1.0'/>";
    sends(stream, open);
    sends(stream, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
    sends(stream, open);
    sends(
        stream,
        "<iq xmlns='jabber:client' type='set' id='b'>"
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
    );
    const std::string received = receives(stream);
    INFO(received);
    REQUIRE(received.find("<jid>" + account + "/") != std::string::npos);
    return stream;
}

void DriverStage::sends(const Stream& stream, const std::string& text) {
    stream.peer->arrived += websocket_text(text);
    stream.channel->wake();
    runs();
}

void DriverStage::runs() {
    while (context.poll() != 0) {
    }
    context.restart();
}

std::string DriverStage::receives(const Stream& stream) {
    return std::exchange(stream.peer->sent, {});
}

std::string websocket_text(std::string payload) {
    std::string out;
    net::websocket::append_head(out, net::websocket::Opcode::Text, payload.size());
    out[1] = static_cast<char>(out[1] | 0x80);
    const std::array<unsigned char, 4> mask{0x12, 0x34, 0x56, 0x78};
    out.append(reinterpret_cast<const char*>(mask.data()), mask.size());
    net::websocket::unmask(payload.data(), payload.size(), mask, 0);
    return out + payload;
}

}   // namespace grid::test
