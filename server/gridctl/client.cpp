// server/gridctl/client.cpp: HTTPS by Beast, with deadlines and errors that say what to do.
#include "server/gridctl/client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "server/gridctl/table.hpp"
#include "server/gridctl/tls_failure.hpp"
#include "xml/percent.hpp"
#include "xml/utf8.hpp"

namespace grid::gridctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
constexpr std::uint64_t answer_bytes_max = 64UL * 1024 * 1024;

bool is_address(const std::string& text) {
    error_code error;
    asio::ip::make_address(text, error);
    return !error;
}

void load(asio::ssl::context& context, const Target& target) {
    error_code error;
    context.load_verify_file(target.ca, error);
    if (error)
        throw Failed(
            Exit::Usage, target.ca + " holds no readable CA certificate: " + error.message()
        );
    context.use_certificate_chain_file(target.certificate, error);
    if (error)
        throw Failed(
            Exit::Usage, target.certificate + " holds no readable certificate: " + error.message()
        );
    // A password prompt would hang scripts.
    context.set_password_callback([](std::size_t, asio::ssl::context::password_purpose) {
        return std::string();
    });
    context.use_private_key_file(target.key, asio::ssl::context::pem, error);
    if (error)
        throw Failed(
            Exit::Usage,
            target.key + " is no readable key for " + target.certificate + ": " + error.message()
        );
}

}   // namespace

/// The server closed the connection in the handshake, without a word.
struct Client::Displaced : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Client::Connection {
    asio::io_context context;
    asio::ssl::context tls{asio::ssl::context::tls_client};
    std::unique_ptr<beast::ssl_stream<beast::tcp_stream>> stream;
    beast::flat_buffer buffer{64UL * 1024};   // chunks' extensions have no other bound

    /// Runs one operation to its end; the stream's deadline ends it in time.
    template <class Start>
    error_code run(Start start) {
        error_code result = asio::error::would_block;
        start([&result](error_code error, auto&&...) { result = error; });
        context.restart();
        context.run();
        return result;
    }
};

Client::Client(Target target, unsigned timeout_seconds)
    : target_(std::move(target)), timeout_seconds_(timeout_seconds) {}
Client::~Client() = default;

/// With too many strangers, the server may close a connection before it knows the client: the next
/// attempt has the same chance again. No request was sent yet, so none is sent twice.
void Client::connect() {
    constexpr int attempts = 8;
    for (int attempt = 1;; ++attempt) {
        try {
            return connect_once();
        } catch (const Displaced& displaced) {
            if (attempt == attempts) throw Failed(Exit::Connection, displaced.what());
            std::this_thread::sleep_for(std::chrono::milliseconds(20 * attempt));
        }
    }
}

