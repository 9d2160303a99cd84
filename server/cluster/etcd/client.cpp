// server/cluster/etcd/client.cpp: see client.hpp.
#include "server/cluster/etcd/client.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "server/cluster/etcd/connection.hpp"
#include "server/cluster/etcd/pool.hpp"
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
/// Answers of two endpoints within so long are compared.
constexpr auto seen_for = 10s;
/// A try at an endpoint gets that much at least, or what is left.
constexpr auto attempt_least = 300ms;

/// Codes of gRPC by which etcd says that it cannot at the moment, as while it elects a leader:
/// CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE.
bool is_passing(int code, std::string_view text) {
    if (code == grpc::resource_exhausted) return text.find("too many requests") != text.npos;
    return code == 1 || code == 2 || code == 4 || code == 13 || code == grpc::unavailable;
}

/// Members begin at different endpoints; names that count up at neighbouring ones.
std::size_t first_endpoint(std::string_view member, std::size_t endpoints) {
    std::size_t place = 0;
    for (const char letter : member)
        place = (place * 31 + static_cast<unsigned char>(letter)) % endpoints;
    return place;
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
    : executor_(std::move(executor)), log_(log) {
    if (settings.endpoints.empty()) fault_ = "no endpoint of etcd is configured";
    for (const std::string& url : settings.endpoints) {
        auto endpoint = parse_etcd_endpoint(url);
        if (endpoint)
            endpoints_.push_back(std::move(*endpoint));
        else
            fault_ = endpoint.error();
    }
    is_hopeless_.resize(endpoints_.size());
    seen_.resize(endpoints_.size());
    if (!endpoints_.empty()) present_ = first_endpoint(settings.member, endpoints_.size());
    auto tls = settings.tls ? settings.tls : std::make_shared<EtcdTls>(settings);
    pool_ = std::make_shared<EtcdPool>(executor_, endpoints_, std::move(tls), log_);
}

EtcdClient::~EtcdClient() = default;

void EtcdClient::skip_endpoint() {
    if (!endpoints_.empty()) present_ = (present_ + 1) % endpoints_.size();
}

/// Of several calls that fail at one endpoint the first one leaves it.
void EtcdClient::note_failure(std::size_t endpoint, const EtcdError& error) {
    log_.fold(
        Level::Warn, "etcd_failed",
        {{"endpoint", endpoints_[endpoint].url}, {"reason", server::quoted(error.text)}}
    );
    if (present_ == endpoint) skip_endpoint();
}

/// A start looks at the endpoints that answer then. An etcd that was restored has another id, too,
/// and no endpoint answers with the one before any more.
void EtcdClient::note_cluster(std::size_t endpoint, const json::object& answer) {
    const json::object* header = object_in(answer, "header");
    const std::uint64_t cluster = header == nullptr ? 0 : number_in(*header, "cluster_id");
    if (cluster == 0) return;
    const auto now = EtcdClock::now();
    const auto differs = [&](const Seen& other) {
        return other.cluster != 0 && other.cluster != cluster && now - other.at < seen_for;
    };
    seen_[endpoint] = {cluster, now};
    const auto other = std::ranges::find_if(seen_, differs);
    if (other == seen_.end()) return;
    const std::string& url = endpoints_[static_cast<std::size_t>(other - seen_.begin())].url;
    log_.fold(
        Level::Error, "etcd_other_cluster",
        {{"endpoint", endpoints_[endpoint].url},
         {"reason", "it belongs to another etcd than " + url + ", which answered a moment ago"},
         {"do", "name the endpoints of one etcd alone in cluster.etcd of every member"}}
    );
}

/// Half of what is left, so that an endpoint that is silent leaves time for another one.
EtcdClock::time_point EtcdClient::end_of_attempt(EtcdClock::time_point until) const {
    if (endpoints_.size() < 2) return until;
    const auto now = EtcdClock::now();
    const auto half = std::max<EtcdClock::duration>((until - now) / 2, attempt_least);
    return std::min(until, now + half);
}

asio::awaitable<std::shared_ptr<EtcdExchange>> EtcdClient::first_answer(
    Exchanges& asked, asio::steady_timer& wake, EtcdClock::time_point until
) {
    const auto newest = asked.back();
    for (;;) {
        for (const auto& exchange : asked)
            if (exchange->has_ended && !exchange->failure) co_return exchange;
        if (newest->has_ended || EtcdClock::now() >= until) co_return nullptr;
        wake.expires_at(until);
        co_await wake.async_wait(no_throw);
    }
}

EtcdResult<json::object> EtcdClient::answer_in(
    const EtcdExchange& exchange, std::string_view path
) {
    return parsed_answer(
        endpoints_[exchange.endpoint].url, exchange.status, exchange.body, has_header(path)
    );
}

asio::awaitable<EtcdResult<json::object>> EtcdClient::call(
    std::string path, json::object request, EtcdClock::time_point until
) {
    if (!fault_.empty()) co_return EtcdError{EtcdError::Kind::Refused, 0, fault_, false, true};
    const auto body = std::make_shared<const std::string>(json::serialize(request));
    const auto wake = std::make_shared<asio::steady_timer>(executor_);
    Exchanges asked;   // those that may answer yet
    EtcdClock::duration pause = pause_least;
    for (std::size_t tries = 1;; ++tries) {
        const std::size_t endpoint = present_;
        const auto end = end_of_attempt(until);
        const auto newest = std::make_shared<EtcdExchange>(endpoint, path, body, wake);
        asked.push_back(newest);
        pool_->ask(newest, end);
        const auto found = co_await first_answer(asked, *wake, end);
        EtcdError error;
        if (found) {
            auto answer = answer_in(*found, path);
            if (answer) {
                is_hopeless_[found->endpoint] = false;
                note_cluster(found->endpoint, *answer);
                co_return answer;
            }
            error = answer.error();
            std::erase(asked, found);
        } else {
            error = newest->failure ? *newest->failure
                    : newest->connection
                        ? newest->connection->late()
                        : EtcdError{EtcdError::Kind::Unreachable, 0, "no time is left"};
        }
        std::erase_if(asked, [](const auto& one) { return one->has_ended && one->failure; });
        error.follows_silence = tries > 1;
        if (error.kind == EtcdError::Kind::Refused) co_return error;
        const std::size_t failed = found ? found->endpoint : endpoint;
        is_hopeless_[failed] = error.is_lasting;
        error.is_lasting = std::ranges::all_of(is_hopeless_, std::identity());
        note_failure(failed, error);
        if (EtcdClock::now() >= until) co_return error;
        if (tries % endpoints_.size() != 0) continue;
        if (EtcdClock::now() + pause >= until) co_return error;
        wake->expires_after(pause);
        co_await wake->async_wait(no_throw);
        pause = std::min<EtcdClock::duration>(pause * 2, pause_most);
    }
}

asio::awaitable<EtcdResult<std::unique_ptr<EtcdStream>>> EtcdClient::open_stream(
    std::string path, std::string body, EtcdClock::time_point until
) {
    if (!fault_.empty()) co_return EtcdError{EtcdError::Kind::Refused, 0, fault_, false, true};
    const std::size_t endpoint = present_;
    auto connection = co_await pool_->open(endpoint, until);
    std::optional<EtcdError> failure;
    if (!connection)
        failure = connection.error();
    else
        failure = co_await (*connection)->begin_stream(path, body, until);
    if (!failure && (*connection)->status() != 200)
        failure = no_gateway((*connection)->url(), (*connection)->status());
    if (failure) {
        note_failure(endpoint, *failure);
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
    // The call ends at `until`; exchanges that are late go on during the next one.
    context_.restart();
    while (!answer && context_.run_one() != 0) {
    }
    if (!answer) return EtcdError{EtcdError::Kind::Unreachable, 0, "the call was given up"};
    return std::move(*answer);
}

}   // namespace grid::server::cluster
