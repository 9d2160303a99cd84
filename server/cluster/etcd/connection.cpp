// server/cluster/etcd/connection.cpp: see connection.hpp.
#include "server/cluster/etcd/connection.hpp"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <utility>

#include "server/net/deadline.hpp"

namespace grid::server::cluster {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using net::no_throw;

/// A close by the other end arrives as a reset where bytes of ours were still unread there.
bool is_closed_by_etcd(const error_code& error) {
    return error == http::error::end_of_stream || error == asio::ssl::error::stream_truncated ||
           error == asio::error::eof || error == asio::error::connection_reset ||
           error == asio::error::broken_pipe;
}

constexpr const char* certificate_refused =
    "etcd does not take the certificate in cluster.etcd_certificate (see --trusted-ca-file of "
    "etcd)";

/// The remedy that an error asks of the operator; empty where that is not known. In TLS 1.3 the
/// first read brings etcd's verdict on the client's certificate.
std::string remedy_of(const error_code& error) {
    if (error == asio::error::connection_refused) return ": see whether etcd runs there";
    const std::string text = error.message();
    if (text.find("wrong version number") != text.npos) return ": that port does not speak TLS";
    if (text.find(" alert ") != text.npos) return std::string(": ") + certificate_refused;
    return {};
}

/// The remedy where etcd closed a connection that never brought an answer.
std::string remedy_of_close(bool is_tls) {
    if (is_tls) return std::string(": it closed the connection, as where ") + certificate_refused;
    return ": it closed the connection, as it does where http:// stands in place of https://";
}

/// Of a connection that was made: it will be the same the next time. A clock may be set yet.
bool is_lasting_tls(const error_code& error, const SSL* ssl) {
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) return verdict != X509_V_ERR_CERT_NOT_YET_VALID;
    const std::string text = error.message();
    return text.find("wrong version number") != text.npos || text.find(" alert ") != text.npos;
}

bool is_refusal_of_us(const error_code& error) {
    return error.message().find(" alert ") != std::string::npos;
}

std::string tls_fault(const error_code& error, const SSL* ssl) {
    if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK)
        return std::string(X509_verify_cert_error_string(verdict)) +
               ": etcd's certificate must be issued by the CA in cluster.etcd_ca, for the host of "
               "the endpoint";
    if (is_closed_by_etcd(error))
        return "it closed the connection: is that a port of https, and does etcd take the "
               "certificate in cluster.etcd_certificate?";
    return error.message() + remedy_of(error);
}

class PendingResolution {
public:
    explicit PendingResolution(const asio::any_io_executor& executor)
        : timer(executor), resolver(executor) {}
    asio::steady_timer timer;
    asio::ip::tcp::resolver resolver;
    std::vector<asio::ip::tcp::endpoint> found;
};

}   // namespace

EtcdConnection::EtcdConnection(
    asio::any_io_executor executor, EtcdEndpoint endpoint, std::shared_ptr<EtcdTls> tls
)
    : executor_(std::move(executor)), endpoint_(std::move(endpoint)), tls_(std::move(tls)) {}

bool EtcdConnection::is_outdated() const {
    return endpoint_.is_tls && tls_version_ != tls_->version();
}

bool EtcdConnection::has_surplus() {
    error_code error;
    return buffer_.size() != 0 || tcp().socket().available(error) != 0;
}

EtcdError EtcdConnection::late() const {
    return {
        EtcdError::Kind::Unreachable, 0,
        endpoint_.url + " does not answer in time: " + std::string(doing_)
    };
}

EtcdConnection::Tcp& EtcdConnection::tcp() {
    return secure_ ? beast::get_lowest_layer(*secure_) : *plain_;
}

void EtcdConnection::close() {
    if (plain_ || secure_) tcp().close();
}

EtcdError EtcdConnection::failed(const error_code& error, const std::string& doing) const {
    const bool is_unheard = !has_answered_ && is_closed_by_etcd(error);
    return {
        EtcdError::Kind::Unreachable, 0,
        endpoint_.url + " " + doing + " (" + error.message() + ")" +
            (is_unheard ? remedy_of_close(endpoint_.is_tls) : remedy_of(error)),
        false, is_refusal_of_us(error) || (is_unheard && endpoint_.is_tls)
    };
}

/// A name is looked up on a thread of Asio's, which cannot be interrupted: the wait is for a timer.
asio::awaitable<EtcdConnection::Found> EtcdConnection::resolve(EtcdClock::time_point until) {
    error_code error;
    const auto address = asio::ip::make_address(endpoint_.host, error);
    const auto port = static_cast<std::uint16_t>(std::stoul(endpoint_.port));
    if (!error) co_return Found{asio::ip::tcp::endpoint(address, port)};
    const auto pending = std::make_shared<PendingResolution>(executor_);
    pending->timer.expires_at(until);
    pending->resolver.async_resolve(
        endpoint_.host, endpoint_.port,
        [pending](const error_code& unresolved, const auto& results) {
            if (!unresolved)
                for (const auto& result : results) pending->found.push_back(result.endpoint());
            pending->timer.cancel();
        }
    );
    co_await pending->timer.async_wait(no_throw);
    co_return pending->found;
}

