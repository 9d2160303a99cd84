// server/gridctl/light/link.cpp: see server/gridctl/light/link.hpp.
#include "server/gridctl/light/link.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/gridctl/light/signals.hpp"
#include "server/gridctl/tls_failure.hpp"
#include "server/net/channel_binding.hpp"
#include "server/tls/openssl_error.hpp"

namespace grid::gridctl::light {

namespace {

constexpr std::size_t bytes_per_read = 64UL * 1024;

std::string words_of(int error) { return std::strerror(error); }

bool is_numeric(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> room{};
    return ::inet_pton(AF_INET, host.c_str(), room.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), room.data()) == 1;
}

/// A password prompt would hang scripts.
int no_passphrase(char*, int, int, void*) { return 0; }

struct FreeAddresses {
    void operator()(addrinfo* addresses) const { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(const std::string& host, const std::string& port, std::string& why) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (error != 0) why = "cannot resolve " + host + ": " + ::gai_strerror(error);
    return Addresses(error == 0 ? found : nullptr);
}

}   // namespace

Link::Link(Target target) : target_(std::move(target)), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(
        context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    );
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_passwd_cb(context_.get(), no_passphrase);
    load_files();
}

Link::~Link() { close(); }

void Link::load_files() {
    ERR_clear_error();
    SSL_CTX* context = context_.get();
    const auto refuse = [](const std::string& text) {
        throw Failed(Exit::Usage, text + ": " + server::tls::take_openssl_failure());
    };
    if (target_.ca.empty())
        SSL_CTX_set_default_verify_paths(context);
    else if (SSL_CTX_load_verify_file(context, target_.ca.c_str()) != 1)
        refuse(target_.ca + " holds no readable CA certificate");
    if (target_.certificate.empty()) return;
    if (SSL_CTX_use_certificate_chain_file(context, target_.certificate.c_str()) != 1)
        refuse(target_.certificate + " holds no readable certificate");
    if (SSL_CTX_use_PrivateKey_file(context, target_.key.c_str(), SSL_FILETYPE_PEM) != 1)
        refuse(target_.key + " is no readable key for " + target_.certificate);
}

void Link::wait(short events, Clock::time_point by) {
    while (true) {
        if (is_interrupted()) throw Interrupted();
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(by - Clock::now()).count();
        if (left <= 0) throw Broken("no answer in time");
        pollfd one{fd_, events, 0};
        // Signals may come just before it waits.
        if (::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 500))) > 0) return;
    }
}

void Link::connect(Clock::time_point by) {
    close();
    std::string why = "no address";
    for (const std::string& host : target_.hosts) {
        const Addresses addresses = resolve(host, target_.port, why);
        for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
            fd_ = ::socket(
                one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, one->ai_protocol
            );
            if (fd_ < 0) continue;
            int error = ::connect(fd_, one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
            if (error == EINPROGRESS) {
                wait(POLLOUT, by);
                socklen_t size = sizeof error;
                ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
            }
            if (error == 0) {
                const int on = 1;
                ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                return;
            }
            why = words_of(error);
            close();
        }
    }
    throw Broken(
        "cannot connect to " + target_.host + ":" + target_.port + " (" + target_.found_by +
        "): " + why + ". Is gridd running?"
    );
}

void Link::check_name(SSL* ssl) const {
    X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
    if (is_numeric(target_.name)) {
        X509_VERIFY_PARAM_set1_ip_asc(param, target_.name.c_str());
    } else {
        X509_VERIFY_PARAM_set1_host(param, target_.name.c_str(), target_.name.size());
        SSL_set_tlsext_host_name(ssl, target_.name.c_str());
    }
}

void Link::secure(Clock::time_point by) {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    check_name(ssl_.get());
    while (true) {
        ERR_clear_error();
        const int done = SSL_connect(ssl_.get());
        if (done == 1) return;
        const int error = SSL_get_error(ssl_.get(), done);
        if (error == SSL_ERROR_WANT_READ) {
            wait(POLLIN, by);
        } else if (error == SSL_ERROR_WANT_WRITE) {
            wait(POLLOUT, by);
        } else {
            const bool is_verdict = SSL_get_verify_result(ssl_.get()) != X509_V_OK;
            std::string text = server::tls::take_openssl_failure();
            if (text.empty()) text = "the server closed the connection";
            throw Broken(
                "TLS with " + target_.host + ":" + target_.port + " (" + target_.found_by +
                    ") failed: " + tls_failure(ssl_.get(), text, target_),
                is_verdict, is_refusal(text)
            );
        }
    }
}

void Link::close() {
    if (ssl_ && fd_ >= 0 && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ssl_.reset();
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    is_reading_on_write_ = false;
}

std::string Link::read() {
    std::string bytes(bytes_per_read, '\0');
    if (!ssl_) {
        const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
        if (got < 0) throw Broken(words_of(errno));
        if (got == 0) throw Broken("the server closed the connection");
        bytes.resize(static_cast<std::size_t>(got));
        return bytes;
    }
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (got > 0) {
        bytes.resize(static_cast<std::size_t>(got));
        return bytes;
    }
    const int error = SSL_get_error(ssl_.get(), got);
    is_reading_on_write_ = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {};
    const std::string text = server::tls::take_openssl_failure();
    if (text.find("alert") != std::string::npos)
        throw Broken(tls_failure(ssl_.get(), text, target_), false, is_refusal(text));
    throw Broken(text.empty() ? "the server closed the connection" : text);
}

void Link::write(std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const char* from = bytes.data() + sent;
        const std::size_t left = bytes.size() - sent;
        if (!ssl_) {
            const ssize_t put = ::send(fd_, from, left, MSG_NOSIGNAL);
            if (put < 0 && (errno == EAGAIN || errno == EINTR)) break;
            if (put < 0) throw Broken(words_of(errno));
            sent += static_cast<std::size_t>(put);
            continue;
        }
        ERR_clear_error();
        const int put =
            SSL_write(ssl_.get(), from, static_cast<int>(std::min<std::size_t>(left, 1U << 20)));
        if (put > 0) {
            sent += static_cast<std::size_t>(put);
            continue;
        }
        const int error = SSL_get_error(ssl_.get(), put);
        if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) break;
        const std::string text = server::tls::take_openssl_failure();
        throw Broken(text.empty() ? "the server closed the connection" : text);
    }
    bytes.erase(0, sent);
}

short Link::wanted(bool has_output) const {
    short events = POLLIN;
    if (has_output || is_reading_on_write_) events |= POLLOUT;
    return events;
}

std::string Link::exporter() const {
    if (!ssl_) return {};
    auto bindings = server::net::channel_bindings(ssl_.get());
    return bindings["tls-exporter"];
}

}   // namespace grid::gridctl::light
