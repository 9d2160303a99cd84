// server/gridctl/doctor/probe.cpp: see probe.hpp.
#include "server/gridctl/doctor/probe.hpp"

#include <fcntl.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>

#include "server/tls/openssl.hpp"

namespace grid::gridctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using UnixStream = asio::local::stream_protocol;

/// Runs one operation until it ends or the time is over.
template <class Start>
error_code run_until(asio::io_context& context, ProbeUntil until, Start start) {
    error_code result = asio::error::would_block;
    start([&result](error_code error, auto&&...) { result = error; });
    context.restart();
    context.run_until(until);
    return result == asio::error::would_block ? asio::error::timed_out : result;
}

template <class Stream>
void ask(
    asio::io_context& context,
    Stream& stream,
    const std::string& path,
    ProbeUntil until,
    Answered& answered
) {
    beast::http::request<beast::http::empty_body> request(beast::http::verb::get, path, 11);
    request.set(beast::http::field::host, "localhost");
    beast::flat_buffer buffer;
    beast::http::response<beast::http::string_body> response;
    answered.error = run_until(context, until, [&](auto done) {
        beast::http::async_write(stream, request, std::move(done));
    });
    if (!answered.error)
        answered.error = run_until(context, until, [&](auto done) {
            beast::http::async_read(stream, buffer, response, std::move(done));
        });
    if (answered.error) return;
    answered.status = response.result_int();
    answered.date = std::string(response[beast::http::field::date]);
    answered.body = std::move(response.body());
}

using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

error_code open_tcp(
    asio::io_context& context,
    TlsStream& stream,
    const std::string& host,
    const std::string& port,
    ProbeUntil until
) {
    error_code error;
    asio::ip::tcp::resolver resolver(context);
    const auto found = resolver.resolve(host, port, error);
    if (error) return error;
    return run_until(context, until, [&](auto done) {
        asio::async_connect(stream.lowest_layer(), found, std::move(done));
    });
}

error_code shake_hands(asio::io_context& context, TlsStream& stream, ProbeUntil until) {
    return run_until(context, until, [&](auto done) {
        stream.async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
}

std::string shown_chain(SSL* ssl) {
    const server::tls::BioPtr bio(BIO_new(BIO_s_mem()));
    const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
    for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i)
        PEM_write_bio_X509(bio.get(), sk_X509_value(chain, i));
    return server::tls::text_of(bio.get());
}

}   // namespace

Answered ask_socket(const std::filesystem::path& file, const std::string& path, ProbeUntil until) {
    asio::io_context context;
    UnixStream::socket socket(context);
    Answered answered;
    // An address has 107 bytes at most; a longer path is reached by its directory.
    const int directory = ::open(file.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const std::string address =
        file.native().size() <= 100
            ? file.native()
            : "/proc/self/fd/" + std::to_string(directory) + "/" + file.filename().native();
    answered.error = run_until(context, until, [&](auto done) {
        socket.async_connect(UnixStream::endpoint(address), std::move(done));
    });
    if (directory >= 0) ::close(directory);
    if (!answered.error) ask(context, socket, path, until, answered);
    return answered;
}

Answered ask_https(
    const std::string& host, const std::string& port, const std::string& path, ProbeUntil until
) {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_verify_mode(asio::ssl::verify_none);
    TlsStream stream(context, tls);
    Answered answered;
    answered.error = open_tcp(context, stream, host, port, until);
    if (!answered.error) answered.error = shake_hands(context, stream, until);
    if (!answered.error) ask(context, stream, path, until, answered);
    return answered;
}

Presented probe_port(
    const std::string& host,
    const std::string& port,
    const std::string& name,
    const std::string& alpn,
    ProbeUntil until
) {
    asio::io_context context;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.set_verify_mode(asio::ssl::verify_none);
    TlsStream stream(context, tls);
    if (const auto error = open_tcp(context, stream, host, port, until); error)
        return {{}, error.message()};
    if (alpn.empty()) return {};
    const std::string wire = static_cast<char>(alpn.size()) + alpn;   // RFC 7301 §3.1
    SSL* ssl = stream.native_handle();
    SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_set_alpn_protos(
        ssl, reinterpret_cast<const unsigned char*>(wire.data()),
        static_cast<unsigned int>(wire.size())
    );
    if (const auto error = shake_hands(context, stream, until); error)
        return {shown_chain(ssl), "TLS: " + error.message()};
    return {shown_chain(ssl), {}};
}

}   // namespace grid::gridctl
