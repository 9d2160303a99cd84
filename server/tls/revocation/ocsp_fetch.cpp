// server/tls/revocation/ocsp_fetch.cpp: see ocsp_fetch.hpp.
#include "server/tls/revocation/ocsp_fetch.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/url.hpp>
#include <charconv>
#include <cstdint>

#include "server/net/deadline.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using net::no_throw;
using Answer = OcspFetched;

namespace {

constexpr std::size_t answer_bytes_max = 64 * 1024;

Answer fail(std::string why) { return {{}, std::move(why)}; }

struct Place {
    std::string host, port, target;
    std::string authority;   // of the Host header, without the port
};

std::optional<Place> parse_place(const std::string& text) {
    const auto url = boost::urls::parse_uri(text);
    if (!url || url->scheme_id() != boost::urls::scheme::http || url->host().empty())
        return std::nullopt;
    if (const std::string_view port = url->port(); !port.empty()) {
        std::uint16_t number = 0;
        std::from_chars(port.data(), port.data() + port.size(), number);   // too large: stays 0
        if (number == 0) return std::nullopt;
    }
    Place place;
    place.host = url->host_address();
    // RFC 3986 §3.2.2: an IPv6 literal stands in brackets, in the Host header too.
    place.authority =
        url->host_type() == boost::urls::host_type::ipv6 ? "[" + place.host + "]" : place.host;
    place.port = !url->port().empty() ? std::string(url->port()) : "80";
    place.target = url->encoded_path().empty() ? "/" : std::string(url->encoded_path());
    if (url->has_query()) place.target += "?" + std::string(url->encoded_query());
    return place;
}

http::request<http::string_body> make_request(const Place& place, std::string question) {
    http::request<http::string_body> request(http::verb::post, place.target, 11);
    request.set(http::field::host, place.authority + (place.port == "80" ? "" : ":" + place.port));
    request.set(http::field::content_type, "application/ocsp-request");
    request.set(http::field::accept, "application/ocsp-response");
    request.set(http::field::connection, "close");
    request.body() = std::move(question);
    request.prepare_payload();
    return request;
}

}   // namespace

bool is_responder_url(const std::string& url) { return parse_place(url).has_value(); }

std::string shown_url(const std::string& text) {
    auto url = boost::urls::parse_uri(text);
    if (!url) return "(" + std::to_string(text.size()) + " bytes that are no URL)";
    boost::urls::url shown(*url);
    shown.remove_userinfo();
    shown.remove_query();
    shown.remove_fragment();
    return std::string(shown.buffer());
}

asio::awaitable<Answer> fetch_ocsp(
    net::Strand strand, std::string url, std::string question, std::chrono::milliseconds deadline
) {
    const auto place = parse_place(url);
    const std::string shown = shown_url(url);
    if (!place) co_return fail("the responder's address is no http:// URL: " + shown);
    asio::ip::basic_resolver<asio::ip::tcp, net::Strand> resolver(strand);
    net::Socket socket(strand);
    net::Watchdog<net::Strand> watchdog(strand, deadline, [&resolver, &socket] {
        resolver.cancel();
        boost::system::error_code ignored;
        socket.close(ignored);
    });
    const auto why = [&](const boost::system::error_code& error) {
        if (watchdog.has_expired())
            return "the responder " + shown + " did not answer within " +
                   std::to_string(deadline.count()) + " ms";
        return "the responder " + shown + ": " + error.message();
    };
    auto [unresolved, ends] = co_await resolver.async_resolve(place->host, place->port, no_throw);
    if (unresolved || watchdog.has_expired()) co_return fail(why(unresolved));
    boost::system::error_code failed = asio::error::host_not_found;
    for (const auto& end : ends) {
        boost::system::error_code ignored;
        socket.close(ignored);
        if (watchdog.has_expired()) break;
        std::tie(failed) = co_await socket.async_connect(end.endpoint(), no_throw);
        if (!failed) break;
    }
    if (failed || watchdog.has_expired()) co_return fail(why(failed));
    const auto request = make_request(*place, std::move(question));
    auto [unsent, sent] = co_await http::async_write(socket, request, no_throw);
    if (unsent) co_return fail(why(unsent));
    boost::beast::flat_buffer buffer(answer_bytes_max);   // chunks' extensions have no other bound
    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_bytes_max);
    auto [unread, read] = co_await http::async_read(socket, buffer, parser, no_throw);
    if (unread) co_return fail(why(unread));
    if (parser.get().result() != http::status::ok)
        co_return fail(
            "the responder " + shown + " answers HTTP " + std::to_string(parser.get().result_int())
        );
    co_return Answer{std::move(parser.get().body()), {}};
}

}   // namespace grid::server::tls
