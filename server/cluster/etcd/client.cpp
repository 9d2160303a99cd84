// server/cluster/etcd/client.cpp: see client.hpp.
#include "server/cluster/etcd/client.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "server/cluster/etcd/connection.hpp"
#include "server/cluster/etcd/values.hpp"
#include "server/net/deadline.hpp"

namespace grid::server::cluster {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using net::no_throw;

/// Between two rounds through all endpoints.
constexpr auto pause_least = 50ms, pause_most = 400ms;
/// A try at an endpoint gets that much at least, or what is left.
constexpr auto attempt_least = 300ms;

/// Codes of gRPC by which etcd says that it cannot at the moment, as while it elects a leader:
/// CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE.
bool is_passing(int code, std::string_view text) {
    if (code == grpc::resource_exhausted) return text.find("too many requests") != text.npos;
    return code == 1 || code == 2 || code == 4 || code == 13 || code == grpc::unavailable;
}

std::string word_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

/// etcd 3.4 says `error`, `message` and `code`; 3.6 leaves out `error`; in a stream they stand in
/// an object `error`, with `grpc_code` in 3.4.
EtcdError refusal(const std::string& url, const json::object& body) {
    std::string text = word_in(body, "message");
    if (text.empty()) text = word_in(body, "error");
    const bool is_full = text.find("space exceeded") != text.npos;
    const bool is_handshake = text.find("authentication handshake failed") != text.npos;
    if (is_full) text += std::string(": ") + etcd_full_remedy;
    int code = 2;
    for (const char* name : {"code", "grpc_code"})
        if (const json::value* value = body.if_contains(name);
            value != nullptr && value->is_int64())
            code = static_cast<int>(value->get_int64());
    const auto kind =
        is_passing(code, text) ? EtcdError::Kind::Unreachable : EtcdError::Kind::Refused;
    // The gateway calls etcd over TLS itself, and shows etcd's own certificate.
    if (code == grpc::unavailable && url.starts_with("https") && !text.starts_with("etcdserver:"))
        text += ": does etcd's certificate allow the use clientAuth, beside serverAuth?";
    const bool is_lasting = kind == EtcdError::Kind::Refused ? !is_full : is_handshake;
    return {kind, code, url + " says: " + text, false, is_lasting};
}

/// As a proxy answers in front of an etcd that has not started yet.
bool is_of_a_proxy(unsigned status) { return status >= 502 && status <= 504; }

EtcdError no_gateway(const std::string& url, unsigned status) {
    return {
        EtcdError::Kind::Unreachable, 0,
        url + " answers with HTTP " + std::to_string(status) +
            ", not as etcd does: is it a client URL of etcd 3.4 or later, with its JSON gateway "
            "(--enable-grpc-gateway)?",
        false, !is_of_a_proxy(status)
    };
}

/// Some of etcd's answers about its maintenance have none.
bool has_header(std::string_view path) { return !path.starts_with("/v3/maintenance/"); }

EtcdResult<json::object> parsed_answer(
    const std::string& url, unsigned status, std::string_view body, bool is_headed = true
) {
    boost::system::error_code error;
    json::value value = json::parse(body, error);
    if (error || !value.is_object()) return no_gateway(url, status);
    json::object& object = value.as_object();
    if (status != 200) return refusal(url, object);
    // The answer to lease/keepalive is a stream of one message.
    if (json::value* failure = object.if_contains("error"); failure && failure->is_object())
        return refusal(url, failure->as_object());
    if (json::value* result = object.if_contains("result"); result && result->is_object())
        object = json::object(std::move(result->as_object()));
    // Fields that etcd leaves out are 0 or empty: any object would be an answer, of an empty log.
    if (is_headed && object_in(object, "header") == nullptr) return no_gateway(url, status);
    return std::move(object);
}

}   // namespace

EtcdStream::EtcdStream(std::unique_ptr<EtcdConnection> connection)
    : connection_(std::move(connection)) {}
EtcdStream::~EtcdStream() = default;

void EtcdStream::close() { connection_->close(); }

asio::awaitable<EtcdResult<std::vector<json::object>>> EtcdStream::next() {
    std::vector<json::object> messages;
    for (;;) {
        std::string& body = connection_->body();
        std::size_t begin = 0;
        for (;;) {
            const std::size_t end = body.find('\n', std::max(begin, searched_));
            if (end == body.npos) break;
            const std::string_view line = std::string_view(body).substr(begin, end - begin);
            begin = end + 1;
            if (line.empty()) continue;
            auto message = parsed_answer(connection_->url(), connection_->status(), line);
            if (!message) co_return message.error();
            messages.push_back(std::move(*message));
        }
        body.erase(0, begin);
        searched_ = body.size();
        if (!messages.empty()) co_return messages;
        if (const auto failure = co_await connection_->read_more()) co_return *failure;
    }
}

EtcdClient::EtcdClient(asio::any_io_executor executor, const EtcdSettings& settings, Log& log)
    : executor_(std::move(executor)), settings_(settings), log_(log) {
    if (settings.endpoints.empty()) fault_ = "no endpoint of etcd is configured";
    for (const std::string& url : settings.endpoints) {
        auto endpoint = parse_etcd_endpoint(url);
        if (endpoint)
            endpoints_.push_back(std::move(*endpoint));
        else
            fault_ = endpoint.error();
    }
    is_hopeless_.resize(endpoints_.size());
    if (settings_.renewals) renewals_ = *settings_.renewals;
}

EtcdClient::~EtcdClient() = default;

