// controller/rest/call.hpp: one administrative request, taken apart, and the rows that answer it.
#pragma once

#include <any>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/administration/act_context.hpp"
#include "controller/errors.hpp"
#include "controller/ports.hpp"
#include "controller/rest/http.hpp"
#include "controller/state.hpp"
#include "pubsub/broker.hpp"

namespace grid::controller::rest {

namespace json = boost::json;

/// A parsed request, without the state that it is about. Any thread.
struct Request {
    std::map<std::string, std::string, std::less<>> path, query;   // decoded
    json::object body;
    std::string if_match = {}, if_none_match = {};   // as they were given
    /// The result of Work, for the next time that the request is decided.
    std::shared_ptr<std::any> memo = std::make_shared<std::any>();

    const std::string& in_path(std::string_view name) const;
    /// Empty when absent.
    std::string in_query(std::string_view name) const;
};

/// One request being decided, on the core strand.
struct Call : administration::ActContext {
    const pubsub::Broker& broker;
    const Sessions& sessions;
    const ServerInfo& server;
    const Request& request;

    /// Of a list: `max` of the query within the configured bound.
    std::size_t page_max() const;
};

struct Route {
    std::string_view method;
    std::string_view
        pattern;   // "accounts/{jid}/approve"; "{name...}" takes the rest, slashes and all
    // The fields that may be given; any other is an error.
    std::vector<std::string_view> query, body;
    HttpDecision (*decide)(const Call& call);
    /// A route that names no act is for administrators.
    Act act = Act::Administer;
    /// The tag of the resource as it is now, for ETag and If-Match (conditions.hpp); empty: it is
    /// not there. Null: a resource without one.
    std::string (*tag)(const Call& call) = nullptr;
    /// A change that replaces a whole which others replace, too: refused without a condition.
    bool needs_condition = false;
};
std::span<const Route> account_routes();
std::span<const Route> act_routes();
std::span<const Route> audit_routes();
std::span<const Route> backup_routes();
std::span<const Route> cluster_routes();
std::span<const Route> file_routes();
std::span<const Route> grid_routes();
std::span<const Route> policy_routes();
std::span<const Route> schema_routes();
std::span<const Route> store_routes();
std::span<const Route> trace_routes();
std::span<const Route> view_routes();
/// All of them, table by table.
std::array<std::span<const Route>, 12> all_routes();

/// Of a list that is searched by a part of the names: one page looks at so many, well below a
/// millisecond of the core strand, and may be short, or empty, and not the last.
inline constexpr std::size_t names_looked_at_max = 5'000;

/// "validation" and "schema" of a topic (controller/rest/schema_routes.cpp).
HttpDecision put_topic_schema(const Call& call);

// Answers.
HttpResponse ok(json::object body, int status = 200);
HttpResponse refuse(const Failure& failure);
HttpResponse refuse(int status, std::string_view code, std::string_view text);
/// A change and its answer; at once when there is nothing to commit.
HttpDecision changed(storage::Batch batch, HttpResponse response);

// Members of the body; a failure says what was expected.
Outcome<std::string> required_text(const json::object& body, std::string_view name);
Outcome<std::optional<std::string>> optional_text(const json::object& body, std::string_view name);
Outcome<bool> optional_flag(const json::object& body, std::string_view name);
Outcome<std::optional<Groups>> optional_groups(
    const json::object& body, std::string_view name = "groups"
);
/// A bare JID, prepared.
Outcome<xml::Jid> bare_jid(std::string_view text);

json::value cursor(std::string_view next);
json::array to_json(const std::vector<std::string>& texts);
std::string time_text(storage::Millis time);

}   // namespace grid::controller::rest