void Client::connect_once() {
    auto made = std::make_unique<Connection>();
    made->tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    load(made->tls, target_);
    made->stream = std::make_unique<beast::ssl_stream<beast::tcp_stream>>(made->context, made->tls);
    auto& stream = *made->stream;
    auto& tcp = beast::get_lowest_layer(stream);
    const std::string where = target_.host + ":" + target_.port + " (" + target_.found_by + ")";

    error_code error;
    asio::ip::tcp::resolver resolver(made->context);
    std::vector<asio::ip::tcp::endpoint> endpoints;
    for (const auto& host : target_.hosts)
        for (const auto& found : resolver.resolve(host, target_.port, error))
            endpoints.push_back(found.endpoint());
    if (endpoints.empty())
        throw Failed(Exit::Connection, "cannot resolve " + where + ": " + error.message());
    tcp.expires_after(std::chrono::seconds(timeout_seconds_));
    error = made->run([&](auto done) { tcp.async_connect(endpoints, std::move(done)); });
    if (error)
        throw Failed(
            Exit::Connection,
            "cannot connect to " + where + ": " + error.message() + ". Is gridd running?"
        );
    stream.set_verify_mode(asio::ssl::verify_peer);
    X509_VERIFY_PARAM* param = SSL_get0_param(stream.native_handle());
    if (is_address(target_.name)) {
        X509_VERIFY_PARAM_set1_ip_asc(param, target_.name.c_str());
    } else {
        X509_VERIFY_PARAM_set1_host(param, target_.name.c_str(), target_.name.size());
        SSL_set_tlsext_host_name(stream.native_handle(), target_.name.c_str());
    }
    error = made->run([&](auto done) {
        stream.async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
    if (!error) {
        connection_ = std::move(made);
        return;
    }
    const std::string why = "TLS with " + where + " failed: " +
                            tls_failure(stream.native_handle(), error.message(), target_);
    if (error == asio::error::connection_reset || error == asio::error::eof ||
        error == asio::error::broken_pipe || error == asio::ssl::error::stream_truncated)
        throw Displaced(why);
    throw Failed(Exit::Connection, why);
}

Answer Client::request(
    std::string_view method,
    const std::string& path,
    const std::string& body,
    std::string_view if_match
) {
    if (!xml::is_utf8(body))   // files were looked at when they were read
        throw Failed(Exit::Usage, "an argument is not UTF-8, which the server's texts are");
    if (connection_ == nullptr) connect();
    http::request<http::string_body> request;
    request.version(11);
    request.method_string(beast::string_view(method.data(), method.size()));
    request.target(path);
    const bool is_v6 = target_.name.find(':') != std::string::npos;
    request.set(
        http::field::host, (is_v6 ? "[" + target_.name + "]" : target_.name) + ":" + target_.port
    );
    request.set(http::field::user_agent, "gridctl");
    request.set(http::field::accept, "application/json");
    // Also without a body: it is what shows the server that no web page made the request.
    if (method != "GET") request.set(http::field::content_type, "application/json");
    if (!if_match.empty())
        request.set(http::field::if_match, beast::string_view(if_match.data(), if_match.size()));
    request.body() = body;
    request.prepare_payload();

    auto& stream = *connection_->stream;
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(timeout_seconds_));
    error_code error =
        connection_->run([&](auto done) { http::async_write(stream, request, std::move(done)); });
    std::optional<http::response_parser<http::string_body>> parser;
    error_code read;
    do {   // RFC 9110 §15.2: interim answers may come before the answer, without being asked for
        parser.emplace();
        parser->body_limit(answer_bytes_max);
        // One may come although the server has closed its reading side: look for it even then.
        read = connection_->run([&](auto done) {
            http::async_read(stream, connection_->buffer, *parser, std::move(done));
        });
    } while (!read && parser->get().result_int() < 200);
    if (read) {
        if (!error) error = read;
        const std::string reason = tls_failure(stream.native_handle(), error.message(), target_);
        connection_.reset();
        throw Failed(
            Exit::Connection, "no answer from " + target_.host + ":" + target_.port + ": " + reason
        );
    }
    const bool keeps = parser->get().keep_alive();
    Answer answer{parser->get().result_int(), std::move(parser->get().body())};
    if (!keeps) connection_.reset();
    return answer;
}

boost::json::object Client::call(
    std::string_view method,
    const std::string& path,
    const boost::json::value& body,
    std::string_view if_match
) {
    const std::string text = body.is_null() ? "" : boost::json::serialize(body);
    const Answer answer = request(method, "/api/v1/" + path, text, if_match);
    error_code error;
    boost::json::value value = boost::json::parse(answer.body, error);
    const Exit exit = to_exit(answer.status);
    if (exit == Exit::Ok) {
        if (error || !value.is_object())
            throw Failed(Exit::Refused, "the server's answer is no JSON object");
        return std::move(value.get_object());
    }
    const std::string why = cell_of(value, "detail");
    throw Failed(
        exit, (why == "-" ? "the server answered without a reason" : why) + " (HTTP " +
                  std::to_string(answer.status) + ")"
    );
}

std::string encoded(std::string_view text) { return xml::percent_encoded(text); }

}   // namespace grid::gridctl
