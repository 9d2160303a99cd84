// controller/rest/http.hpp: requests and answers of the REST interface, as values.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "pubsub/request.hpp"
#include "storage/decision.hpp"

namespace grid::controller {

struct HttpRequest {
    std::string method;   // GET, POST, PUT, PATCH, DELETE
    std::string path;     // below and without /api/v1/, still percent-encoded
    std::string query;    // still encoded
    std::string body;     // JSON
};

struct HttpResponse {
    int status = 200;
    std::string body;   // JSON; errors as {"error": {"code": …, "text": …}}
    std::string type = "application/json";
    std::string backup = {};   // not empty: the answer is that backup's archive, in place of `body`
};

/// `{"error": {"code": …, "text": …}}`; what is no UTF-8 in the text is replaced.
HttpResponse http_error(int status, std::string_view code, std::string_view text);

using HttpDecision = storage::Decision<HttpResponse, HttpResponse>;

struct PreparedHttp {
    std::function<HttpDecision(const pubsub::Context&)> decide;
};

}   // namespace grid::controller
