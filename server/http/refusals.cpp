// server/http/refusals.cpp: parser errors as HTTP errors.
#include "server/http/refusals.hpp"

#include <boost/beast/http/error.hpp>

#include "server/http/limits.hpp"

namespace grid::server::http {

std::optional<Refusal> to_refusal(boost::system::error_code error) {
    using E = boost::beast::http::error;
    if (error == E::end_of_stream || error == E::partial_message) return std::nullopt;
    if (error == E::header_limit || error == E::buffer_overflow)
        return Refusal{
            431,
            "headers-too-large",
            "the head of a request may have " + std::to_string(header_bytes_max) + " bytes",
            {}
        };
    if (error == E::body_limit)
        return Refusal{
            413, "body-too-large", "the body is larger than limits.http_body_bytes_max", {}
        };
    if (error == E::bad_version)
        return Refusal{505, "version-not-supported", "HTTP/1.1 is spoken here", {}};
    if (error.category() == make_error_code(E::bad_method).category())
        return Refusal{400, "bad-request", "not a well-formed request: " + error.message(), {}};
    return std::nullopt;
}

}   // namespace grid::server::http
