// server/presence/roster_contacts.hpp: the broker's questions about rosters: subscriptions to an
// owner's presence, groups, and the sessions that ask for an owner's events.
#pragma once

#include "controller/controller.hpp"
#include "pubsub/ports/ports.hpp"
#include "server/presence/interests.hpp"
#include "server/session/registry.hpp"

namespace grid::server {

/// Core strand.
class RosterContacts final : public pubsub::Contacts {
public:
    /// The controller may be made later: it is asked first when a request is decided.
    RosterContacts(
        const controller::Controller& controller,
        const SessionRegistry& sessions,
        const Interests& interests
    )
        : controller_(controller), sessions_(sessions), interests_(interests) {}

    bool has_presence_subscription(const xml::Jid& owner, const xml::Jid& contact) const override;
    bool is_in_group(
        const xml::Jid& owner, const xml::Jid& contact, const std::vector<std::string>& groups
    ) const override;
    bool may_reach(const xml::Jid& owner, const xml::Jid& contact) const override;
    void each_interested(
        const xml::Jid& owner,
        std::string_view node,
        std::string_view account,
        const VisitSession& visit
    ) const override;
    bool is_logged_in(const xml::Jid& subscriber) const override;
    bool is_available() const override { return true; }

private:
    void visit_account(
        const xml::Jid& owner,
        std::string_view account,
        std::string_view node,
        const VisitSession& visit
    ) const;

    const controller::Controller& controller_;
    const SessionRegistry& sessions_;
    const Interests& interests_;
};

}   // namespace grid::server
