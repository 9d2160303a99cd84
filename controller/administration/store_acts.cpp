// controller/administration/store_acts.cpp: see controller/administration/store_acts.hpp.
#include "controller/administration/store_acts.hpp"

namespace grid::controller::administration {

std::function<StoreReopened()> reopen_store(const ActContext& call, const ServerInfo& server) {
    static const std::string rule = "group administrators";
    call.state.note(call.actor(), "reopen store", {}, {true, 0, &rule});
    return [&server]() -> StoreReopened {
        const boost::system::error_code error = server.reopen_store();
        const storage::StoreStatus store = server.facts().store;
        if (!error && store.writable) return {store.revision, {}};
        const std::string& why = store.reason.empty() ? error.message() : store.reason;
        return {store.revision, why + "; " + advice(store)};
    };
}

}   // namespace grid::controller::administration
