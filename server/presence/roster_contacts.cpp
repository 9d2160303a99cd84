// server/presence/roster_contacts.cpp: see roster_contacts.hpp.
#include "server/presence/roster_contacts.hpp"

#include <algorithm>

namespace grid::server {

bool RosterContacts::has_presence_subscription(const xml::Jid& owner, const xml::Jid& contact)
    const {
    return owner == contact || controller_.rosters().standing(owner.str(), contact.str()).from;
}

bool RosterContacts::is_in_group(
    const xml::Jid& owner, const xml::Jid& contact, const std::vector<std::string>& groups
) const {
    const auto* item = controller_.rosters().of(owner.str()).find(contact.str());
    return item != nullptr && std::ranges::any_of(item->groups, [&](const std::string& group) {
               return std::ranges::find(groups, group) != groups.end();
           });
}

bool RosterContacts::may_reach(const xml::Jid& owner, const xml::Jid& contact) const {
    return controller_.may_reach(owner.str(), contact.str()) &&
           !controller_.is_blocked(owner, contact) && !controller_.is_blocked(contact, owner);
}

bool RosterContacts::is_logged_in(const xml::Jid& subscriber) const {
    if (!sessions_.knows_all()) return true;
    const auto& all = sessions_.of_account(subscriber.bare_view());
    return std::ranges::any_of(all, [&](const SessionPtr& one) {
        return one->is_active && (subscriber.is_bare() || one->jid == subscriber);
    });
}

/// Not a session that the owner has blocked (XEP-0191 §5).
void RosterContacts::visit_account(
    const xml::Jid& owner,
    std::string_view account,
    std::string_view node,
    const VisitSession& visit
) const {
    for (const SessionPtr& session : sessions_.of_account(account))
        if (interests_.wants(session->id, node) && !controller_.is_blocked(owner, session->jid))
            visit(session->jid);
}

/// A roster has at most `contacts.items_max` contacts, and each costs two look-ups.
void RosterContacts::each_interested(
    const xml::Jid& owner,
    std::string_view node,
    std::string_view account,
    const VisitSession& visit
) const {
    if (interests_.is_empty()) return;
    if (account.empty() || account == owner.str()) visit_account(owner, owner.str(), node, visit);
    const auto& roster = controller_.rosters().of(owner.str());
    if (!account.empty()) {
        const auto* item = account == owner.str() ? nullptr : roster.find(account);
        if (item != nullptr && item->from) visit_account(owner, account, node, visit);
        return;
    }
    for (const auto& [contact, item] : roster.items)
        if (item.from) visit_account(owner, contact, node, visit);
}

}   // namespace grid::server
