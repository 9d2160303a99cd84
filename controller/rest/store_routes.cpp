// controller/rest/store_routes.cpp: the operator's acts on the store by REST.
#include <array>

#include "controller/rest/call.hpp"

namespace grid::controller::rest {

namespace {

using Answer = std::variant<HttpResponse, HttpResponse>;

/// Audited by the queue that waits for the store: what it is about is that nothing can be written.
HttpDecision reopen_store(const Call& call) {
    static const std::string rule = "group administrators";
    call.state.note(call.context.actor, "reopen store", {}, {true, 0, &rule});
    HttpDecision::Query query;
    query.run = [&server = call.server](const storage::Snapshot&) {
        const boost::system::error_code error = server.reopen_store();
        const storage::StoreStatus store = server.facts().store;
        if (error || !store.writable) {
            const std::string& why = store.reason.empty() ? error.message() : store.reason;
            return Answer(
                std::in_place_index<0>,
                refuse(503, "store-not-writable", why + "; " + advice(store))
            );
        }
        return Answer(
            std::in_place_index<1>, ok({{"writable", true}, {"revision", store.revision}})
        );
    };
    return query;
}

}   // namespace

std::span<const Route> store_routes() {
    static const std::array routes{Route{"POST", "store/reopen", {}, {}, reopen_store}};
    return routes;
}

}   // namespace grid::controller::rest
