// tests/unit/server/net/client.cpp: the two ends of net_tls_stream_test.
#include "client.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <stdexcept>

namespace grid::test {

namespace asio = boost::asio;
namespace net = server::net;

static std::atomic<int> broken_pipe_count = 0;
static void count_broken_pipe(int) { ++broken_pipe_count; }
int Client::broken_pipes() { return broken_pipe_count; }

Server::Server(Serve serve) : serve_(std::move(serve)) {
    TemporaryFiles files;
    const auto ca = make_ca("grid CA");
    const auto own = make_server(ca, "grid.example");
    client = make_client(ca, "ann@grid.example");
    server::Config::Tls settings;
    settings.certificate = files.write("s.crt", to_pem(own.certificate.get()));
    settings.key = files.write("s.key", to_pem(own.key.get()));
    settings.client_ca = files.write("ca.crt", to_pem(ca.certificate.get()));
    context = *server::tls::make_context(settings, server::tls::Use::Xmpp);
    listener_ = *net::Listener::open(io_, "127.0.0.1:0");
    const auto address = listener_->address();
    port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    listener_->start([this](net::Socket socket, const std::string&) {
        listener_->close();   // one is enough; then `run` ends with it
        const auto strand = socket.get_executor();
        asio::co_spawn(strand, run(*this, std::move(socket)), asio::detached);
    });
    thread_ = std::thread([this] { io_.run(); });
}

Server::~Server() {
    io_.stop();
    wait();
}

void Server::wait() {
    if (thread_.joinable()) thread_.join();
}

asio::awaitable<void> Server::run(Server& self, net::Socket socket) {
    net::TlsStream stream(std::move(socket));
    co_await self.serve_(self, stream);
    self.failure = stream.failure();
    co_await stream.close(std::chrono::milliseconds(100));
}

Client::Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    std::signal(
        SIGPIPE, count_broken_pipe
    );   // OpenSSL's socket BIO, which the client uses, raises it
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        throw std::runtime_error("connect");
}

Client::~Client() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    if (socket_ >= 0) close(socket_);
}

bool Client::start_tls(int version, const Certificate* certificate) {
    context_ = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context_, version);
    SSL_CTX_set_max_proto_version(context_, version);
    ssl_ = SSL_new(context_);
    if (certificate) {
        SSL_use_certificate(ssl_, certificate->certificate.get());
        SSL_use_PrivateKey(ssl_, certificate->key.get());
    }
    SSL_set_fd(ssl_, socket_);
    ERR_clear_error();
    return SSL_connect(ssl_) == 1;
}

void Client::send(const std::string& bytes) {
    ERR_clear_error();
    if (ssl_)
        SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    else
        ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::string Client::receive_some(std::size_t bytes_max) {
    std::string chunk(std::min<std::size_t>(bytes_max, 65536), '\0');
    long size = 0;
    if (ssl_) {
        ERR_clear_error();
        const int result = SSL_read(ssl_, chunk.data(), static_cast<int>(chunk.size()));
        has_clean_end = SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN;
        size = result;
    } else {
        size = ::recv(socket_, chunk.data(), chunk.size(), 0);
    }
    chunk.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return chunk;
}

std::string Client::receive(std::size_t bytes) {
    std::string got;
    while (got.size() < bytes) {
        const auto chunk = receive_some(bytes - got.size());
        if (chunk.empty()) break;
        got += chunk;
    }
    return got;
}

std::string Client::receive_all() {
    auto all = receive(static_cast<std::size_t>(-1));
    end_output();
    return all;
}

void Client::end_output() { shutdown(socket_, SHUT_WR); }

void Client::vanish() {
    close(socket_);
    socket_ = -1;
}

void Client::hold(bool is_held) {
    const int value = is_held ? 1 : 0;
    setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

bool Client::update_key() {
    ERR_clear_error();
    return SSL_key_update(ssl_, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(ssl_) == 1;
}

bool Client::renegotiate() {
    ERR_clear_error();
    return SSL_renegotiate(ssl_) == 1 && SSL_do_handshake(ssl_) == 1;
}

}   // namespace grid::test
