// controller/contacts/exchange.hpp: changes of rosters: an item by itself, or a subscription stanza
// with its effect on both accounts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/contacts/event.hpp"
#include "controller/contacts/rosters.hpp"
#include "storage/batch.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::controller::contacts {

/// A change as a batch without its event, which `finish` sets: both sides of a subscription change
/// together, or neither does.
struct Change {
    storage::Batch batch;
    std::vector<Effect> effects;

    bool is_change() const { return !batch.operations.empty(); }
    void finish() { batch.event = encode(effects); }
};

/// Name and groups of an item, as a roster set gives them (RFC 6121 §2.3, §2.4).
struct NewItem {
    std::string contact, name;
    std::vector<std::string> groups;
};
Result<Change, xml::StanzaError> put_item(
    const Rosters& rosters, const RosterBounds& bounds, std::string_view owner, NewItem item
);

/// One account sends another one subscription stanzas.
struct Exchange {
    std::string owner, contact;   // bare JIDs
    std::vector<Kind> kinds;
    std::string stanza = {};     // of the one kind, behind `<presence to='…'`; empty: a plain one
    bool removes_item = false;   // from the owner's roster (§2.5)
    bool exists = false;         // the contact is an account
    bool may_send = false;       // the contact is enabled, and the policy lets the owner reach it
    bool may_answer = false;     // the policy lets the contact reach the owner
};
/// A contact that does not exist, or that the policy keeps the owner from, answers nothing: the
/// owner's side changes alone.
Result<Change, xml::StanzaError> exchange(
    const Rosters& rosters, const RosterBounds& bounds, const Exchange& wanted
);

/// Removes everything that a deleted account had, at most `contacts_max` contacts of it: their
/// subscriptions end as if it had removed them. No change: nothing is left.
Change leave(const Rosters& rosters, std::string_view owner, std::size_t contacts_max);

/// ` from='…' type='…'/>` of such a stanza that no client sent.
std::string plain_stanza(std::string_view from, Kind kind);

}   // namespace grid::controller::contacts
