// tests/bench/load/tls_socket.cpp: TLS over buffers of the thread, so that syscalls are per
// burst.
#include "load/tls_socket.hpp"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace grid::bench {

namespace {

constexpr std::size_t burst_bytes_max = 256 * 1024;
constexpr std::size_t record_bytes_max = 16 * 1024;

// Only one connection of a thread is inside OpenSSL at a time, and it leaves nothing behind here:
// SSL reads until the burst is used up, and what it wrote is sent before it returns.
struct Wire {
    std::vector<char> burst = std::vector<char>(burst_bytes_max);
    std::vector<char> record = std::vector<char>(record_bytes_max);
    std::string_view unread;
    std::string sealed;
};
thread_local Wire wire;

int wire_read(BIO* bio, char* into, int bytes_max) {
    BIO_clear_retry_flags(bio);
    if (wire.unread.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const auto bytes = std::min(wire.unread.size(), static_cast<std::size_t>(bytes_max));
    std::memcpy(into, wire.unread.data(), bytes);
    wire.unread.remove_prefix(bytes);
    return static_cast<int>(bytes);
}

int wire_write(BIO*, const char* from, int bytes) {
    wire.sealed.append(from, static_cast<std::size_t>(bytes));
    return bytes;
}

long wire_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int wire_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD* wire_method() {
    static BIO_METHOD* method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "burst");
        BIO_meth_set_read(made, wire_read);
        BIO_meth_set_write(made, wire_write);
        BIO_meth_set_ctrl(made, wire_control);
        BIO_meth_set_create(made, wire_create);
        return made;
    }();
    return method;
}

}   // namespace

std::string ssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
    return text != nullptr ? text : "no reason given";
}

TlsSocket::~TlsSocket() { ::close(fd_); }

void TlsSocket::start(SSL* ssl) {
    ssl_.reset(ssl);
    BIO* bio = BIO_new(wire_method());
    if (bio == nullptr) throw std::runtime_error("cannot make a BIO: " + ssl_reason());
    SSL_set_bio(ssl, bio, bio);
}

void TlsSocket::start_client(SSL* ssl) {
    start(ssl);
    SSL_set_connect_state(ssl);
    wire.unread = {};
    handshake();
}

void TlsSocket::start_server(SSL* ssl) {
    start(ssl);
    SSL_set_accept_state(ssl);
}

TlsSocket::State TlsSocket::handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    send_sealed();   // also the alert that says why not
    if (result == 1) {
        secure_ = true;
        SSL_certs_clear(ssl_.get());   // not needed again; thousands of them are
        return State::Open;
    }
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return State::Open;
    error_ = "TLS handshake: " + ssl_reason();
    return State::Failed;
}

TlsSocket::State TlsSocket::read_records(std::string& into) {
    while (true) {
        std::size_t bytes = 0;
        const int result = SSL_read_ex(ssl_.get(), wire.record.data(), wire.record.size(), &bytes);
        into.append(wire.record.data(), bytes);
        if (result == 1) continue;
        const int reason = SSL_get_error(ssl_.get(), result);
        if (reason == SSL_ERROR_WANT_READ) return State::Open;
        if (reason == SSL_ERROR_ZERO_RETURN) return State::Closed;
        error_ = "TLS: " + ssl_reason();
        return State::Failed;
    }
}

TlsSocket::State TlsSocket::receive(std::string& into) {
    const ssize_t got = ::recv(fd_, wire.burst.data(), wire.burst.size(), 0);
    if (got == 0) return State::Closed;
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) return State::Open;
        error_ = std::strerror(errno);
        return State::Failed;
    }
    const std::string_view burst(wire.burst.data(), static_cast<std::size_t>(got));
    if (!ssl_) {
        into.append(burst);
        return State::Open;
    }
    wire.unread = burst;
    if (!secure_) {
        if (handshake() == State::Failed) return State::Failed;
        if (!secure_) return State::Open;
    }
    ERR_clear_error();
    const State state = read_records(into);
    if (!wire.sealed.empty()) send_sealed();   // a key update asks for an answer
    return state;
}

void TlsSocket::write(std::string_view plain) {
    if (!ssl_) {
        send_raw(plain);
        return;
    }
    std::size_t written = 0;
    while (written < plain.size()) {
        std::size_t bytes = 0;
        if (SSL_write_ex(ssl_.get(), plain.data() + written, plain.size() - written, &bytes) != 1) {
            error_ = "TLS: " + ssl_reason();
            break;
        }
        written += bytes;
    }
    send_sealed();
}

void TlsSocket::send_sealed() {
    if (!wire.sealed.empty()) send_raw(wire.sealed);
    wire.sealed.clear();
}

void TlsSocket::send_raw(std::string_view bytes) {
    if (unsent_.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        // A broken connection shows itself on the next read; there is nothing to keep for it.
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return;
        if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    unsent_.append(bytes);
}

void TlsSocket::on_writable() {
    std::string waiting;
    waiting.swap(unsent_);
    if (!waiting.empty()) send_raw(waiting);
}

}   // namespace grid::bench
