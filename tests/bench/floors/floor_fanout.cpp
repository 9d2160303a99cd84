// tests/bench/floors/floor_fanout.cpp: the floor of all that goes over TLS: OpenSSL and the kernel,
// no XML, no store.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <netinet/tcp.h>

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "load/bench.hpp"
#include "load/tls_socket.hpp"

// No XML, no store, no addresses: a connection says "S" (subscriber), "P" (publisher), "E" (echo)
// or "D" (durable) on a line and gets "<ok/>"; every further line of a publisher goes to all
// subscribers, every line of an echo comes back, every line of a durable one is acknowledged when
// it is on the disk. Lines that one connection sends together leave together, as one SSL_write and
// one send per receiver.

namespace grid::bench {

namespace {

SslContext server_context(const std::string& certs) {
    SslContext context(SSL_CTX_new(TLS_server_method()));
    const std::string ca = certs + "/ca.pem";
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
        SSL_CTX_use_certificate_chain_file(context.get(), (certs + "/server.pem").c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(
            context.get(), (certs + "/server.key").c_str(), SSL_FILETYPE_PEM
        ) != 1 ||
        SSL_CTX_load_verify_locations(context.get(), ca.c_str(), nullptr) != 1)
        throw std::runtime_error("cannot use the certificates: " + ssl_reason());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(ca.c_str()));
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    return context;
}

// Breaks every 100th line on purpose, so that selfcheck can see gridload notice it.
class Fault {
public:
    explicit Fault(std::string kind) : kind_(std::move(kind)) {}
    bool is_set() const { return !kind_.empty(); }

    std::string apply(std::string_view lines) {
        std::string out;
        while (!lines.empty()) {
            std::string line(lines.substr(0, lines.find('\n') + 1));
            lines.remove_prefix(line.size());
            if (++count_ % 100 != 0) {
                out += line + std::exchange(held_, {});
            } else if (kind_ == "twice") {
                out += line + line;
            } else if (kind_ == "swap") {
                held_ = line;   // goes out behind its successor
            } else if (kind_ == "cut") {
                out += line.erase(line.find('~') + 100, 10);
            } else if (kind_ == "hangup") {
                throw std::runtime_error("ended on purpose");
            }   // drop: not at all
        }
        return out;
    }

private:
    std::string kind_;
    std::string held_;
    std::uint64_t count_ = 0;
};

class Server;
class Connection;

// Appends the lines that came in one turn of the loop with one write, calls fdatasync once, and
// acknowledges them. Lines that come meanwhile wait in the sockets: the next group.
class Journal : public Watcher {
public:
    Journal(Loop& loop, const std::string& path);
    ~Journal() override { ::close(fd_); }
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    void append(Connection& from, std::string_view lines);
    void forget(const Connection& gone) {
        std::erase_if(waiting_, [&](const auto& entry) { return entry.first == &gone; });
    }
    void on_event(std::uint32_t) override {}
    void on_flush() override;

private:
    Loop& loop_;
    int fd_;
    std::string group_;
    std::vector<std::pair<Connection*, std::ptrdiff_t>> waiting_;   // lines of each
};

class Connection : public Watcher {
public:
    Connection(Server& server, int fd);
    void on_event(std::uint32_t events) override;
    void on_flush() override;
    void queue(std::string_view lines);
    void acknowledge(std::ptrdiff_t lines);
    TlsSocket& socket() { return socket_; }

private:
    bool take_lines();
    bool take(std::string_view lines);

    Server& server_;
    TlsSocket socket_;
    enum class Role { Unknown, Publisher, Subscriber, Echo, Durable } role_ = Role::Unknown;
    std::string unread_;
    std::string outbox_;
    unsigned acknowledged_ = 0;
    bool watching_writes_ = false;
};

class Server : public Watcher {
public:
    Server(const sockaddr_in& address, SSL_CTX* context, Fault fault, const std::string& journal);
    void on_event(std::uint32_t) override;
    void run();
    void drop(Connection& connection);
    void add_subscriber(Connection& connection) { subscribers_.push_back(&connection); }
    void fan_out(std::string_view lines) {
        const std::string broken = fault_.is_set() ? fault_.apply(lines) : std::string();
        if (fault_.is_set()) lines = broken;
        for (Connection* subscriber : subscribers_) subscriber->queue(lines);
    }
    Loop& loop() { return loop_; }
    SSL_CTX* context() { return context_; }
    Journal* journal() { return journal_.get(); }

private:
    Loop loop_;
    SSL_CTX* context_;
    Fault fault_;
    std::unique_ptr<Journal> journal_;
    int fd_;
    std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
    std::vector<Connection*> subscribers_;
    std::vector<std::unique_ptr<Connection>> dropped_;   // until the turn is over
};

Journal::Journal(Loop& loop, const std::string& path)
    : loop_(loop),
      fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
}

