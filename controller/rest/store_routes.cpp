// controller/rest/store_routes.cpp: the operator's acts on the store by REST.
#include <array>

#include "controller/administration/store_acts.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

namespace {

using Answer = std::variant<HttpResponse, HttpResponse>;

HttpDecision reopen_store(const Call& call) {
    HttpDecision::Query query;
    query.run = [work = administration::reopen_store(call, call.server)](const storage::Snapshot&) {
        const administration::StoreReopened done = work();
        if (!done.problem.empty())
            return Answer(std::in_place_index<0>, refuse(503, "store-not-writable", done.problem));
        return Answer(
            std::in_place_index<1>, ok({{"writable", true}, {"revision", done.revision}})
        );
    };
    return query;
}

}   // namespace

std::span<const Route> store_routes() {
    static const std::array routes{
        Route{"POST", "store/reopen", {}, {}, reopen_store, Act::ReopenStore}
    };
    return routes;
}

}   // namespace grid::controller::rest
