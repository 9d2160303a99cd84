// server/presence/roster_contacts.hpp: the broker's questions about rosters: subscriptions to an
// owner's presence, and groups.
#pragma once

#include <algorithm>

#include "controller/controller.hpp"
#include "pubsub/ports/ports.hpp"

namespace grid::server {

/// Core strand.
class RosterContacts final : public pubsub::Contacts {
public:
    /// The controller may be made later: it is asked first when a request is decided.
    explicit RosterContacts(const controller::Controller& controller) : controller_(controller) {}

    bool has_presence_subscription(const xml::Jid& owner, const xml::Jid& contact) const override {
        return owner == contact || controller_.rosters().standing(owner.str(), contact.str()).from;
    }
    bool is_in_group(
        const xml::Jid& owner, const xml::Jid& contact, const std::vector<std::string>& groups
    ) const override {
        const auto* item = controller_.rosters().of(owner.str()).find(contact.str());
        return item != nullptr && std::ranges::any_of(item->groups, [&](const std::string& group) {
                   return std::ranges::find(groups, group) != groups.end();
               });
    }
    bool is_available() const override { return true; }

private:
    const controller::Controller& controller_;
};

}   // namespace grid::server
