// server/gridctl/health_command.cpp: `health`: does the gridd of this data directory answer?
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>

#include "server/gridctl/rest_commands.hpp"
#include "server/gridctl/target.hpp"
#include "server/pki/layout.hpp"

namespace grid::gridctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Local = asio::local::stream_protocol;
using std::chrono::steady_clock;

/// Runs one operation until it ends or the time is over.
template <class Start>
error_code run(asio::io_context& context, steady_clock::time_point until, Start start) {
    error_code result = asio::error::would_block;
    start([&result](error_code error, auto&&...) { result = error; });
    context.restart();
    context.run_until(until);
    return result == asio::error::would_block ? asio::error::timed_out : result;
}

/// GET /healthz; the status. 0 and an error: no answer.
template <class Stream>
unsigned ask(
    asio::io_context& context, Stream& stream, steady_clock::time_point until, error_code& error
) {
    beast::http::request<beast::http::empty_body> request(beast::http::verb::get, "/healthz", 11);
    request.set(beast::http::field::host, "localhost");
    beast::flat_buffer buffer;
    beast::http::response<beast::http::string_body> response;
    error = run(context, until, [&](auto done) {
        beast::http::async_write(stream, request, std::move(done));
    });
    if (!error)
        error = run(context, until, [&](auto done) {
            beast::http::async_read(stream, buffer, response, std::move(done));
        });
    return error ? 0 : response.result_int();
}

struct Answered {
    unsigned status = 0;
    error_code error;
};

/// The socket that gridd makes in its data directory needs no certificate, no HTTPS and no network,
/// and only gridd's own user can crowd it.
Answered ask_socket(const std::filesystem::path& file, steady_clock::time_point until) {
    asio::io_context context;
    Local::socket socket(context);
    Answered answered;
    // An address has 107 bytes at most; a longer path is reached by its directory.
    const int directory = ::open(file.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const std::string address =
        file.native().size() <= 100
            ? file.native()
            : "/proc/self/fd/" + std::to_string(directory) + "/" + file.filename().native();
    answered.error = run(context, until, [&](auto done) {
        socket.async_connect(Local::endpoint(address), std::move(done));
    });
    if (directory >= 0) ::close(directory);
    if (!answered.error) answered.status = ask(context, socket, until, answered.error);
    return answered;
}

/// For a container's HEALTHCHECK: no certificate is needed for /healthz, and none is checked,
/// because nothing is told to the other side and the address was written by gridd itself.
Answered ask_https(
    const std::string& host, const std::string& port, steady_clock::time_point until
) {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_verify_mode(asio::ssl::verify_none);
    asio::ssl::stream<asio::ip::tcp::socket> stream(context, tls);
    asio::ip::tcp::resolver resolver(context);
    Answered answered;
    const auto found = resolver.resolve(host, port, answered.error);
    if (!answered.error)
        answered.error = run(context, until, [&](auto done) {
            asio::async_connect(stream.lowest_layer(), found, std::move(done));
        });
    if (!answered.error)
        answered.error = run(context, until, [&](auto done) {
            stream.async_handshake(asio::ssl::stream_base::client, std::move(done));
        });
    if (!answered.error) answered.status = ask(context, stream, until, answered.error);
    return answered;
}

void health(const Options& options) {
    const auto until = steady_clock::now() + std::chrono::seconds(options.timeout_seconds);
    const Ready ready = read_ready(options);
    const auto file = pki::Layout{options.data}.ready().parent_path() / "health.sock";
    std::string where = file.string();
    Answered answered = ask_socket(file, until);
    // Another user than gridd's, or a gridd that makes no such socket.
    if (answered.error && !ready.http.empty())
        for (const std::string& host : hosts_of(ready.http)) {
            const Answered other = ask_https(host, port_of(ready.http), until);
            if (other.error) continue;
            answered = other;
            where = ready.http;
            break;
        }
    const bool is_missing = answered.error == boost::system::errc::no_such_file_or_directory ||
                            answered.error == boost::system::errc::connection_refused;
    if (is_missing) throw Failed(Exit::Connection, "no gridd runs on " + options.data.string());
    if (answered.error)
        throw Failed(Exit::Connection, where + " does not answer: " + answered.error.message());
    if (answered.status != 200)
        throw Failed(Exit::Refused, where + " answers with " + std::to_string(answered.status));
    print("ok\n");
}

}   // namespace

void add_health_command(CLI::App& app, const Options& options) {
    app.add_subcommand("health", "does the gridd of --data answer? (for HEALTHCHECK)")
        ->callback([&options] { health(options); });
}

}   // namespace grid::gridctl
