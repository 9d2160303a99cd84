// server/gridctl/light/link.hpp: one TCP connection, later within TLS. Never blocks but where it
// says so.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "server/gridctl/target.hpp"

namespace grid::gridctl::light {

using Clock = std::chrono::steady_clock;

/// A connection that could not be made, or has ended.
struct Broken : std::runtime_error {
    Broken(const std::string& text, bool is_for_good = false, bool refuses_us = false)
        : std::runtime_error(text), is_final(is_for_good), is_refusal(refuses_us) {}
    bool is_final;   // trying again would end the same way
    /// The server does not take what we show, and its operator may change that: final for a client
    /// that it has never let in.
    bool is_refusal;
    long after_seconds = 0;   // not before that, says the server
};
/// A signal came while it waited.
struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("interrupted") {}
};

/// Certificate and key may be empty: then the client shows none. With an empty CA file the system's
/// CAs are trusted.
class Link {
public:
    /// Reads the files; Failed (Usage) says which is no good.
    explicit Link(Target target);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// Waits until `by`. Throws Broken, Interrupted.
    void connect(Clock::time_point by);
    /// Makes TLS, and checks the server's certificate and name. Likewise.
    void secure(Clock::time_point by);
    void close();

    /// Bytes that are there, empty: none. Broken: no more will come.
    std::string read();
    /// Writes what can be written, and takes it out of `bytes`.
    void write(std::string& bytes);
    int fd() const { return fd_; }
    /// For those events of poll(2). Throws Broken, Interrupted.
    void wait(short events, Clock::time_point by);
    /// Events of poll(2) to wait for, with or without bytes that wait to be written.
    short wanted(bool has_output) const;
    /// The channel binding `tls-exporter` (RFC 9266).
    std::string exporter() const;

private:
    struct FreeContext {
        void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    };
    struct FreeSsl {
        void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    void load_files();
    void check_name(SSL* ssl) const;

    Target target_;
    std::unique_ptr<SSL_CTX, FreeContext> context_;
    std::unique_ptr<SSL, FreeSsl> ssl_;
    int fd_ = -1;
    bool is_reading_on_write_ = false;   // TLS needs to write before it can read
};

}   // namespace grid::gridctl::light
