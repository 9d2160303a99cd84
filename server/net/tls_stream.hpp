// server/net/tls_stream.hpp: a TCP connection that is plain or TLS, without a buffer of its own.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <cstddef>
#include <openssl/ssl.h>
#include <span>
#include <string>
#include <string_view>

namespace grid::server::net {

namespace asio = boost::asio;
using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;

/// Drives `SSL` on the non-blocking socket directly (design §3). Every member runs on the socket's
/// strand. Models Asio's AsyncReadStream and AsyncWriteStream (async_read_some, async_write_some,
/// get_executor), so that Beast runs on it. At most one read and one write wait at a time.
class TlsStream {
public:
    using executor_type = Strand;
    using next_layer_type = Socket;

    explicit TlsStream(Socket socket);
    TlsStream(TlsStream&&) noexcept;
    ~TlsStream();

    executor_type get_executor() { return socket_.get_executor(); }
    Socket& socket() { return socket_; }
    bool is_tls() const { return ssl_ != nullptr; }
    SSL* ssl() { return ssl_; }

    /// Becomes TLS, as the server. Bytes that arrived before are not taken over (RFC 6120 §5.3.3):
    /// `injected` tells whether the peer sent any behind `<starttls/>`; then the handshake is refused.
    asio::awaitable<boost::system::error_code> handshake(
        SSL_CTX* context, std::chrono::milliseconds deadline
    );
    /// Why the last handshake or read failed, for the log: OpenSSL's text, never empty after a failure.
    const std::string& failure() const { return failure_; }

    /// What can be read or written now, without waiting. 0 with `would_block` set, or 0 with an error.
    struct Now {
        std::size_t bytes = 0;
        bool would_block = false;
        boost::system::error_code error;   // eof when the peer closed
    };
    Now read_now(std::span<char> into);
    /// After would_block the same bytes must be offered again (they may have moved).
    Now write_now(std::string_view bytes);
    asio::awaitable<boost::system::error_code> wait_readable();
    asio::awaitable<boost::system::error_code> wait_writable();

    /// For Beast and other composed operations.
    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token);
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token);

    /// close_notify within the deadline, then the socket is closed, whatever the peer does.
    asio::awaitable<void> close(std::chrono::milliseconds deadline);
    /// Closes the socket at once; everything that waits fails.
    void abort();

private:
    Socket socket_;
    SSL* ssl_ = nullptr;
    std::string failure_;
};

}   // namespace grid::server::net
