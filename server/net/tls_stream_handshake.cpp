// server/net/tls_stream_handshake.cpp: how a TlsStream becomes TLS, and how it ends.
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "server/net/deadline.hpp"
#include "server/net/socket_bio.hpp"
#include "server/net/tls_stream.hpp"
#include "server/net/turn.hpp"
#include "server/tls/openssl_error.hpp"
#include "server/tls/verify.hpp"

namespace grid::server::net {
namespace {

/// So much of what a closing connection still sends is thrown away as fast as it comes. Behind it
/// each turn has a pause: a client that looks for the answer when all of its upload is out still
/// finds it, and none keeps a thread busy (32 MiB/s at most).
constexpr std::size_t drained_at_once_max = 1024 * 1024;
constexpr auto drain_pause = std::chrono::milliseconds(2);

struct SessionDeleter {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionPtr = std::unique_ptr<SSL_SESSION, SessionDeleter>;

struct KeyDeleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyDeleter>;

/// The context that a session belongs to.
bool copy_context(const SSL_SESSION* from, SSL_SESSION* to) {
    unsigned int size = 0;
    const unsigned char* id = SSL_SESSION_get0_id_context(from, &size);
    return SSL_SESSION_set1_id_context(to, id, size) == 1;
}

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
    if (SSL_CTX_get_ssl_method(context) == TLS_client_method())
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    SSL_set_mode(
        ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    );
    // A record is a head and a body: one recv for both, and for the records behind it.
    SSL_set_read_ahead(ssl, 1);
    // Otherwise one SSL_read would go on as long as the peer feeds it records without data.
    SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    // A peer that ends its side of TCP without close_notify may read on, and what it is owed still
    // goes out: OpenSSL would send a fatal alert instead, for which libraries throw away what came
    // before it. Streams and requests tell by themselves whether their end is missing (RFC 6120
    // §4.4).
    SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
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
        if (!error) forget_key_shares();
        if (error != asio::error::would_block) co_return error;
        auto [waited] = co_await socket_.async_wait(wait, no_throw);
        // Aborted behind a wait that was over already: the number of the descriptor may be that of
        // another connection by now.
        if (!waited && !socket_.is_open()) waited = asio::error::operation_aborted;
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

/// OpenSSL keeps both sides' key shares as long as the connection, though its keys are derived from
/// them already: with the private one a recording of the connection could be read. The objects
/// stay, their content goes. Saves 0.4 KiB per connection, too.
void TlsStream::forget_key_shares() {
    for (const int which : {SSL_CTRL_GET_TMP_KEY, SSL_CTRL_GET_PEER_TMP_KEY}) {
        EVP_PKEY* found = nullptr;
        if (SSL_ctrl(ssl_, which, 0, &found) != 1) continue;
        const KeyPtr key(found);
        (void)EVP_PKEY_set_type(found, EVP_PKEY_NONE);   // there is no such type: it is empty then
    }
    ERR_clear_error();
}

/// OpenSSL has no call for this (SSL_set_session resets the version's method, and with it the
/// connection), but a session can be read over an existing one: what is written here is the same
/// session without the peer's certificate. Saves 4.5 of 21 KiB per connection.
void TlsStream::forget_peer_certificate() {
    if (ssl_ == nullptr || !SSL_is_init_finished(ssl_)) return;
    tls::forget_verified(ssl_);
    for (auto* chain : {SSL_get0_verified_chain(ssl_), SSL_get_peer_cert_chain(ssl_)})
        while (chain && sk_X509_num(chain) > 0) X509_free(sk_X509_pop(chain));
    SSL_SESSION* session = SSL_get_session(ssl_);
    const SessionPtr bare(SSL_SESSION_new());
    std::array<unsigned char, SSL_MAX_MASTER_KEY_LENGTH> key;
    const auto key_size = SSL_SESSION_get_master_key(session, key.data(), key.size());
    const bool is_copied =
        bare &&
        SSL_SESSION_set_protocol_version(bare.get(), SSL_SESSION_get_protocol_version(session)) &&
        SSL_SESSION_set_cipher(bare.get(), SSL_SESSION_get0_cipher(session)) &&
        SSL_SESSION_set1_master_key(bare.get(), key.data(), key_size) &&
        copy_context(session, bare.get());
    unsigned char* der = nullptr;
    const int size = is_copied ? i2d_SSL_SESSION(bare.get(), &der) : 0;
    const unsigned char* at = der;
    if (size > 0) d2i_SSL_SESSION(&session, &at, size);   // if it fails, only memory is lost
    OPENSSL_clear_free(der, size > 0 ? static_cast<std::size_t>(size) : 0);
    OPENSSL_cleanse(key.data(), key.size());
    ERR_clear_error();
}

void TlsStream::send_ticket(std::string_view data, std::chrono::seconds lifetime) {
    if (ssl_ == nullptr || is_broken_ || is_closing_ || !socket_.is_open()) return;
    if (SSL_version(ssl_) < TLS1_3_VERSION || !SSL_is_init_finished(ssl_)) return;
    SSL_SESSION* session = SSL_get_session(ssl_);
    SSL_SESSION_set_timeout(session, static_cast<long>(lifetime.count()));
    if (SSL_SESSION_set1_ticket_appdata(session, data.data(), data.size()) == 1 &&
        SSL_new_session_ticket(ssl_) == 1) {
        // Clients speak first, and the ticket leaves with the answer: a packet less. One that the
        // socket does not take whole leaves with the next read or write, and a failure shows there.
        hold_back(SSL_get_wbio(ssl_), true);
        auto wait = Socket::wait_write;
        (void)handshake_step(wait);
        hold_back(SSL_get_wbio(ssl_), false);
    }
    // OpenSSL may have put another session in its place.
    SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl_), nullptr, 0);
    ERR_clear_error();
}

void TlsStream::ends_soon() {
    if (ssl_ != nullptr) hold_back(SSL_get_wbio(ssl_), true);
}

/// The end of our output follows.
asio::awaitable<void> TlsStream::send_close_notify() {
    ends_soon();
    // Behind half a record no alert can be sent. Once aborted, and a wait does not tell of that
    // where it was over already, the number of the descriptor may be that of another connection.
    while (ssl_ && socket_.is_open() && !is_broken_ && !is_write_pending_ &&
           SSL_is_init_finished(ssl_)) {
        ERR_clear_error();
        const int result = SSL_shutdown(ssl_);
        if (result >= 0) break;   // 0: ours is out; the peer's is not waited for
        // SSL_shutdown that is called once never waits for reading; the loop must not spin on it.
        bool wants_read = false;
        if (!to_now(result, wants_read, Socket::wait_write).would_block || wants_read) break;
        auto [error] = co_await socket_.async_wait(Socket::wait_write, no_throw);
        if (error) break;
    }
}

asio::awaitable<bool> TlsStream::drain() {
    std::size_t total = 0, turn = 0;
    asio::steady_timer pause(get_executor());
    while (socket_.is_open()) {
        if (turn >= Turn::drain_bytes_max) {
            if (total < drained_at_once_max) {
                co_await asio::post(get_executor(), asio::use_awaitable);
            } else {
                pause.expires_after(drain_pause);
                co_await pause.async_wait(no_throw);
            }
            turn = 0;
            continue;   // the socket may be closed by now
        }
        const auto size = ::recv(
            socket_.native_handle(), detail::gather_scratch(), detail::record_bytes_max,
            MSG_DONTWAIT
        );
        if (size > 0) {
            total += static_cast<std::size_t>(size);
            turn += static_cast<std::size_t>(size);
            continue;
        }
        if (size == 0) co_return true;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) break;
        auto [error] = co_await socket_.async_wait(Socket::wait_read, no_throw);
        if (error) break;
    }
    co_return false;
}

