// server/audit/sink.cpp: see sink.hpp.
#include "server/audit/sink.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "server/audit/format.hpp"

namespace grid::server::audit {

namespace {

using controller::audit::Entry;

constexpr int send_seconds_max = 3;

std::string reason(const char* doing) { return std::string(doing) + ": " + std::strerror(errno); }

/// An open file or socket, closed with it.
class Handle {
public:
    Handle() = default;
    explicit Handle(int fd) : fd_(fd) {}
    ~Handle() { reset(); }
    Handle(const Handle&) = delete;
    Handle& operator=(Handle&& other) noexcept {
        reset();
        std::swap(fd_, other.fd_);
        return *this;
    }
    void reset() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

class FileSink final : public Sink {
public:
    explicit FileSink(std::string path) : path_(std::move(path)) {}

    Sent send(std::span<const Entry> entries) override {
        Sent sent;
        if (!open_current()) return sent.trouble = reason("cannot open"), sent;
        std::string lines;
        for (const Entry& entry : entries) lines += to_json_line(entry);
        const off_t end = ::lseek(file_.get(), 0, SEEK_END);
        for (std::size_t at = 0; at < lines.size();) {
            const ssize_t wrote = ::write(file_.get(), lines.data() + at, lines.size() - at);
            if (wrote > 0) {
                at += static_cast<std::size_t>(wrote);
            } else if (errno != EINTR) {
                sent.trouble = reason("cannot write");
                // No half line: all of them come again.
                if (::ftruncate(file_.get(), end) != 0) file_.reset();
                return sent;
            }
        }
        if (::fdatasync(file_.get()) != 0 && errno != EINVAL)
            return sent.trouble = reason("cannot sync"), sent;
        sent.count = entries.size();
        return sent;
    }

private:
    /// logrotate moves the file away: then a new one is begun.
    bool open_current() {
        struct stat there{}, ours{};
        const bool is_same = file_ && ::fstat(file_.get(), &ours) == 0 &&
                             ::stat(path_.c_str(), &there) == 0 && there.st_ino == ours.st_ino &&
                             there.st_dev == ours.st_dev;
        if (is_same) return true;
        // A pipe that has no reader would block the thread, and with it the end of the server.
        constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
        file_ = Handle(::open(path_.c_str(), flags, 0600));
        return file_ && end_half_line();
    }