void EtcdClient::skip_endpoint() {
    connection_.reset();
    if (!endpoints_.empty()) present_ = (present_ + 1) % endpoints_.size();
}

void EtcdClient::drop_outdated() {
    if (settings_.renewals && std::exchange(renewals_, *settings_.renewals) != *settings_.renewals)
        connection_.reset();
}

void EtcdClient::note_failure(const EtcdError& error) {
    log_.fold(
        Level::Warn, "etcd_failed",
        {{"endpoint", endpoints_[present_].url}, {"reason", server::quoted(error.text)}}
    );
    skip_endpoint();
}

/// Half of what is left, so that an endpoint that is silent leaves time for another one.
EtcdClock::time_point EtcdClient::end_of_attempt(EtcdClock::time_point until) const {
    if (endpoints_.size() < 2) return until;
    const auto now = EtcdClock::now();
    const auto half = std::max<EtcdClock::duration>((until - now) / 2, attempt_least);
    return std::min(until, now + half);
}

asio::awaitable<EtcdResult<std::unique_ptr<EtcdConnection>>> EtcdClient::open(
    EtcdClock::time_point until
) {
    auto connection = std::make_unique<EtcdConnection>(executor_, endpoints_[present_], settings_);
    if (const auto failure = co_await connection->open(until)) co_return *failure;
    co_return connection;
}

asio::awaitable<EtcdResult<json::object>> EtcdClient::attempt(
    std::string_view path, std::string_view body, EtcdClock::time_point until
) {
    for (;;) {
        const bool is_used = connection_ != nullptr;
        if (!is_used) {
            auto opened = co_await open(until);
            if (!opened) co_return opened.error();
            connection_ = std::move(*opened);
        }
        const auto failure = co_await connection_->exchange(path, body, until);
        if (!failure) {
            auto answer = parsed_answer(
                connection_->url(), connection_->status(), connection_->body(), has_header(path)
            );
            if (!connection_->may_be_used_again()) connection_.reset();
            co_return answer;
        }
        connection_.reset();
        // An endpoint that was restarted since closed the connection that was kept.
        if (!is_used || EtcdClock::now() >= until) co_return *failure;
    }
}

asio::awaitable<EtcdResult<json::object>> EtcdClient::call(
    std::string path, json::object request, EtcdClock::time_point until
) {
    if (!fault_.empty()) co_return EtcdError{EtcdError::Kind::Refused, 0, fault_, false, true};
    drop_outdated();
    const std::string body = json::serialize(request);
    asio::steady_timer timer(executor_);
    EtcdClock::duration pause = pause_least;
    for (std::size_t tries = 1;; ++tries) {
        auto answer = co_await attempt(path, body, end_of_attempt(until));
        if (answer) {
            is_hopeless_[present_] = false;
            co_return answer;
        }
        EtcdError error = answer.error();
        error.follows_silence = tries > 1;
        if (error.kind == EtcdError::Kind::Refused) co_return error;
        is_hopeless_[present_] = error.is_lasting;
        error.is_lasting = std::ranges::all_of(is_hopeless_, std::identity());
        note_failure(error);
        if (EtcdClock::now() >= until) co_return error;
        if (tries % endpoints_.size() != 0) continue;
        if (EtcdClock::now() + pause >= until) co_return error;
        timer.expires_after(pause);
        co_await timer.async_wait(no_throw);
        pause = std::min<EtcdClock::duration>(pause * 2, pause_most);
    }
}

asio::awaitable<EtcdResult<std::unique_ptr<EtcdStream>>> EtcdClient::open_stream(
    std::string path, std::string body, EtcdClock::time_point until
) {
    if (!fault_.empty()) co_return EtcdError{EtcdError::Kind::Refused, 0, fault_, false, true};
    auto connection = co_await open(until);
    std::optional<EtcdError> failure;
    if (!connection)
        failure = connection.error();
    else
        failure = co_await (*connection)->begin_stream(path, body, until);
    if (!failure && (*connection)->status() != 200)
        failure = no_gateway((*connection)->url(), (*connection)->status());
    if (failure) {
        note_failure(*failure);
        co_return *failure;
    }
    co_return std::make_unique<EtcdStream>(std::move(*connection));
}

EtcdCaller::EtcdCaller(const EtcdSettings& settings, Log& log)
    : timeout_(settings.timeout), client_(context_.get_executor(), settings, log) {}

EtcdResult<json::object> EtcdCaller::call(const std::string& path, json::object request) {
    return call(path, std::move(request), EtcdClock::now() + timeout_);
}

EtcdResult<json::object> EtcdCaller::call(
    const std::string& path, json::object request, EtcdClock::time_point until
) {
    const std::unique_lock turn(one_at_a_time_, until);
    if (!turn)
        return EtcdError{EtcdError::Kind::Unreachable, 0, "an earlier call of etcd takes too long"};
    std::optional<EtcdResult<json::object>> answer;
    asio::co_spawn(
        context_, client_.call(path, std::move(request), until),
        [&answer](const std::exception_ptr& thrown, EtcdResult<json::object> result) {
            answer = thrown ? EtcdError{EtcdError::Kind::Unreachable, 0, "an exception"}
                            : std::move(result);
        }
    );
    // The connection ends each of its operations at `until`.
    context_.restart();
    while (!answer && context_.run_one() != 0) {
    }
    if (!answer) return EtcdError{EtcdError::Kind::Unreachable, 0, "the call was given up"};
    return std::move(*answer);
}

}   // namespace grid::server::cluster