asio::awaitable<bool> TlsStream::close(std::chrono::milliseconds deadline) {
    if (!socket_.is_open()) co_return false;
    Watchdog watchdog(get_executor(), deadline, [this] { abort(); });
    if (!std::exchange(is_closing_, true)) co_await send_close_notify();
    boost::system::error_code ignored;   // the peer may have gone first
    socket_.shutdown(Socket::shutdown_send, ignored);
    free_ssl();
    // A reset is told once: where a write has met it, reading finds an end like any other.
    const bool is_closed_by_peer = co_await drain() && !is_broken_;
    abort();
    co_return is_closed_by_peer;
}

/// While the peer's last bytes are thrown away its connection holds no more than a descriptor.
void TlsStream::free_ssl() {
    sent_in_all_ = sent_bytes();
    SSL_free(std::exchange(ssl_, nullptr));
}

asio::awaitable<boost::system::error_code> TlsStream::end_output() {
    co_await send_close_notify();
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    if (error == asio::error::not_connected) error = {};
    co_return error;
}

void TlsStream::reset() {
    boost::system::error_code ignored;   // a dead socket needs none
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    abort();
}

void TlsStream::move_to(const Strand& strand) {
    boost::system::error_code error;
    const auto protocol = socket_.local_endpoint(error).protocol();
    Socket moved(strand);
    if (!error) {
        const auto descriptor = socket_.release(error);
        if (!error) moved.assign(protocol, descriptor, error);
        if (error) ::close(descriptor);
    }
    moved.native_non_blocking(true, error);
    socket_ = std::move(moved);
}

void TlsStream::abort() {
    boost::system::error_code ignored;   // the descriptor is gone either way
    socket_.close(ignored);
}

}   // namespace grid::server::net
