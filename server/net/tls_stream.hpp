// server/net/tls_stream.hpp: a TCP connection that is plain or TLS, without a buffer of its own.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "server/net/channel.hpp"

namespace grid::server::net {

namespace asio = boost::asio;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Strand>;

/// Drives `SSL` on the non-blocking socket directly. Every member runs on the socket's strand.
/// Models Asio's AsyncReadStream and AsyncWriteStream (async_read_some, async_write_some,
/// get_executor), so that Beast runs on it. At most one read and one write wait at a time.
/// Cancelling is closing: `abort`, and everything that waits fails.
class TlsStream : public Channel {
public:
    using executor_type = Strand;
    using next_layer_type = Socket;

    explicit TlsStream(Socket socket);
    /// Not while an operation waits.
    TlsStream(TlsStream&&) noexcept;
    ~TlsStream() override;

    executor_type get_executor() { return socket_.get_executor(); }
    Strand strand() override { return socket_.get_executor(); }
    Socket& socket() { return socket_; }
    SSL* ssl() { return ssl_; }

    /// Becomes TLS, as the side that the context is for. Bytes that plain reads have taken out of
    /// the socket are not seen by the handshake, so bytes that were injected behind `<starttls/>`
    /// can become neither TLS nor XML (RFC 6120 §5.3.3): the caller, who has read them, asks
    /// `Negotiation::on_injected` instead of calling this. Bytes in the socket before the
    /// ClientHello make the handshake fail. After a failure only `close` or `abort` is left; an
    /// alert has been sent.
    asio::awaitable<boost::system::error_code> handshake(
        SSL_CTX* context, std::chrono::milliseconds deadline
    );
    /// Frees the peer's certificate chain, which OpenSSL would keep as long as the connection. For
    /// after `tls::judge`.
    void forget_peer_certificate();
    /// Hands the client of TLS 1.3 a ticket which carries `data` and with which it may resume for
    /// `lifetime`. After forget_peer_certificate: the certificate would be carried, too.
    void send_ticket(std::string_view data, std::chrono::seconds lifetime);
    /// Why the last handshake, read or write failed, for the log: OpenSSL's text, never empty after
    /// a failure.
    const std::string& failure() const override { return failure_; }

    using Now = net::Now;
    Now read_now(std::span<char> into) override;
    Now write_now(std::string_view bytes) override;
    /// Given to the socket since TLS began.
    std::uint64_t sent_bytes() const override;
    std::uint64_t unacknowledged_bytes() override;
    Waited wait_readable() override;
    Waited wait_writable() override;
    void when_readable(std::shared_ptr<Reader> reader) override;
    void when_writable(std::function<void()> then) override;
    void cancel() override;

    /// For Beast and other composed operations.
    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token);
    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token);

    void ends_soon() override;
    /// close_notify and end of output; the memory of TLS is free then. After that, what the peer
    /// still sends is thrown away until it closes too (closing with unread bytes would be a reset,
    /// and might cost the peer our last words); after the deadline the socket is closed, whatever
    /// the peer does. True: the peer closed, so it has read all that was sent.
    asio::awaitable<bool> close(std::chrono::milliseconds deadline) override;
    /// Ends our output, with a close_notify where it is TLS; the peer's is read on. A peer that
    /// has gone is no error.
    asio::awaitable<boost::system::error_code> end_output();
    /// Closes the socket at once; everything that waits fails.
    void abort() override;
    /// The same, and the peer sees a reset: it does not take what it has got for the whole.
    void reset();
    /// Runs on that strand from now on. No operation may wait here then.
    void move_to(const Strand& strand);

    /// The one that the last `would_block` asks for: TLS may have to write before it can read on,
    /// and the other way round.
    Socket::wait_type wait_type_of_read() const {
        return read_wants_write_ ? Socket::wait_write : Socket::wait_read;
    }
    Socket::wait_type wait_type_of_write() const {
        return write_wants_read_ ? Socket::wait_read : Socket::wait_write;
    }

private:
    bool attach(SSL_CTX* context);
    boost::system::error_code handshake_step(Socket::wait_type& wait);
    void forget_key_shares();
    Now read_plain(std::span<char> into);
    Now read_tls(std::span<char> into);
    Now write_plain(std::string_view bytes);
    Now write_tls(std::string_view bytes);
    /// After SSL_read, SSL_write, SSL_do_handshake or SSL_shutdown returned `result`.
    Now to_now(int result, bool& other_direction, Socket::wait_type own);
    Now failed(boost::system::error_code error, std::string text);
    asio::awaitable<void> send_close_notify();
    asio::awaitable<bool> drain();
    void free_ssl();
    static void on_record(
        int is_write,
        int version,
        int type,
        const void* bytes,
        std::size_t size,
        SSL* ssl,
        void* self
    );

    Socket socket_;
    SSL* ssl_ = nullptr;
    std::uint64_t sent_in_all_ = 0;   // when the SSL is gone
    std::string failure_;
    std::uint16_t silent_records_ = 0;   // received since the last byte of application data
    bool is_broken_ = false;             // nothing more can be sent, not even a goodbye
    bool is_closing_ = false;            // `close` has begun: it reads and throws away
    bool is_write_pending_ = false;      // part of a record is out
    bool read_wants_write_ = false, write_wants_read_ = false;
};

}   // namespace grid::server::net

#include "server/net/tls_stream_async.hpp"
