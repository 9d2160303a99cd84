// server/systemd/heartbeat.cpp: see heartbeat.hpp.
#include "server/systemd/heartbeat.hpp"

#include <utility>

namespace grid::server::systemd {

namespace asio = boost::asio;

Heartbeat::Heartbeat(
    asio::io_context& context,
    Post post,
    std::function<void()> beat,
    std::chrono::microseconds every
)
    : strand_(asio::make_strand(context)),
      timer_(strand_),
      post_(std::move(post)),
      beat_(std::move(beat)),
      every_(every) {}

void Heartbeat::start() {
    asio::post(strand_, [self = shared_from_this()] {
        self->ask();
        self->wait();
    });
}

void Heartbeat::stop() {
    is_stopped_ = true;
    asio::post(strand_, [self = shared_from_this()] { self->timer_.cancel(); });
}

void Heartbeat::ask() {
    if (is_asked_.exchange(true)) return;
    post_([self = shared_from_this()] {
        if (!self->is_stopped_) self->beat_();
        self->is_asked_ = false;
    });
}

void Heartbeat::wait() {
    if (is_stopped_) return;
    timer_.expires_after(every_);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (error || self->is_stopped_) return;
        self->ask();
        self->wait();
    });
}

}   // namespace grid::server::systemd
