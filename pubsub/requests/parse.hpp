// pubsub/requests/parse.hpp: from the payload of an iq to a request. Knows settings, no state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/errors.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/element.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

/// nullopt: the IQ is not for this service. An error: it is, but malformed.
std::optional<Checked<Request>> parse_request(const IqRequest& iq, const Settings& settings);
/// Requests in `…pubsub#owner`.
Checked<Request> parse_owner_request(const IqRequest& iq, const Settings& settings);
/// The answer to an approval request, if this message is one. An error: it is, but malformed.
std::optional<Checked<Approval>> parse_approval(const xml::Element& message);
/// §8.6: an owner gives the form up. The subscription stays pending, and that is no error.
bool is_approval_given_up(const xml::Element& message);

// pubsub/requests/parse_options.cpp.
/// §6.3.7: `<options/>` beside `<subscribe/>`.
std::optional<xml::StanzaError> take_options(Subscribe& request, const xml::Element& pubsub);
Checked<Request> parse_options(
    const IqRequest& iq, const xml::Element& options, const Settings& settings
);
Checked<Request> parse_default_options(const xml::Element& element, const Settings& settings);
/// `<command/>` in its own namespace.
Checked<Request> parse_command(const IqRequest& iq);
/// An error message that answers a notification, if this message is one.
std::optional<Bounce> parse_bounce(const xml::Element& message);

// Shared by all.
/// The only one of the elements that name operations: nothing is done of several, since one answer
/// cannot tell what became of each.
Checked<const xml::Element*> only_use_case(const std::vector<const xml::Element*>& named);
Checked<std::string> required_node(const xml::Element& element, const Settings& settings);
/// The submitted form in `<configure/>` and the like; nothing when there is none.
Checked<std::optional<xml::Form>> form_in(const xml::Element& parent);
std::optional<std::string> optional_attr(const xml::Element& element, std::string_view name);
/// XEP-0004 §3: a form that was filled in is of type submit, one that was given up of type cancel.
std::optional<xml::StanzaError> check_filled_in(const xml::Form& form);
std::optional<xml::StanzaError> require_type(const IqRequest& iq, xml::IqType type);
Checked<std::optional<xml::RsmRequest>> page_in(const xml::Element& parent);

inline const xml::Ns archive_ns{"urn:xmpp:mam:2"};
/// before-id, after-id, ids, flipped pages, metadata (XEP-0313 §8).
inline constexpr const char* archive_extended = "urn:xmpp:mam:2#extended";

/// A submitted `<query/>`, but for its node; at most `ids_max` single ids.
Checked<QueryArchive> parse_archive_query(const xml::Element& payload, std::size_t ids_max);
/// `<query/>` and `<metadata/>` requests; nothing for any other payload.
std::optional<Checked<Request>> parse_archive_request(
    const IqRequest& iq, const Settings& settings
);

}   // namespace grid::pubsub