    /// A crash may have cut a line short: the next record begins a line of its own.
    bool end_half_line() {
        struct stat ours{};
        if (::fstat(file_.get(), &ours) != 0 || !S_ISREG(ours.st_mode) || ours.st_size == 0)
            return true;
        const Handle written(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        char last = '\n';
        if (!written || ::pread(written.get(), &last, 1, ours.st_size - 1) != 1 || last == '\n')
            return true;
        if (::write(file_.get(), "\n", 1) == 1) return true;
        file_.reset();
        return false;
    }

    std::string path_;
    Handle file_;
};

void set_timeout(int fd) {
    const timeval timeout{send_seconds_max, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

class SyslogSink : public Sink {
public:
    SyslogSink(std::string host, bool is_stream) : host_(std::move(host)), is_stream_(is_stream) {}

    Sent send(std::span<const Entry> entries) override {
        Sent sent;
        for (const Entry& entry : entries) {
            if (socket_ && is_stream_ && is_closed_by_peer()) socket_.reset();
            if (!socket_ && !connect(sent.trouble)) return sent;
            std::string message = to_syslog(entry, host_);
            // RFC 6587 §3.4.1: octet counting, so that nothing in a message can end it.
            if (is_stream_) message.insert(0, std::to_string(message.size()) + " ");
            if (!send_all(message)) {
                if (errno == EMSGSIZE) {   // too large for a datagram, now and later
                    ++sent.count, ++sent.lost;
                    continue;
                }
                // A datagram's refusal is about the one before it.
                if (errno == ECONNREFUSED && !is_stream_) ++sent.lost;
                sent.trouble = reason("cannot send");
                socket_.reset();
                return sent;
            }
            ++sent.count;
        }
        return sent;
    }

protected:
    virtual bool connect(std::string& trouble) = 0;
    Handle socket_;

private:
    bool is_closed_by_peer() const {
        char byte = 0;
        const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
    }
    bool send_all(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    std::string host_;
    bool is_stream_;
};

class NetworkSink final : public SyslogSink {
public:
    NetworkSink(std::string name, std::string port, std::string host, bool is_stream)
        : SyslogSink(std::move(host), is_stream),
          name_(std::move(name)),
          port_(std::move(port)),
          type_(is_stream ? SOCK_STREAM : SOCK_DGRAM) {}

private:
    bool connect(std::string& trouble) override {
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = type_;
        if (const int error = ::getaddrinfo(name_.c_str(), port_.c_str(), &hints, &found)) {
            trouble = "cannot find " + name_ + ": " + ::gai_strerror(error);
            return false;
        }
        const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
        trouble = "no address";
        for (const addrinfo* at = found; at != nullptr && !socket_; at = at->ai_next) {
            Handle made(::socket(at->ai_family, type_ | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (made && reach(made.get(), *at, trouble)) socket_ = std::move(made);
        }
        if (!socket_) return false;
        trouble.clear();
        return true;
    }
    static bool reach(int fd, const addrinfo& to, std::string& trouble) {
        if (::connect(fd, to.ai_addr, to.ai_addrlen) != 0) {
            pollfd waiting{fd, POLLOUT, 0};
            int error = errno;
            socklen_t size = sizeof error;
            if (error == EINPROGRESS) {
                error = ETIMEDOUT;
                if (::poll(&waiting, 1, send_seconds_max * 1000) > 0)
                    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            }
            if (error != 0) {
                trouble = std::string("cannot connect: ") + std::strerror(error);
                return false;
            }
        }
        ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
        set_timeout(fd);
        return true;
    }

    std::string name_, port_;
    int type_;
};

class UnixSink final : public SyslogSink {
public:
    UnixSink(std::string path, std::string host)
        : SyslogSink(std::move(host), false), path_(std::move(path)) {}

private:
    bool connect(std::string& trouble) override {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        Handle made(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (!made ||
            ::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
                0) {
            trouble = reason("cannot connect");
            return false;
        }
        set_timeout(made.get());
        socket_ = std::move(made);
        return true;
    }

    std::string path_;
};

/// A number from 1 to 65535, or the name of a service.
bool is_port(std::string_view text) {
    if (text.find_first_not_of("0123456789") != std::string_view::npos)
        return text.find_first_of(" \t:/") == std::string_view::npos;
    unsigned number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);   // too large: stays 0
    return number > 0 && number <= 65535;
}

}   // namespace

Result<std::unique_ptr<Sink>, std::string> make_sink(std::string_view where, std::string host) {
    const std::string_view kind = where.substr(0, where.find(':'));
    const std::string_view rest =
        where.size() > kind.size() ? where.substr(kind.size() + 1) : std::string_view{};
    if (kind == "file" && rest.starts_with('/'))
        return std::unique_ptr<Sink>(std::make_unique<FileSink>(std::string(rest)));
    if (kind == "unix" && rest.starts_with('/') && rest.size() < sizeof(sockaddr_un::sun_path))
        return std::unique_ptr<Sink>(std::make_unique<UnixSink>(std::string(rest), std::move(host))
        );
    const std::size_t colon = rest.rfind(':');
    if ((kind == "udp" || kind == "tcp") && colon != std::string_view::npos && colon > 0 &&
        is_port(rest.substr(colon + 1))) {
        std::string_view name = rest.substr(0, colon);
        if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
        return std::unique_ptr<Sink>(std::make_unique<NetworkSink>(
            std::string(name), std::string(rest.substr(colon + 1)), std::move(host), kind == "tcp"
        ));
    }
    return std::string(
        "audit.export_to must be file:/PATH, unix:/PATH, udp:HOST:PORT or tcp:HOST:PORT, "
        "with a port from 1 to 65535"
    );
}

}   // namespace grid::server::audit