asio::awaitable<EtcdConnection::Failure> EtcdConnection::shake_hands() {
    doing_ = "TLS is not finished";
    error_code error;
    tls_->offer_session(endpoint_.url, tls_version_, secure_->native_handle());
    if (asio::ip::make_address(endpoint_.host, error); error)
        SSL_set_tlsext_host_name(secure_->native_handle(), endpoint_.host.c_str());
    secure_->set_verify_callback(asio::ssl::host_name_verification(endpoint_.host), error);
    auto [refused] = co_await secure_->async_handshake(asio::ssl::stream_base::client, no_throw);
    if (!refused) co_return std::nullopt;
    const SSL* ssl = secure_->native_handle();
    co_return EtcdError{
        EtcdError::Kind::Unreachable, 0,
        endpoint_.url + " and gridd do not agree on TLS: " + tls_fault(refused, ssl), false,
        is_lasting_tls(refused, ssl)
    };
}

asio::awaitable<EtcdConnection::Failure> EtcdConnection::open(EtcdClock::time_point until) {
    if (endpoint_.is_tls) {
        auto current = tls_->current();
        files_fault_ = std::move(current.fault);
        if (!current.context)
            co_return EtcdError{EtcdError::Kind::Unreachable, 0, files_fault_, false, true};
        context_ = std::move(current.context);
        tls_version_ = current.version;
        secure_ = std::make_unique<Tls>(Tcp(executor_), *context_);
    } else {
        plain_ = std::make_unique<Tcp>(executor_);
    }
    const Found found = co_await resolve(until);
    if (found.empty())
        co_return EtcdError{
            EtcdError::Kind::Unreachable, 0,
            endpoint_.url + " has a name that is not resolved in time"
        };
    doing_ = "no connection is made";
    tcp().expires_at(until);
    auto [refused, _] = co_await tcp().async_connect(found, no_throw);
    if (refused) co_return failed(refused, "cannot be connected to");
    error_code ignored;
    tcp().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    if (endpoint_.is_tls) co_return co_await shake_hands();
    co_return std::nullopt;
}

asio::awaitable<error_code> EtcdConnection::write(std::string_view path, std::string_view body) {
    http::request<http::span_body<const char>> request(http::verb::post, path, 11);
    const bool is_ipv6 = endpoint_.host.find(':') != std::string::npos;
    request.set(
        http::field::host,
        (is_ipv6 ? "[" + endpoint_.host + "]" : endpoint_.host) + ":" + endpoint_.port
    );
    request.set(http::field::content_type, "application/json");
    request.body() = beast::span<const char>(body.data(), body.size());
    request.prepare_payload();
    if (secure_) {
        auto [error, _] = co_await http::async_write(*secure_, request, no_throw);
        co_return error;
    }
    auto [error, _] = co_await http::async_write(*plain_, request, no_throw);
    co_return error;
}

asio::awaitable<error_code> EtcdConnection::read_head() {
    if (secure_) {
        auto [error, _] = co_await http::async_read_header(*secure_, buffer_, *parser_, no_throw);
        co_return error;
    }
    auto [error, _] = co_await http::async_read_header(*plain_, buffer_, *parser_, no_throw);
    co_return error;
}

asio::awaitable<error_code> EtcdConnection::read_some() {
    if (secure_) {
        auto [error, _] = co_await http::async_read_some(*secure_, buffer_, *parser_, no_throw);
        co_return error;
    }
    auto [error, _] = co_await http::async_read_some(*plain_, buffer_, *parser_, no_throw);
    co_return error;
}

asio::awaitable<error_code> EtcdConnection::read_all() {
    if (secure_) {
        auto [error, _] = co_await http::async_read(*secure_, buffer_, *parser_, no_throw);
        co_return error;
    }
    auto [error, _] = co_await http::async_read(*plain_, buffer_, *parser_, no_throw);
    co_return error;
}

asio::awaitable<EtcdConnection::Failure> EtcdConnection::exchange(
    std::string_view path, std::string_view body, EtcdClock::time_point until
) {
    doing_ = "the request is not answered";
    parser_.emplace();
    parser_->body_limit(etcd_answer_bytes_max);
    tcp().expires_at(until);
    if (const auto error = co_await write(path, body))
        co_return failed(error, "does not take the request");
    if (const auto error = co_await read_all()) co_return failed(error, "does not answer");
    note_answer();
    co_return std::nullopt;
}

/// In TLS 1.3 a session comes behind the handshake, before the first answer.
void EtcdConnection::note_answer() {
    if (std::exchange(has_answered_, true) || !secure_) return;
    tls_->keep_session(endpoint_.url, tls_version_, secure_->native_handle());
}

asio::awaitable<EtcdConnection::Failure> EtcdConnection::begin_stream(
    std::string_view path, std::string_view body, EtcdClock::time_point until
) {
    doing_ = "the request is not answered";
    parser_.emplace();
    parser_->body_limit(boost::none);
    tcp().expires_at(until);
    if (const auto error = co_await write(path, body))
        co_return failed(error, "does not take the request");
    if (const auto error = co_await read_head()) co_return failed(error, "does not answer");
    note_answer();
    tcp().expires_never();
    co_return std::nullopt;
}

asio::awaitable<EtcdConnection::Failure> EtcdConnection::read_more() {
    if (parser_->is_done())
        co_return EtcdError{EtcdError::Kind::Unreachable, 0, endpoint_.url + " ended a watch"};
    if (const auto error = co_await read_some()) co_return failed(error, "ended a watch");
    if (body().size() > etcd_message_bytes_max)
        co_return EtcdError{
            EtcdError::Kind::Unreachable, 0,
            endpoint_.url + " sent a message of more than " +
                std::to_string(etcd_message_bytes_max) + " bytes"
        };
    co_return std::nullopt;
}

}   // namespace grid::server::cluster
