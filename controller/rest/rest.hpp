// controller/rest/rest.hpp: the REST interface as plain functions: request in, decision out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controller/controller.hpp"
#include "controller/rest/http.hpp"
#include "pubsub/request.hpp"
#include "storage/decision.hpp"
#include "xml/result.hpp"

namespace grid::controller {

/// Everything below /api/v1. Only members of the administrators' group get anything but 401/403.
/// All decide functions run on the core strand.
class Rest {
public:
    Rest(
        Controller& controller,
        const pubsub::Broker& broker,
        const Sessions& sessions,
        const ServerInfo& server
    );
    /// Any thread. 404, 405 and 400 are decided here already.
    Result<PreparedHttp, HttpResponse> prepare(const HttpRequest& request);

private:
    Controller& controller_;
    const pubsub::Broker& broker_;
    const Sessions& sessions_;
    const ServerInfo& server_;
};

}   // namespace grid::controller
