// server/router/delivery_table.hpp: which sessions of an account get a stanza (RFC 6121 §8.5).
#pragma once

#include <cstddef>
#include <cstdint>

#include "xml/element.hpp"

namespace grid::server {

/// Stanzas as far as §8.5 treats them differently.
enum class DeliveryKind : std::uint8_t {
    // Messages.
    Normal,
    Chat,
    Groupchat,
    Headline,
    ErrorMessage,
    // Presence: available or unavailable; subscribe; subscribed, unsubscribe, unsubscribed; probe.
    Presence,
    Subscribe,
    Subscription,
    Probe,
    // iq: get or set; result or error.
    Request,
    Answer,
};
/// An unknown type of a message is `normal` (§5.2.2).
DeliveryKind delivery_kind(const xml::Element& stanza);
/// An error or a headline gets no answer, and neither do answers and presence.
bool is_refusal_told(DeliveryKind kind);

/// The account that a stanza is for, and its sessions.
struct Addressee {
    /// The account is there, and the sender may reach it: any other looks like a missing one.
    bool is_reachable = false;
    bool is_bare = true;         // the address, without a resource
    bool matches = false;        // a full address: that resource is connected
    std::size_t willing = 0;     // available resources whose priority is not negative
    std::size_t available = 0;   // all available resources
};

enum class Delivery : std::uint8_t {
    Resource,    // to the resource of the address
    Willing,     // to all available resources whose priority is not negative
    Available,   // to all available resources
    Store,       // it waits for the account (XEP-0160)
    Account,     // the server acts on behalf of the account
    Refuse,      // `service-unavailable`
    Ignore,
};

/// Pure. Where the RFC leaves a choice: a sender hears of a message that reaches no session;
/// "most available" are all resources that take messages.
Delivery delivery_of(DeliveryKind kind, const Addressee& to);

}   // namespace grid::server
