// server/net/tls_handshake.cpp: how a TlsStream becomes TLS, and how it ends.
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>

#include "server/net/deadline.hpp"
#include "server/net/socket_bio.hpp"
#include "server/net/tls_stream.hpp"
#include "server/tls/failure.hpp"

namespace grid::server::net {
namespace {

/// What a closing connection may still send before it is cut off.
constexpr std::size_t drain_bytes_max = 1024 * 1024;

}   // namespace

bool TlsStream::attach(SSL_CTX* context) {
    ERR_clear_error();
    BIO* bio = make_socket_bio(static_cast<int>(socket_.native_handle()));
    SSL* ssl = bio ? SSL_new(context) : nullptr;
    if (ssl == nullptr) {
        BIO_free(bio);
        failure_ = tls::take_openssl_failure();
        if (failure_.empty()) failure_ = "out of memory for TLS";
        return false;
    }
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    SSL_set_mode(
        ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    );
    // Otherwise one SSL_read would go on as long as the peer feeds it records without data.
    SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_set_msg_callback(ssl, on_record);
    SSL_set_msg_callback_arg(ssl, this);
    ssl_ = ssl;
    return true;
}

boost::system::error_code TlsStream::handshake_step(Socket::wait_type& wait) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) return {};
    bool wants_write = false;
    const auto now = to_now(result, wants_write, Socket::wait_read);
    wait = wants_write ? Socket::wait_write : Socket::wait_read;
    if (now.would_block) return asio::error::would_block;
    return now.error;
}

asio::awaitable<boost::system::error_code> TlsStream::handshake(
    SSL_CTX* context, std::chrono::milliseconds deadline
) {
    if (ssl_ || !socket_.is_open()) {
        failure_ = ssl_ ? "TLS is running already" : "closed by us";
        co_return asio::error::invalid_argument;
    }
    if (!attach(context)) co_return asio::error::no_memory;
    Watchdog watchdog(get_executor(), deadline, [this] { abort(); });
    while (true) {
        auto wait = Socket::wait_read;
        const auto error = handshake_step(wait);
        if (error != asio::error::would_block) co_return error;
        auto [waited] = co_await socket_.async_wait(wait, no_throw);
        if (!waited) continue;
        is_broken_ = true;
        if (watchdog.has_expired()) {
            failure_ = "no TLS handshake within " + std::to_string(deadline.count()) + " ms";
            co_return asio::error::timed_out;
        }
        failure_ = waited.message();
        co_return waited;
    }
}

asio::awaitable<void> TlsStream::send_close_notify() {
    // Behind half a record no alert can be sent.
    while (ssl_ && !is_broken_ && !is_write_pending_ && SSL_is_init_finished(ssl_)) {
        ERR_clear_error();
        const int result = SSL_shutdown(ssl_);
        if (result >= 0) break;   // 0: ours is out; the peer's is not waited for
        bool ignored = false;
        if (!to_now(result, ignored, Socket::wait_write).would_block) break;
        auto [error] = co_await socket_.async_wait(Socket::wait_write, no_throw);
        if (error) break;
    }
}

asio::awaitable<void> TlsStream::drain() {
    std::size_t total = 0;
    while (socket_.is_open() && total < drain_bytes_max) {
        const auto size = ::recv(
            socket_.native_handle(), detail::gather_scratch(), detail::record_bytes_max,
            MSG_DONTWAIT
        );
        if (size > 0) {
            total += static_cast<std::size_t>(size);
            continue;
        }
        if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) break;
        auto [error] = co_await socket_.async_wait(Socket::wait_read, no_throw);
        if (error) break;
    }
}

asio::awaitable<void> TlsStream::close(std::chrono::milliseconds deadline) {
    if (!socket_.is_open()) co_return;
    Watchdog watchdog(get_executor(), deadline, [this] { abort(); });
    co_await send_close_notify();
    boost::system::error_code ignored;   // the peer may have gone first
    socket_.shutdown(Socket::shutdown_send, ignored);
    co_await drain();
    abort();
}

void TlsStream::abort() {
    boost::system::error_code ignored;   // the descriptor is gone either way
    socket_.close(ignored);
}

}   // namespace grid::server::net
