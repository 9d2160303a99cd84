// tests/etcd/etcd_server.hpp: real etcds on loopback, for the tests of what is in
// them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../unit/server/tls/make_certificate.hpp"
#include "server/cluster/etcd.hpp"

namespace grid::test {

/// Waits for a condition, at most half a minute; then whether it holds.
bool wait_until(const std::function<bool()>& condition);

/// Files of mutual TLS: etcd's own and a client's.
struct EtcdFiles {
    std::string ca, certificate, key;
};

/// etcds that make one cluster, in a folder that goes with them.
class EtcdServers {
public:
    explicit EtcdServers(
        int count = 1, const EtcdFiles* tls = nullptr, std::vector<std::string> options = {}
    );
    ~EtcdServers();
    EtcdServers(const EtcdServers&) = delete;
    EtcdServers& operator=(const EtcdServers&) = delete;

    void kill(std::size_t which);    // SIGKILL
    void pause(std::size_t which);   // SIGSTOP
    void resume(std::size_t which);
    /// Starts one that was killed. Its data are there.
    void start(std::size_t which);
    std::size_t count() const { return ports_.size(); }
    std::string url(std::size_t which) const;
    unsigned short port(std::size_t which) const { return ports_[which]; }
    /// A name of their own for each cluster of a test.
    server::cluster::EtcdSettings settings(const std::string& cluster) const;

private:
    std::string scheme() const { return tls_ == nullptr ? "http" : "https"; }

    const EtcdFiles* tls_;
    std::vector<std::string> options_;   // further ones of etcd
    std::string folder_;
    std::vector<unsigned short> ports_, peer_ports_;
    std::vector<pid_t> pids_;
};

/// Relays connections to a port of 127.0.0.1, and can lose what comes back.
class LossyRelay {
public:
    explicit LossyRelay(unsigned short to);
    ~LossyRelay();
    LossyRelay(const LossyRelay&) = delete;
    LossyRelay& operator=(const LossyRelay&) = delete;

    unsigned short port() const { return port_; }
    /// From now on requests arrive, and their connections end without an answer.
    void lose_answers(bool lose) { loses_ = lose; }
    /// While it is silent no byte passes in either direction; connections stay open.
    void be_silent(bool is_silent) { is_silent_ = is_silent; }
    int lost() const { return lost_; }

private:
    using Socket = boost::asio::ip::tcp::socket;
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> relay(
        std::shared_ptr<Socket> from, std::shared_ptr<Socket> to, bool are_answers
    );

    boost::asio::io_context context_;
    boost::asio::ip::tcp::acceptor acceptor_;
    unsigned short port_, to_;
    std::atomic<bool> loses_ = false, is_silent_ = false;
    std::atomic<int> lost_ = 0;
    std::thread thread_;
};

}   // namespace grid::test
