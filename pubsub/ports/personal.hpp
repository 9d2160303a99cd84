// pubsub/ports/personal.hpp: names of the nodes of accounts (XEP-0163), which share one store with
// the nodes of the broker's own address.
#pragma once

#include <string>
#include <string_view>

#include "xml/jid.hpp"

namespace grid::pubsub {

struct Settings;

// An account has names of its own: node N of account A is kept under a mark, A, the mark again and
// N. The mark is a control character, which no stanza can hold: no client can say such a name, and
// no node of the broker's address has one. Nodes of accounts come before all others in the order of
// names.

inline constexpr char personal_mark = '\x01';

/// Before the names of that account's nodes. `owner` is a bare JID.
std::string personal_prefix(std::string_view owner);
std::string personal_name(std::string_view owner, std::string_view node);
constexpr bool is_personal(std::string_view name) {
    return !name.empty() && name.front() == personal_mark;
}
/// The account's bare JID; empty for a node of the broker's address.
std::string_view owner_in(std::string_view name);
/// The name by which clients know the node, at its address.
std::string_view shown_name(std::string_view name);
/// The address at which the node is: its account's, or the broker's.
std::string address_of(const Settings& settings, std::string_view name);
/// For logs and the audit, which know no addresses beside names: the URI of a node of an account
/// (XEP-0060 §12.21), any other name as it is.
std::string name_on_record(std::string_view name);
/// Where names of the broker's address begin.
inline constexpr std::string_view first_name_of_broker{"\x02", 1};

}   // namespace grid::pubsub
