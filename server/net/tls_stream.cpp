// server/net/tls_stream.cpp: reading and writing without waiting, plain or through SSL.
#include "server/net/tls_stream.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <limits>

#include "server/net/deadline.hpp"
#include "server/net/socket_bio.hpp"
#include "server/tls/openssl_error.hpp"
#include "server/tls/raw_chain.hpp"

namespace grid::server::net {
namespace {

/// A peer that sends key updates, empty records or handshake fragments without end makes us work
/// for nothing: more than this many records in a row without a byte of data, and the connection is
/// closed.
constexpr std::uint16_t silent_records_max = 256;

boost::system::error_code last_error() { return {errno, boost::system::system_category()}; }

}   // namespace

namespace detail {

char* gather_scratch() {
    thread_local std::array<char, record_bytes_max> scratch;
    return scratch.data();
}

}   // namespace detail

TlsStream::TlsStream(Socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;   // a dead socket shows at its first use
    socket_.native_non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

TlsStream::TlsStream(TlsStream&& other) noexcept
    : socket_(std::move(other.socket_)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      sent_in_all_(other.sent_in_all_),
      failure_(std::move(other.failure_)),
      silent_records_(other.silent_records_),
      is_broken_(other.is_broken_),
      is_closing_(other.is_closing_),
      is_write_pending_(other.is_write_pending_),
      read_wants_write_(other.read_wants_write_),
      write_wants_read_(other.write_wants_read_) {
    if (ssl_) SSL_set_msg_callback_arg(ssl_, this);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

TlsStream::Now TlsStream::read_now(std::span<char> into) {
    if (into.empty()) return {};
    // After `abort` the descriptor's number may belong to another connection.
    if (!socket_.is_open() || is_closing_)
        return failed(asio::error::operation_aborted, "closed by us");
    return ssl_ ? read_tls(into) : read_plain(into);
}

std::uint64_t TlsStream::sent_bytes() const {
    return ssl_ ? BIO_number_written(SSL_get_wbio(ssl_)) : sent_in_all_;
}

/// A reset takes TCP's word back: how long ago it came cannot be told here, and acknowledged bytes
/// that nobody had read by then are lost.
std::uint64_t TlsStream::unacknowledged_bytes() {
    tcp_info info{};
    socklen_t size = sizeof info;
    const bool is_known =
        socket_.is_open() &&
        ::getsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
    if (is_known && info.tcpi_state == TCP_CLOSE) return sent_bytes();
    int bytes = 0;
    if (!socket_.is_open() || ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) != 0) return 0;
    return static_cast<std::uint64_t>(bytes);
}

TlsStream::Now TlsStream::write_now(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (!socket_.is_open() || is_closing_)
        return failed(asio::error::operation_aborted, "closed by us");
    return ssl_ ? write_tls(bytes) : write_plain(bytes);
}

TlsStream::Now TlsStream::read_plain(std::span<char> into) {
    const auto received = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (received > 0) return {.bytes = static_cast<std::size_t>(received)};
    if (received == 0) return failed(asio::error::eof, "the peer closed the connection");
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {.would_block = true};
    const auto error = last_error();
    return failed(error, error.message());
}

TlsStream::Now TlsStream::write_plain(std::string_view bytes) {
    std::size_t total = 0;
    while (total < bytes.size()) {
        const auto sent = ::send(
            socket_.native_handle(), bytes.data() + total, bytes.size() - total,
            MSG_DONTWAIT | MSG_NOSIGNAL
        );
        if (sent > 0) {
            total += static_cast<std::size_t>(sent);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return {.bytes = total, .would_block = true};
        } else if (errno != EINTR) {
            const auto error = last_error();
            is_broken_ = true;
            return failed(error, error.message());
        }
    }
    return {.bytes = total};
}

TlsStream::Now TlsStream::read_tls(std::span<char> into) {
    if (is_broken_) return failed(asio::error::connection_aborted, failure_);
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &size);
    if (result == 1) {
        silent_records_ = 0;
        return {.bytes = size};
    }
    return to_now(result, read_wants_write_, Socket::wait_read);
}

TlsStream::Now TlsStream::write_tls(std::string_view bytes) {
    if (is_broken_) return failed(asio::error::connection_aborted, failure_);
    std::size_t total = 0;
    while (total < bytes.size()) {   // one record at a time (SSL_MODE_ENABLE_PARTIAL_WRITE)
        ERR_clear_error();
        std::size_t size = 0;
        const int result = SSL_write_ex(ssl_, bytes.data() + total, bytes.size() - total, &size);
        is_write_pending_ = result != 1;
        if (result != 1) {
            auto now = to_now(result, write_wants_read_, Socket::wait_write);
            now.bytes = now.error ? 0 : total;
            return now;
        }
        total += size;
    }
    return {.bytes = total};
}

TlsStream::Now TlsStream::failed(boost::system::error_code error, std::string text) {
    failure_ = std::move(text);
    return {.error = error};
}

TlsStream::Now TlsStream::to_now(int result, bool& other_direction, Socket::wait_type own) {
    const auto system_error = last_error();   // before anything else can change errno
    const int kind = SSL_get_error(ssl_, result);
    if (silent_records_ > silent_records_max) {
        is_broken_ = true;
        return failed(asio::error::connection_aborted, "too many TLS records without data");
    }
    switch (kind) {
        case SSL_ERROR_WANT_READ:
            other_direction = own != Socket::wait_read;
            return {.would_block = true};
        case SSL_ERROR_WANT_WRITE:
            other_direction = own != Socket::wait_write;
            return {.would_block = true};
        case SSL_ERROR_ZERO_RETURN:   // the other side's end alone: writing goes on
            return failed(
                asio::error::eof, BIO_eof(SSL_get_rbio(ssl_)) != 0
                                      ? "the peer closed the connection"
                                      : "the peer closed TLS"
            );
        case SSL_ERROR_SYSCALL: {
            is_broken_ = true;
            ERR_clear_error();
            if (!system_error) return failed(asio::error::eof, "the peer closed the connection");
            return failed(system_error, system_error.message());
        }
        default:
            break;
    }
    is_broken_ = true;
    auto text = tls::take_openssl_failure(ssl_);
    return failed(asio::error::connection_aborted, text.empty() ? "TLS failed" : std::move(text));
}

void TlsStream::on_record(
    int is_write, int version, int type, const void* bytes, std::size_t size, SSL* ssl, void* self
) {
    tls::on_message(is_write, version, type, bytes, size, ssl, nullptr);
    auto& count = static_cast<TlsStream*>(self)->silent_records_;
    if (is_write == 0 && type == SSL3_RT_HEADER &&
        count < std::numeric_limits<std::uint16_t>::max())
        ++count;
}

TlsStream::Waited TlsStream::wait_readable() {
    if (ssl_) note_wait(SSL_get_rbio(ssl_));
    return socket_.async_wait(wait_type_of_read(), no_throw);
}

TlsStream::Waited TlsStream::wait_writable() {
    return socket_.async_wait(wait_type_of_write(), no_throw);
}

void TlsStream::when_readable(std::shared_ptr<Reader> reader) {
    if (ssl_) note_wait(SSL_get_rbio(ssl_));
    socket_.async_wait(
        wait_type_of_read(),
        [reader = std::move(reader)](boost::system::error_code) { reader->on_readable(); }
    );
}

void TlsStream::when_writable(std::function<void()> then) {
    socket_.async_wait(wait_type_of_write(), [then = std::move(then)](boost::system::error_code) {
        then();
    });
}

void TlsStream::cancel() {
    boost::system::error_code ignored;   // the socket may be closed already
    socket_.cancel(ignored);
}

}   // namespace grid::server::net
