// controller/contacts/event.hpp: the effects of a change between contacts on their sessions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grid::controller::contacts {

/// One effect of a batch; all of one batch take place in the order in which they are given.
struct Effect {
    enum class Act : std::uint8_t {
        Push,      // the item is as it is in the store now (RFC 6121 §2.1.6)
        Remove,    // the item is gone
        Ask,       // a request, for the owner's available resources
        Tell,      // any other subscription stanza, for the owner's interested resources
        Present,   // the owner gets the contact's presence
        Absent,    // the owner is told that the contact is unavailable
    };
    Act act = Act::Push;
    std::string owner, contact;   // bare JIDs; the contact of an item may be any JID
    std::string stanza = {};      // of Ask and Tell: behind `<presence to='…'`
    bool operator==(const Effect&) const = default;
};

/// The event of a batch: first byte Tag::Contact.
std::string encode(const std::vector<Effect>& effects);
std::optional<std::vector<Effect>> decode_effects(std::string_view event);

}   // namespace grid::controller::contacts
