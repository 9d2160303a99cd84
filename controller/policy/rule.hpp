// controller/policy/rule.hpp: one rule of the policy as a value: effect, who, operations, topics,
// conditions.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/network.hpp"
#include "controller/policy/week.hpp"
#include "pubsub/ports/ports.hpp"

namespace grid::controller::policy {

/// In the conditions of one rule together: each is a look of its own.
inline constexpr std::size_t condition_values_max = 64;

/// Rights at the broker and, behind them, those that only the controller decides. All are about a
/// topic but the last two, which are about another client: `message`, and `bulk` in a rule that
/// names clients or groups as those who get the data.
enum class Right {
    Discover,
    Create,
    Publish,
    Subscribe,
    Retrieve,
    Manage,
    Query,
    Bulk,
    Message,
    BulkTo
};
inline constexpr std::size_t operation_count = 10;
inline constexpr bool is_about_client(Right operation) {
    return operation == Right::Message || operation == Right::BulkTo;
}
/// As people are told of them, in this order.
std::string operations_text();
std::string_view to_string(Right operation);
std::optional<Right> parse_operation(std::string_view name);
Right from(pubsub::Right operation);

/// Further conditions of a rule. Each that is given must hold: one of its values fits.
struct Conditions {
    std::vector<std::string> groups;                      // one that the client is in
    std::vector<std::string> clients;                     // patterns of bare JIDs
    std::vector<std::string> devices, issuers;            // patterns
    std::vector<std::string> types, services;             // patterns
    std::vector<std::string> network_texts, time_texts;   // as they are shown
    std::vector<Network> networks;
    std::vector<Window> windows;

    bool empty() const {
        return groups.empty() && clients.empty() && devices.empty() && types.empty() &&
               services.empty() && windows.empty() && !is_of_session();
    }
    /// Sessions of one account may differ.
    bool is_of_session() const { return !issuers.empty() || !networks.empty(); }
};

struct Rule {
    bool allows = false;
    enum class Who { Any, Groups, Clients } who = Who::Any;
    std::vector<std::string> names;   // of groups, or patterns of bare JIDs
    std::bitset<operation_count> operations;
    /// Patterns of topics, or of the bare JIDs that messages or bulk data are for; both empty: any.
    std::vector<std::string> topics;
    std::vector<std::string> recipient_groups;   // one that the recipient is in
    Conditions conditions;
    std::uint32_t line = 0;
    /// The rule in its plain form, as verdicts and the audit quote it.
    std::string text;
};

using Rules = std::vector<Rule>;

/// The facts that are known of the session that asks.
enum class SessionKnown {
    Yes,        // known by its address; without one, no network fits
    Possible,   // none: may a session of the account be allowed?
    Certain,    // none: are all sessions of the account allowed?
};

/// One question. Views: the values outlive it.
struct Question {
    std::string_view client;   // bare JID
    std::span<const std::string> groups;
    Right operation = Right::Discover;
    std::string_view topic, type;   // where it is about a client: the recipient's bare JID
    std::span<const std::string> recipient_groups;
    std::string_view service;   // empty: `query` and `bulk` mean the topic's own name
    std::string_view device;
    std::string_view issuer, anchor;   // the issuer's name; SHA-256 of the trust anchor's key
    std::optional<Address> address;
    std::uint32_t minute = 0;   // of the week
    SessionKnown session = SessionKnown::Yes;

    std::string_view service_asked() const {
        const bool is_service = operation == Right::Query || operation == Right::Bulk;
        return service.empty() && is_service ? topic : service;
    }
};

}   // namespace grid::controller::policy
