// controller/admin/rest.hpp: the REST interface as plain functions: request in, decision out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controller/controller.hpp"
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
};
using HttpDecision = storage::Decision<HttpResponse, HttpResponse>;

struct PreparedHttp {
    std::function<HttpDecision(const pubsub::Context&)> decide;
};

/// Everything below /api/v1. Only members of the administrators' group get anything but 401/403.
/// All decide functions run on the grid strand.
class Rest {
public:
    Rest(
        Controller& controller,
        const pubsub::Engine& broker,
        const Sessions& sessions,
        const ServerInfo& server
    );
    /// Any thread. 404, 405 and 400 are decided here already.
    Result<PreparedHttp, HttpResponse> prepare(const HttpRequest& request);

private:
    Controller& controller_;
    const pubsub::Engine& broker_;
    const Sessions& sessions_;
    const ServerInfo& server_;
};

}   // namespace grid::controller
