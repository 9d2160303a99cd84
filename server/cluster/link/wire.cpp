// server/cluster/link/wire.cpp: see wire.hpp.
#include "server/cluster/link/wire.hpp"

#include <algorithm>
#include <utility>

#include "server/net/deadline.hpp"

namespace grid::server::cluster {

namespace {

constexpr std::size_t greeting_buffer_bytes = 2UL * 1024, link_buffer_bytes = 64UL * 1024;

}   // namespace

Wire::Wire(net::Socket socket) : stream_(std::move(socket)), buffer_(greeting_buffer_bytes) {}

void Wire::trust(std::size_t frame_bytes_max) {
    reader_.set_payload_bytes_max(frame_bytes_max);
    std::vector<char> larger(link_buffer_bytes);
    std::ranges::copy(unread_, larger.begin());
    unread_ = std::string_view(larger.data(), unread_.size());
    buffer_ = std::move(larger);
}

net::Now Wire::read_now() {
    const net::Now now = stream_.read_now(buffer_);
    unread_ = std::string_view(buffer_.data(), now.bytes);
    return now;
}

boost::asio::awaitable<std::optional<Frame>> Wire::read_frame() {
    while (true) {
        if (auto frame = take()) co_return frame;
        if (is_broken()) co_return std::nullopt;
        const net::Now now = read_now();
        if (now.error) co_return std::nullopt;
        if (!now.would_block) continue;
        auto [error] = co_await stream_.wait_readable();
        if (error) co_return std::nullopt;
    }
}

boost::asio::awaitable<bool> Wire::write(std::string bytes) {
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const net::Now now = stream_.write_now(rest);
        if (now.error) co_return false;
        rest.remove_prefix(now.bytes);
        if (!now.would_block) continue;
        auto [error] = co_await stream_.wait_writable();
        if (error) co_return false;
    }
    co_return true;
}

std::string Wire::failure() const {
    if (is_broken()) return "a frame is longer than may be";
    return stream_.failure().empty() ? "closed by us" : stream_.failure();
}

}   // namespace grid::server::cluster
