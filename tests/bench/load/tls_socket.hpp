// tests/bench/load/tls_socket.hpp: a non-blocking socket that is plain first and TLS after
// start_*.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace grid::bench {

struct SslDelete {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using TlsSession = std::shared_ptr<SSL_SESSION>;
using SslContext = std::unique_ptr<SSL_CTX, SslDelete>;
using PrivateKey = std::unique_ptr<EVP_PKEY, SslDelete>;

// OpenSSL's last complaint, or "no reason given".
std::string ssl_reason();

// Takes whole bursts: one recv per wake-up, as many records as it holds, one send per write,
// however many records that is. The ciphertext lives in buffers of the thread, not of the
// connection.
class TlsSocket {
public:
    enum class State { Open, Closed, Failed };

    explicit TlsSocket(int fd) : fd_(fd) {}
    ~TlsSocket();
    TlsSocket(const TlsSocket&) = delete;
    TlsSocket& operator=(const TlsSocket&) = delete;

    int fd() const { return fd_; }
    // Ownership of `ssl` comes with it. A client's hello leaves at once.
    void start_client(SSL* ssl);
    void start_server(SSL* ssl);
    bool is_secure() const { return secure_; }
    const char* protocol() const { return SSL_get_version(ssl_.get()); }
    bool is_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    // With the newest ticket that came, if any. A copy: a connection that is cut off takes its own
    // session along.
    TlsSession session() const {
        return {SSL_SESSION_dup(SSL_get_session(ssl_.get())), SSL_SESSION_free};
    }

    // Appends what has arrived to `into`. Drives the handshake.
    State receive(std::string& into);
    // Seals and sends; what the kernel does not take waits in the connection: see is_blocked.
    void write(std::string_view plain);
    bool is_blocked() const { return !unsent_.empty(); }
    void on_writable();
    const std::string& error() const { return error_; }

private:
    void start(SSL* ssl);
    State handshake();
    State read_records(std::string& into);
    void send_sealed();
    void send_raw(std::string_view bytes);

    int fd_;
    bool secure_ = false;
    std::unique_ptr<SSL, SslDelete> ssl_;
    std::string unsent_;
    std::string error_;
};

}   // namespace grid::bench
