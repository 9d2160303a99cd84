// server/cluster/etcd/tls.hpp: the TLS context of connections to etcd, and the sessions that they
// resume.
#pragma once

#include <boost/asio/ssl.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/cluster/etcd.hpp"

namespace grid::server::cluster {

/// Empty: they are loaded.
std::string load_etcd_files(boost::asio::ssl::context& tls, const EtcdSettings& from);

/// One context for all connections of a member, made anew when a file has changed or when `renew`
/// was called. With it go the sessions of the one before: a resumed one asks no certificate anew.
/// Any thread.
class EtcdTls {
public:
    using Context = std::shared_ptr<boost::asio::ssl::context>;
    struct Current {
        Context context;             // null: the files do not serve, and never did
        std::uint64_t version = 0;   // another one for each context
        std::string fault;           // of the newest files; the context before them goes on
    };

    explicit EtcdTls(const EtcdSettings& files);

    /// Looks at the files.
    Current current();
    /// That of the newest context. Does not look at the files.
    std::uint64_t version() const;
    /// The files are read anew, even where they look the same.
    void renew();

    /// Of the last connection to that endpoint, for the next one.
    void keep_session(const std::string& url, std::uint64_t version, SSL* of);
    /// True: the handshake will try to resume one.
    bool offer_session(const std::string& url, std::uint64_t version, SSL* to);

private:
    using Clock = std::chrono::steady_clock;
    struct SessionDeleter {
        void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
    };
    struct Kept {
        std::unique_ptr<SSL_SESSION, SessionDeleter> session;
        Clock::time_point since;
    };

    std::vector<std::string> marks() const;

    const EtcdSettings files_;
    mutable std::mutex mutex_;   // guards what follows
    Current current_;
    std::vector<std::string> marks_;   // of the files as they were read last
    std::map<std::string, Kept> sessions_;
};

}   // namespace grid::server::cluster