void Journal::append(Connection& from, std::string_view lines) {
    if (waiting_.empty()) loop_.flush_later(*this);
    group_.append(lines);
    waiting_.emplace_back(&from, std::count(lines.begin(), lines.end(), '\n'));
}

void Journal::on_flush() {
    if (::write(fd_, group_.data(), group_.size()) != static_cast<ssize_t>(group_.size()) ||
        ::fdatasync(fd_) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot append");
    group_.clear();
    for (const auto& [connection, lines] : waiting_) connection->acknowledge(lines);
    waiting_.clear();
}

Connection::Connection(Server& server, int fd) : server_(server), socket_(fd) {
    socket_.start_server(SSL_new(server.context()));
    server.loop().add(fd, *this, EPOLLIN);
}

void Connection::queue(std::string_view lines) {
    if (outbox_.empty()) server_.loop().flush_later(*this);
    outbox_.append(lines);
}

void Connection::acknowledge(std::ptrdiff_t lines) {
    char text[64];
    for (; lines > 0; --lines) {
        std::snprintf(text, sizeof text, "<iq type='result' id='p%08x'/>\n", acknowledged_++);
        queue(text);
    }
}

void Connection::on_flush() {
    // A full socket gathers until it is writable again.
    if (!outbox_.empty() && !socket_.is_blocked()) {
        socket_.write(outbox_);
        outbox_.clear();
    }
    const bool wanted = socket_.is_blocked();
    if (wanted == watching_writes_) return;
    watching_writes_ = wanted;
    server_.loop().change(socket_.fd(), *this, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Connection::on_event(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) {
        socket_.on_writable();
        server_.loop().flush_later(*this);
    }
    if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
    const auto state = socket_.receive(unread_);
    if (!take_lines() || state != TlsSocket::State::Open) server_.drop(*this);
}

bool Connection::take_lines() {
    if (role_ == Role::Unknown && unread_.size() >= 2) {
        role_ = unread_[0] == 'S'   ? Role::Subscriber
                : unread_[0] == 'E' ? Role::Echo
                : unread_[0] == 'D' ? Role::Durable
                                    : Role::Publisher;
        unread_.erase(0, 2);
        if (role_ == Role::Subscriber) server_.add_subscriber(*this);
        queue("<ok/>\n");
    }
    const auto last = unread_.rfind('\n');
    if (last == std::string::npos) return unread_.size() < 1 << 20;
    if (!take(std::string_view(unread_).substr(0, last + 1))) return false;
    unread_.erase(0, last + 1);
    return true;
}

bool Connection::take(std::string_view lines) {
    if (role_ == Role::Subscriber || (role_ == Role::Durable && !server_.journal())) return false;
    if (role_ == Role::Echo)
        queue(lines);
    else if (role_ == Role::Durable)
        server_.journal()->append(*this, lines);
    else
        server_.fan_out(lines);
    return true;
}

Server::Server(
    const sockaddr_in& address, SSL_CTX* context, Fault fault, const std::string& journal
)
    : context_(context),
      fault_(std::move(fault)),
      journal_(journal.empty() ? nullptr : std::make_unique<Journal>(loop_, journal)),
      fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd_, 1024) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot listen");
    sockaddr_in bound{};
    socklen_t bytes = sizeof bound;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &bytes);
    std::printf("listening on port %d\n", ntohs(bound.sin_port));
    std::fflush(stdout);
    loop_.add(fd_, *this, EPOLLIN);
}

void Server::on_event(std::uint32_t) {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>(*this, fd);
    connections_.emplace(connection.get(), std::move(connection));
}

void Server::drop(Connection& connection) {
    std::erase(subscribers_, &connection);
    if (journal_) journal_->forget(connection);
    loop_.remove(connection.socket().fd());
    dropped_.push_back(std::move(connections_.extract(&connection).mapped()));
}

void Server::run() {
    while (true) {
        loop_.turn(std::chrono::seconds(1));
        dropped_.clear();
    }
}

}   // namespace

}   // namespace grid::bench

int main(int argc, char** argv) {
    using namespace grid::bench;
    const std::string option = argc > 3 ? argv[3] : "";
    const bool has_journal = option == "--journal";
    if (argc < 3 || argc != 3 + (option.empty() ? 0 : 1) + (has_journal ? 1 : 0)) {
        std::fprintf(
            stderr,
            "floor_fanout ADDRESS:PORT CERTS_DIRECTORY "
            "[--journal FILE | drop|twice|swap|cut|hangup]\n"
        );
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    try {
        raise_file_limit();
        const SslContext context = server_context(argv[2]);
        Fault fault(has_journal ? "" : option);
        Server(parse_address(argv[1]), context.get(), std::move(fault), has_journal ? argv[4] : "")
            .run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "floor_fanout: %s\n", error.what());
        return 1;
    }
}
