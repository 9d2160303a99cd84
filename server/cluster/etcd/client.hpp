// server/cluster/etcd/client.hpp: calls of etcd's JSON gateway over HTTP/1.1, with mutual TLS.
#pragma once

#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/cluster/etcd/endpoint.hpp"

namespace grid::server::cluster {

class EtcdConnection;
class EtcdPool;
struct EtcdExchange;

/// A watch: an answer that goes on. Lives on its client's executor.
class EtcdStream {
public:
    explicit EtcdStream(std::unique_ptr<EtcdConnection> connection);
    ~EtcdStream();
    /// The `result` objects of the messages that came, one at least. Waits without end: close()
    /// ends it.
    boost::asio::awaitable<EtcdResult<std::vector<boost::json::object>>> next();
    void close();

private:
    std::unique_ptr<EtcdConnection> connection_;
    std::size_t searched_ = 0;   // of the body: no end of a line up to there
};

/// Calls go to the endpoint that answered last, over connections that are kept (EtcdPool). One that
/// is late is asked on while the next one is asked, too, until the time is over: a slow etcd is not
/// a dead one. Several calls at once. Lives on one thread at a time.
class EtcdClient {
public:
    /// Endpoints that cannot be parsed make every call fail with the reason.
    EtcdClient(boost::asio::any_io_executor executor, const EtcdSettings& settings, Log& log);
    ~EtcdClient();

    /// POSTs `request` to `path` ("/v3/kv/range"). A call may reach etcd more than once: callers
    /// ask for nothing that must not be done twice.
    boost::asio::awaitable<EtcdResult<boost::json::object>> call(
        std::string path, boost::json::object request, EtcdClock::time_point until
    );
    /// One try at the present endpoint; after a failure the next one is the present one. `body`
    /// may hold several requests.
    boost::asio::awaitable<EtcdResult<std::unique_ptr<EtcdStream>>> open_stream(
        std::string path, std::string body, EtcdClock::time_point until
    );
    /// The present endpoint does not do: the next call goes to another one.
    void skip_endpoint();

private:
    using Exchanges = std::vector<std::shared_ptr<EtcdExchange>>;

    /// The answer of the first of them that has one; null: the time is over, or the last one
    /// failed.
    boost::asio::awaitable<std::shared_ptr<EtcdExchange>> first_answer(
        Exchanges& asked, boost::asio::steady_timer& wake, EtcdClock::time_point until
    );
    EtcdResult<boost::json::object> answer_in(const EtcdExchange& exchange, std::string_view path);
    EtcdClock::time_point end_of_attempt(EtcdClock::time_point until) const;
    void note_failure(std::size_t endpoint, const EtcdError& error);
    void note_cluster(std::size_t endpoint, const boost::json::object& answer);

    boost::asio::any_io_executor executor_;
    Log& log_;
    std::vector<EtcdEndpoint> endpoints_;
    std::string fault_;               // of the configured endpoints
    std::vector<bool> is_hopeless_;   // by endpoint: its last failure is a lasting one
    /// By endpoint: the id of its cluster of etcds in its last answer.
    struct Seen {
        std::uint64_t cluster = 0;
        EtcdClock::time_point at;
    };
    std::vector<Seen> seen_;
    std::size_t present_ = 0;
    std::shared_ptr<EtcdPool> pool_;
};

/// A client for calls that block. Any thread; one call at a time, the others wait.
class EtcdCaller {
public:
    EtcdCaller(const EtcdSettings& settings, Log& log);
    /// At most `timeout` of the settings.
    EtcdResult<boost::json::object> call(const std::string& path, boost::json::object request);
    EtcdResult<boost::json::object> call(
        const std::string& path, boost::json::object request, EtcdClock::time_point until
    );

private:
    std::timed_mutex one_at_a_time_;
    std::chrono::milliseconds timeout_;
    boost::asio::io_context context_;
    EtcdClient client_;
};

}   // namespace grid::server::cluster
