// controller/contacts/transitions.hpp: the subscription states between two accounts, and where each
// stanza leads (RFC 6121 appendix A).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace grid::controller::contacts {

/// The presence stanzas that manage subscriptions (RFC 6121 §3).
enum class Kind : std::uint8_t { Subscribe, Unsubscribe, Subscribed, Unsubscribed };
/// The value of the stanza's 'type'.
std::string_view to_string(Kind kind);
/// nullopt for every other 'type'.
std::optional<Kind> parse_kind(std::string_view type);

/// The state between an account and one contact, as the account sees it (RFC 6121 appendix A).
struct Standing {
    bool to = false;            // the account receives the contact's presence
    bool from = false;          // the contact receives the account's presence
    bool asks = false;          // pending out: the account asked, and has no answer
    bool is_asked = false;      // pending in: the contact asked, and has no answer
    bool is_approved = false;   // the contact's next request is approved already (§3.4)
    bool operator==(const Standing&) const = default;
};

/// RFC 6121, tables 2 to 5: the account sends the stanza to the contact.
struct Sent {
    Standing after;
    bool is_routed = false;
};
Sent send(Standing before, Kind kind);

/// RFC 6121, tables 6 to 9: the account receives the stanza from the contact.
struct Received {
    Standing after;
    bool is_delivered = false;   // to the account's sessions
    std::optional<Kind> reply;   // sent to the contact in the account's name
};
Received receive(Standing before, Kind kind);

}   // namespace grid::controller::contacts
