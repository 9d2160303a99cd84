// pubsub/errors.hpp: every refusal of XEP-0060 as a row: type, condition, pubsub condition.
#pragma once

#include <string>
#include <string_view>

#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// A value, or the refusal.
template <class T>
using Checked = Result<T, xml::StanzaError>;

/// One per row of the table in errors.cpp, in the same order (checked there).
enum class Errc {
    AssociationForbidden,   // XEP-0248 §7.2.3.2
    BadRequest,
    ClosedNode,
    ConfigurationRequired,
    Forbidden,
    Gone,
    GraphRefused,   // XEP-0248: a cycle, a child of a leaf
    InvalidJid,
    InvalidOptions,   // §6.3.6.2
    InvalidPayload,
    InvalidSubid,
    ItemForbidden,
    ItemNotFound,
    ItemRequired,
    JidRequired,
    MaxNodesExceeded,
    NodeExists,
    NodeFull,
    NodeIdRequired,
    NotAcceptable,
    NotAllowed,
    NotInRosterGroup,
    NotSubscribedItems,         // §6.5.9.3: auth/not-authorized
    NotSubscribedOptions,       // §6.3.4.2: modify/unexpected-request
    NotSubscribedUnsubscribe,   // §6.2.3.2: cancel/unexpected-request
    PayloadRequired,
    PayloadTooBig,
    PendingSubscription,
    PolicyViolation,
    PreconditionNotMet,
    PresenceRequired,
    ResourceConstraint,
    SubidRequired,
    TooManySubscriptions,
    Unsupported,
    UnsupportedAccessModel,
};

/// `text` names the mistake and the right form.
xml::StanzaError refuse(Errc code, std::string text);
/// Whether `error` is the refusal of that code, whatever its text.
bool has_code(const xml::StanzaError& error, Errc code);
/// feature-not-implemented with `<unsupported feature='…'/>`.
xml::StanzaError unsupported(std::string_view feature, std::string text);
/// XEP-0050 §4.4: bad-request and what of the command was bad.
xml::StanzaError bad_command(const char* condition, std::string text);
/// §6.1.3.11: the node has moved to `uri`.
xml::StanzaError gone(std::string uri);

}   // namespace grid::pubsub
