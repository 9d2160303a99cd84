// tests/unit/server/net/client.hpp: a server with one connection on a thread of its own, and a
// blocking OpenSSL client in the test's thread.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "../tls/make_certificate.hpp"
#include "server/net/listener.hpp"
#include "server/net/tls_stream.hpp"
#include "server/tls/context.hpp"

namespace grid::test {

/// Runs `serve` on the first connection. The results of `serve` may be read after `wait`.
class Server {
public:
    using Serve = std::function<boost::asio::awaitable<void>(Server&, server::net::TlsStream&)>;
    explicit Server(Serve serve);
    ~Server();
    /// Until `serve` has returned.
    void wait();

    std::uint16_t port = 0;
    Certificate client;   // one that it trusts: ann@grid.example
    server::tls::Context context;
    boost::system::error_code error;
    std::string failure;   // of the stream, at the end

private:
    static boost::asio::awaitable<void> run(Server& self, server::net::Socket socket);

    Serve serve_;
    boost::asio::io_context io_;
    std::unique_ptr<server::net::Listener> listener_;
    std::thread thread_;
};

/// Blocking; every wait ends after 10 s.
class Client {
public:
    explicit Client(std::uint16_t port);
    ~Client();
    bool start_tls(int version, const Certificate* certificate);
    void send(const std::string& bytes);
    /// Shorter than asked for when the end came.
    std::string receive(std::size_t bytes);
    std::string receive_all();
    void end_output();
    /// Closes the socket: whatever is sent to it afterwards is answered with a reset.
    void vanish();
    bool update_key();
    /// While held, what is sent stays together; then it leaves in as few segments as possible.
    void hold(bool is_held);
    /// Whether the server took part in it.
    bool renegotiate();

    /// SIGPIPE so far, in the whole process: none is to come from a TlsStream.
    static int broken_pipes();

    bool has_clean_end = false;   // close_notify came

private:
    std::string receive_some(std::size_t bytes_max);

    int socket_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
};

}   // namespace grid::test
