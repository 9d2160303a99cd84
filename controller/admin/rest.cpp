// controller/admin/rest.cpp: temporary.
#include "controller/admin/rest.hpp"
namespace grid::controller {
Rest::Rest(
    Controller& controller,
    const pubsub::Engine& broker,
    const Sessions& sessions,
    const ServerInfo& server
)
    : controller_(controller), broker_(broker), sessions_(sessions), server_(server) {}
Result<PreparedHttp, HttpResponse> Rest::prepare(const HttpRequest&) {
    (void)controller_;
    (void)broker_;
    (void)sessions_;
    (void)server_;
    return HttpResponse{404, "{}"};
}
}   // namespace grid::controller
