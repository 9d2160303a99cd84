// controller/rest/views.hpp: accounts, topics, sessions and audit records as JSON.
#pragma once

#include "controller/audit/query.hpp"
#include "controller/audit/verify.hpp"
#include "controller/bulk/transfer.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

json::object to_json(const Account& account);
json::object to_json(const pubsub::NodeView& node);
json::object to_json(const SessionView& session);
json::object to_json(const audit::Entry& entry);
json::object to_json(const audit::Verified& verified);
json::object to_json(const bulk::Transfer& transfer);
json::object to_json(const bulk::Counters& counters, std::size_t running);

}   // namespace grid::controller::rest
