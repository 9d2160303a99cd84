// server/bulk/relay.hpp: the bytes of an active byte stream, from one connection to the other and
// back.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <memory>
#include <string>

#include "server/bulk/transfers.hpp"
#include "server/net/tls_stream.hpp"

namespace grid::server::bulk {

/// Both connections on one strand. Without TLS at either end bytes stay in the kernel (splice(2)
/// through a pipe for each direction); else they go through a buffer. A side is read only when the
/// other one takes more, so nothing is held beyond that. An end of output is passed on, and the
/// other direction goes on. A stream that is cut short is reset, so that neither peer takes it for
/// a whole one.
class Relay : public std::enable_shared_from_this<Relay> {
public:
    using Done = std::function<void(State why, std::string detail)>;

    /// `done` once, on the strand, unless `cut` was first.
    Relay(
        net::Strand strand,
        std::unique_ptr<net::TlsStream> one,
        std::unique_ptr<net::TlsStream> other,
        RunningPtr running,
        Done done
    );
    ~Relay();
    void start();
    /// Any thread.
    void cut(State why);

private:
    class Way;   // one direction
    boost::asio::awaitable<void> pump(Way& way);
    boost::asio::awaitable<bool> wait(Way& way, int step);
    void ended(Way& way);
    void stop(State why, std::string detail);
    void close_all(bool is_whole);

    net::Strand strand_;
    std::unique_ptr<net::TlsStream> one_, other_;
    RunningPtr running_;
    Done done_;
    std::unique_ptr<Way> there_, back_;
    bool is_over_ = false;
};

}   // namespace grid::server::bulk
