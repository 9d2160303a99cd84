// controller/gridctl/health_command.cpp: `health`: does the gridd of this data directory answer?
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>

#include "controller/gridctl/rest_commands.hpp"
#include "controller/gridctl/target.hpp"

namespace grid::controller::gridctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

/// For a container's HEALTHCHECK: no certificate is needed for /healthz, and none is checked,
/// because nothing is told to the other side and the address was written by gridd itself.
unsigned healthz(const std::string& host, const std::string& port, std::chrono::seconds timeout) {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_verify_mode(asio::ssl::verify_none);
    beast::ssl_stream<beast::tcp_stream> stream(context, tls);
    asio::ip::tcp::resolver resolver(context);
    beast::get_lowest_layer(stream).expires_after(timeout);
    beast::get_lowest_layer(stream).connect(resolver.resolve(host, port));
    stream.handshake(asio::ssl::stream_base::client);
    beast::http::request<beast::http::empty_body> request(beast::http::verb::get, "/healthz", 11);
    request.set(beast::http::field::host, "localhost");
    beast::http::write(stream, request);
    beast::flat_buffer buffer;
    beast::http::response<beast::http::string_body> response;
    beast::http::read(stream, buffer, response);
    return response.result_int();
}

void health(const Options& options) {
    const Ready ready = read_ready(options);
    if (ready.http.empty())
        throw Failed(
            Exit::Connection, "no gridd runs on " + options.data.string() + ", or it has no HTTPS"
        );
    unsigned status = 0;
    try {
        status = healthz(
            host_of(ready.http), port_of(ready.http), std::chrono::seconds(options.timeout_seconds)
        );
    } catch (const boost::system::system_error& error) {
        throw Failed(Exit::Connection, ready.http + " does not answer: " + error.code().message());
    }
    if (status != 200)
        throw Failed(Exit::Refused, ready.http + " answers with " + std::to_string(status));
    print("ok\n");
}

}   // namespace

void add_health_command(CLI::App& app, const Options& options) {
    app.add_subcommand("health", "does the gridd of --data answer? (for HEALTHCHECK)")
        ->callback([&options] { health(options); });
}

}   // namespace grid::controller::gridctl
