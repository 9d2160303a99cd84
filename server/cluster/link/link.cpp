// server/cluster/link/link.cpp: see link.hpp.
#include "server/cluster/link/link.hpp"

#include <utility>

#include "server/net/deadline.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;
using net::Turn;

Link::Link(
    std::shared_ptr<Wire> wire, std::shared_ptr<Lane> lane, int silent_beats_max, Events events
)
    : wire_(std::move(wire)),
      lane_(std::move(lane)),
      silent_beats_max_(silent_beats_max),
      events_(std::move(events)) {}

void Link::start(std::string first) {
    if (has_ended_) return;
    out_ = std::move(first);
    asio::co_spawn(wire_->stream().get_executor(), read(shared_from_this()), asio::detached);
    flush();
}

void Link::flush() {
    std::size_t written = 0;
    while (!is_waiting_to_write_ && !has_ended_) {
        lane_->outbox.take(out_, Turn::write_bytes_max);
        if (out_.empty()) return;
        const net::Now now = wire_->stream().write_now(out_);
        if (now.error) return end(wire_->failure());
        out_.erase(0, now.bytes);
        written += now.bytes;
        lane_->bytes_sent += now.bytes;
        has_written_ = has_written_ || now.bytes > 0;
        if (!now.would_block && written < Turn::write_bytes_max) continue;
        is_waiting_to_write_ = true;
        auto again = [self = shared_from_this()] {
            self->is_waiting_to_write_ = false;
            self->flush();
        };
        if (now.would_block)
            wire_->stream().when_writable(std::move(again));
        else
            asio::post(wire_->stream().get_executor(), std::move(again));
    }
}

void Link::beat() {
    if (has_ended_) return;
    if (++silent_beats_ > silent_beats_max_) return end("nothing was heard of it any more");
    const bool is_quiet = !std::exchange(has_written_, false) && out_.empty();
    if (!is_quiet || !lane_->outbox.is_empty()) return;
    if (lane_->outbox.push(link_channel, encode_beat()) == Outbox::Pushed::Wake) flush();
}

void Link::end(const std::string& reason) {
    if (has_ended_) return;
    const auto ended = std::move(events_.ended);
    drop();
    if (ended) ended(reason);
}

void Link::drop() {
    has_ended_ = true;
    wire_->stream().abort();
    events_ = {};
}

void Link::take(Frame frame) {
    if (frame.channel == link_channel) {
        if (const auto reason = decode_bye(frame.payload)) end("it says: " + *reason);
        return;
    }
    ++lane_->frames_received;
    events_.frame(std::move(frame));
}

void Link::take_frames(Turn& turn) {
    while (!has_ended_ && !turn.is_over(Turn::Clock::now())) {
        auto frame = wire_->take();
        if (!frame) break;
        take(std::move(*frame));
        turn.count_stanza();
    }
    if (wire_->is_broken()) end(wire_->failure());
}

asio::awaitable<void> Link::read(std::shared_ptr<Link> self) {
    net::TlsStream& stream = self->wire_->stream();
    Turn turn;
    turn.begin(Turn::Clock::now());
    while (true) {
        self->take_frames(turn);
        if (self->has_ended_) co_return;
        if (turn.is_over(Turn::Clock::now())) {
            co_await asio::post(stream.get_executor(), asio::use_awaitable);
            turn.begin(Turn::Clock::now());
            continue;   // some of what was read may be left
        }
        const net::Now now = self->wire_->read_now();
        if (now.error) co_return self->end(self->wire_->failure());
        if (!now.would_block) {
            self->silent_beats_ = 0;
            self->lane_->bytes_received += now.bytes;
            continue;
        }
        auto [error] = co_await stream.wait_readable();
        if (error) co_return self->end(error.message());
        turn.begin(Turn::Clock::now());
    }
}

}   // namespace grid::server::cluster
