// server/tls/revocation/ocsp_fetch.hpp: one HTTP request to an OCSP responder (RFC 6960, appendix
// A.1).
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <string>

#include "server/net/tls_stream.hpp"

namespace grid::server::tls {

struct OcspFetched {
    std::string body;
    std::string failure;   // empty: there is a body
};
/// http://HOST[:PORT][/PATH], with a port from 1 to 65535.
bool is_responder_url(const std::string& url);
/// The address for people: without a user and a password.
std::string shown_url(const std::string& url);
/// Posts `question` to `url` (http://…) and gives the body of the answer, or why there is none.
/// Runs on `strand`; bounded in time and bytes, whatever the responder does. Never throws.
boost::asio::awaitable<OcspFetched> fetch_ocsp(
    net::Strand strand, std::string url, std::string question, std::chrono::milliseconds deadline
);

}   // namespace grid::server::tls
