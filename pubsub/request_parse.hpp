// pubsub/request_parse.hpp: from the payload of an iq to a request. Knows settings, no state.
#pragma once

#include <optional>
#include <string>

#include "pubsub/access.hpp"
#include "pubsub/use_cases.hpp"

namespace grid::pubsub {

/// Nothing: not for this service. An error: for it, but wrong.
std::optional<Checked<Request>> parse_request(const IqRequest& iq, const Settings& settings);
/// Requests in `…pubsub#owner`.
Checked<Request> parse_owner_request(const IqRequest& iq, const Settings& settings);
/// The answer to an approval request, if this message is one.
std::optional<Approval> parse_approval(const xml::Element& message);

// Shared by both halves.
Checked<std::string> required_node(const xml::Element& element, const Settings& settings);
/// The submitted form in `<configure/>` and the like; nothing when there is none.
Checked<std::optional<xml::Form>> form_in(const xml::Element& parent);
std::optional<xml::StanzaError> require_type(const IqRequest& iq, xml::IqType type);
Checked<std::optional<xml::RsmRequest>> page_in(const xml::Element& parent);

}   // namespace grid::pubsub
