// controller/rest/http.hpp: requests and answers of the REST interface, as values.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "pubsub/request.hpp"
#include "storage/decision.hpp"

namespace grid::controller {

struct HttpRequest {
    std::string method;               // GET, POST, PUT, PATCH, DELETE
    std::string path;                 // below and without /api/v1/, still percent-encoded
    std::string query;                // still encoded
    std::string body;                 // JSON
    std::string if_match = {};        // RFC 9110 §13.1.1; empty: not given
    std::string if_none_match = {};   // §13.1.2
};

struct HttpResponse {
    int status = 200;
    std::string body;   // JSON; a refusal is a problem (http_error)
    std::string type = "application/json";
    std::string backup = {};   // not empty: the answer is that backup's archive, in place of `body`
    std::string headers = {};   // further ones, as lines
};

inline constexpr std::string_view problem_type = "application/problem+json";

/// RFC 9457: `{"type": "about:blank", "title": …, "status": …, "detail": text, "code": …}`. The
/// code is for programs, and stays; the text is for people. Bytes in it that are no
/// UTF-8 are replaced.
HttpResponse http_error(int status, std::string_view code, std::string_view text);
/// With further members behind the code (§3.2).
HttpResponse http_problem(
    int status, std::string_view code, std::string_view text, const boost::json::object& more
);

using HttpDecision = storage::Decision<HttpResponse, HttpResponse>;

struct PreparedHttp {
    std::function<HttpDecision(const pubsub::Context&)> decide;
    bool is_for_cut_off = false;   // taken, too, while this member does not hear from its cluster
};

}   // namespace grid::controller
