// server/cluster/etcd/connection.hpp: one HTTP connection to an endpoint of etcd.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cluster/etcd/endpoint.hpp"
#include "server/cluster/etcd/tls.hpp"

namespace grid::server::cluster {

/// Bounds of what etcd may send: an answer, and a message of a stream.
inline constexpr std::size_t etcd_answer_bytes_max = 64UL * 1024 * 1024;
inline constexpr std::size_t etcd_message_bytes_max = 32UL * 1024 * 1024;

/// Plain TCP or TLS. Errors are texts for the operator; after one the connection is of no use. One
/// operation at a time, on the executor.
class EtcdConnection {
public:
    using Failure = std::optional<EtcdError>;
    template <class T>
    using Awaitable = boost::asio::awaitable<T>;

    EtcdConnection(
        boost::asio::any_io_executor executor, EtcdEndpoint endpoint, std::shared_ptr<EtcdTls> tls
    );

    /// Connects and shakes hands, with the files as they are now: a renewed certificate needs no
    /// restart.
    Awaitable<Failure> open(EtcdClock::time_point until);
    /// A POST and its whole answer, in status() and body().
    Awaitable<Failure> exchange(
        std::string_view path, std::string_view body, EtcdClock::time_point until
    );
    /// A POST and the head of its answer, without a deadline from then on.
    Awaitable<Failure> begin_stream(
        std::string_view path, std::string_view body, EtcdClock::time_point until
    );
    /// Adds to body() what comes.
    Awaitable<Failure> read_more();
    /// Ends what runs.
    void close();

    const std::string& url() const { return endpoint_.url; }
    unsigned status() const { return parser_->get().result_int(); }
    std::string& body() { return parser_->get().body(); }
    bool may_be_used_again() const { return parser_->get().keep_alive() && !is_outdated(); }
    /// The files with which it was made are not those in force.
    bool is_outdated() const;
    /// Bytes have come behind the last answer: the next request would take them for its own.
    bool has_surplus();
    /// Of the files, where those before them are still in force; empty: none.
    const std::string& files_fault() const { return files_fault_; }
    /// The error of a call that waits no longer, while this goes on.
    EtcdError late() const;

private:
    using Tcp = boost::beast::tcp_stream;
    using Tls = boost::beast::ssl_stream<Tcp>;
    using Found = std::vector<boost::asio::ip::tcp::endpoint>;
    using Code = boost::system::error_code;

    Awaitable<Found> resolve(EtcdClock::time_point until);
    Awaitable<Failure> shake_hands();
    Awaitable<Code> write(std::string_view path, std::string_view body);
    Awaitable<Code> read_head();
    Awaitable<Code> read_some();
    Awaitable<Code> read_all();
    Tcp& tcp();
    void note_answer();
    EtcdError failed(const Code& error, const std::string& doing) const;

    boost::asio::any_io_executor executor_;
    EtcdEndpoint endpoint_;
    std::shared_ptr<EtcdTls> tls_;
    EtcdTls::Context context_;   // that `secure_` refers to
    std::uint64_t tls_version_ = 0;
    std::string files_fault_;
    std::string_view doing_ = "its name is not resolved";
    std::unique_ptr<Tcp> plain_;
    std::unique_ptr<Tls> secure_;
    bool has_answered_ = false;
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser_;
};

}   // namespace grid::server::cluster
