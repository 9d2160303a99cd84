// tests/unit/server/c2s/driver_stage.hpp: streams of a whole core, over channels that are no
// sockets.
#pragma once

#include <boost/asio.hpp>
#include <memory>
#include <string>
#include <vector>

#include "server/c2s/acceptor.hpp"
#include "server/router/addresses.hpp"
#include "server/tls/revocation/vetting.hpp"
#include "storage/memory_store.hpp"

namespace grid::test {

/// A channel whose peer is the test. One thread.
class FakeChannel final : public server::net::Channel {
public:
    /// The part that the test keeps: the channel itself goes with its stream.
    struct Peer {
        std::string arrived;       // from the client, not read yet
        std::string sent;          // to the client
        std::size_t room = ~0UL;   // for more of it
        bool is_gone = false;      // the client closed
        bool is_closed = false;    // we did
        std::size_t reads = 0;
        FakeChannel* channel = nullptr;   // while there is one
    };
    FakeChannel(server::net::Strand strand, std::shared_ptr<Peer> peer);
    ~FakeChannel() override { peer_->channel = nullptr; }
    FakeChannel(const FakeChannel&) = delete;

    server::net::Strand strand() override { return strand_; }
    server::net::Now read_now(std::span<char> into) override;
    server::net::Now write_now(std::string_view bytes) override;
    std::uint64_t sent_bytes() const override { return peer_->sent.size(); }
    std::uint64_t unacknowledged_bytes() override { return 0; }
    Waited wait_readable() override;
    Waited wait_writable() override;
    void when_readable(std::shared_ptr<server::net::Reader> reader) override;
    void when_writable(std::function<void()> then) override { when_writable_ = std::move(then); }
    void cancel() override;
    const std::string& failure() const override { return failure_; }
    boost::asio::awaitable<bool> close(std::chrono::milliseconds deadline) override;
    void abort() override;

    /// To be called when `arrived`, `room` or `is_gone` has changed.
    void wake() { cancel(); }

private:
    void expect_bytes();

    server::net::Strand strand_;
    std::shared_ptr<Peer> peer_;
    boost::asio::steady_timer readable_, writable_;
    std::function<void()> when_writable_;
    std::string failure_ = "the test closed it";
};

/// Accounts are approved by themselves. The context runs in `runs` alone.
class DriverStage {
public:
    DriverStage();
    ~DriverStage();

    struct Stream {
        std::shared_ptr<FakeChannel::Peer> peer;
        FakeChannel* channel = nullptr;
    };
    /// A stream of that account over a WebSocket, after its upgrade.
    Stream connects(const std::string& account);
    /// The same, with a resource bound.
    Stream logs_in(const std::string& account);
    /// Text messages from the client; each is a frame.
    void sends(const Stream& stream, const std::string& text);
    void runs();
    /// All that was sent to the client since, frames and all.
    static std::string receives(const Stream& stream);

    boost::asio::io_context context;
    server::Config config;

private:
    storage::MemoryStore store_;
    server::Log log_;
    server::Addresses addresses_;
    server::IqTable server_iqs_, account_iqs_;
    std::unique_ptr<server::Core> core_;
    std::unique_ptr<server::tls::Vetting> vetting_;
    std::unique_ptr<server::c2s::Shared> shared_;
    std::shared_ptr<server::c2s::Acceptor> acceptor_;
    std::vector<std::shared_ptr<FakeChannel::Peer>> peers_;
};

/// A client's frame, masked.
std::string websocket_text(std::string payload);

}   // namespace grid::test
