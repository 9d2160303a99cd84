// server/bulk/relay.cpp: see relay.hpp.
#include "server/bulk/relay.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "server/net/deadline.hpp"

namespace grid::server::bulk {

namespace asio = boost::asio;

namespace {

/// After so many bytes one way others have their turn. With what one call moves at the most it is
/// 1.5 MiB: some 150 microseconds of work.
constexpr std::size_t relay_turn_bytes = 512 * 1024;
/// Moved by one call, and the size of a pipe through which bytes flow. Every call wakes the
/// receiver; with a quarter of this, a receiver on this machine takes the processor four times as
/// often, each time for little.
constexpr std::size_t pipe_bytes_max = 1024 * 1024;
/// A pipe grows when this much has passed: most ways back carry next to nothing.
constexpr std::uint64_t pipe_grows_at = 256 * 1024;
constexpr std::size_t relay_buffer_bytes = 64 * 1024;

enum Step { Again, WaitRead, WaitWrite, End, Fault };

}   // namespace

/// One direction: bytes that were taken and not given on yet are in the pipe, or in the buffer.
class Relay::Way {
public:
    Way(net::TlsStream& source, net::TlsStream& sink) : from(source), to(sink) {
        const bool is_plain = source.ssl() == nullptr && sink.ssl() == nullptr;
        // Out of descriptors: through the buffer.
        if (!is_plain || ::pipe2(pipe_.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            buffer_.resize(relay_buffer_bytes);
    }
    ~Way() {
        for (const int descriptor : pipe_)
            if (descriptor >= 0) ::close(descriptor);
    }
    Way(const Way&) = delete;
    Way& operator=(const Way&) = delete;

    /// Moves up to a turn's bytes; `moved` is what the sink took.
    Step turn(std::size_t& moved) { return buffer_.empty() ? splice(moved) : copy(moved); }
    std::string fault;

    net::TlsStream& from;
    net::TlsStream& to;
    bool is_done = false;

private:
    Step splice(std::size_t& moved);
    Step copy(std::size_t& moved);
    void count(std::size_t size);
    Step failed(int error) {
        fault = boost::system::error_code(error, boost::system::system_category()).message();
        return Fault;
    }

    std::array<int, 2> pipe_{-1, -1};
    std::vector<char> buffer_;
    std::size_t held_ = 0, at_ = 0;   // in the pipe, or from there on in the buffer
    std::uint64_t passed_ = 0;        // through the pipe
};

/// The pages of all pipes of an unprivileged user are bounded (fs.pipe-user-pages-soft): then there
/// is less, or a pipe stays as it began.
void Relay::Way::count(std::size_t size) {
    const bool is_small = passed_ < pipe_grows_at;
    passed_ += size;
    if (!is_small || passed_ < pipe_grows_at) return;
    for (auto bytes = static_cast<int>(pipe_bytes_max);
         ::fcntl(pipe_[1], F_SETPIPE_SZ, bytes) < 0 && bytes > ::fcntl(pipe_[1], F_GETPIPE_SZ);
         bytes /= 2) {
    }
}

/// A peer that is gone raises SIGPIPE here, which the program ignores: splice(2) knows no flag.
Step Relay::Way::splice(std::size_t& moved) {
    constexpr unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
    if (!from.socket().is_open() || !to.socket().is_open()) return failed(ECONNABORTED);
    const int source = static_cast<int>(from.socket().native_handle());
    const int sink = static_cast<int>(to.socket().native_handle());
    while (moved < relay_turn_bytes) {
        if (held_ == 0) {
            const auto size = ::splice(source, nullptr, pipe_[1], nullptr, pipe_bytes_max, flags);
            if (size == 0) return End;
            if (size < 0 && errno == EINTR) continue;
            if (size < 0) return errno == EAGAIN ? WaitRead : failed(errno);
            held_ = static_cast<std::size_t>(size);
        }
        const auto size = ::splice(pipe_[0], nullptr, sink, nullptr, held_, flags);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno == EAGAIN ? WaitWrite : failed(errno);
        held_ -= static_cast<std::size_t>(size);
        moved += static_cast<std::size_t>(size);
        count(static_cast<std::size_t>(size));
    }
    return Again;
}

Step Relay::Way::copy(std::size_t& moved) {
    while (moved < relay_turn_bytes) {
        if (held_ == 0) {
            const auto read = from.read_now(buffer_);
            if (read.error == asio::error::eof) return End;
            if (read.error) return fault = from.failure(), Fault;
            if (read.would_block) return WaitRead;
            held_ = read.bytes;
            at_ = 0;
        }
        const auto written = to.write_now({buffer_.data() + at_, held_});
        at_ += written.bytes;
        held_ -= written.bytes;
        moved += written.bytes;
        if (written.error) return fault = to.failure(), Fault;
        if (written.would_block) return WaitWrite;
    }
    return Again;
}

Relay::Relay(
    net::Strand strand,
    std::unique_ptr<net::TlsStream> one,
    std::unique_ptr<net::TlsStream> other,
    RunningPtr running,
    Done done
)
    : strand_(std::move(strand)),
      one_(std::move(one)),
      other_(std::move(other)),
      running_(std::move(running)),
      done_(std::move(done)),
      there_(std::make_unique<Way>(*one_, *other_)),
      back_(std::make_unique<Way>(*other_, *one_)) {}

Relay::~Relay() = default;

void Relay::start() {
    for (Way* way : {there_.get(), back_.get()})
        asio::co_spawn(
            strand_, pump(*way),
            [self = shared_from_this()](std::exception_ptr failure) {
                // A fault that we do not understand ends the transfer, never the process.
                if (failure) self->stop(State::Failed, "an internal fault");
            }
        );
}

asio::awaitable<void> Relay::pump(Way& way) {
    while (!is_over_) {
        std::size_t moved = 0;
        const Step step = way.turn(moved);
        Running::Taken taken;
        if (moved != 0) taken = running_->take(moved, TokenBucket::Clock::now());
        if (taken.is_over) co_return stop(State::Quota, {});
        if (step == Fault) co_return stop(State::Lost, way.fault);
        if (taken.pause.count() > 0) {
            asio::steady_timer timer(strand_, taken.pause);
            co_await timer.async_wait(net::no_throw);
            if (is_over_) co_return;
        }
        if (step == End) {
            const auto error = co_await way.to.end_output();
            if (!is_over_ && error) stop(State::Lost, error.message());
            co_return ended(way);
        }
        if (!co_await wait(way, step)) co_return;
    }
}

/// False: a connection failed, and the transfer is over.
asio::awaitable<bool> Relay::wait(Way& way, int step) {
    if (step == Again) {
        co_await asio::post(strand_, asio::use_awaitable);
        co_return true;
    }
    auto [error] =
        step == WaitRead ? co_await way.from.wait_readable() : co_await way.to.wait_writable();
    if (error && !is_over_) stop(State::Lost, error.message());
    co_return !error;
}

void Relay::ended(Way& way) {
    way.is_done = true;
    if (is_over_ || !there_->is_done || !back_->is_done) return;
    is_over_ = true;
    close_all(true);
    std::exchange(done_, nullptr)(State::Complete, {});
}

void Relay::stop(State why, std::string detail) {
    if (std::exchange(is_over_, true)) return;
    close_all(false);
    std::exchange(done_, nullptr)(why, std::move(detail));
}

void Relay::cut(State why) {
    asio::post(strand_, [self = shared_from_this(), why] {
        if (std::exchange(self->is_over_, true)) return;
        // Of a stream that has ended one way the last bytes may still be on theirs.
        const bool is_ending = self->there_->is_done || self->back_->is_done;
        self->close_all(why == State::Idle && is_ending);
        self->done_ = nullptr;
    });
}

void Relay::close_all(bool is_whole) {
    for (net::TlsStream* stream : {one_.get(), other_.get()})
        is_whole ? stream->abort() : stream->reset();
}

}   // namespace grid::server::bulk
