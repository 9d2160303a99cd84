// pubsub/requests/personal.hpp: requests to an account's own address (XEP-0163), and answers from
// there.
#pragma once

#include <optional>
#include <string_view>

#include "pubsub/errors.hpp"
#include "pubsub/requests/requests.hpp"

namespace grid::pubsub {

/// Makes the request one about that account's nodes (pubsub/ports/personal.hpp). Refused where
/// accounts have no such thing: collections, archives, further owners.
std::optional<xml::StanzaError> place_at_account(Request& request, std::string_view owner);

/// The decision with names as the account's clients know them.
Decision shown_by_account(Decision decision, std::string_view owner);

}   // namespace grid::pubsub
