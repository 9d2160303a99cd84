// controller/accounts/notice_texts.hpp: notices about accounts, to themselves and to
// administrators.
#pragma once

#include <string>

#include "controller/accounts/event.hpp"
#include "controller/settings.hpp"
#include "storage/store.hpp"

namespace grid::controller {

// Subjects of notices, and their content.
inline const std::string account_notice = "account";
inline const std::string pending_notice_prefix = "pending ";   // and the JID of the account
inline const std::string subscription_notice_prefix =
    "subscription ";   // and the node, by its name in the store; the broker's
inline constexpr std::size_t administrators_told_max = 32;   // a batch has its bound
std::string account_notice_inside(const Account& account);
std::string pending_notice_inside(const Account& account);

/// The parts of the controller that notices are about, and the way out. Core strand.
struct NoticeParts {
    const Settings& settings;
    Accounts& accounts;
    const Sessions& sessions;
    SessionControl& control;
};

/// Sends a resource that has just logged in the notices that were stored while its account was
/// away.
void tell_what_is_owed(const xml::Jid& full, const NoticeParts& parts);

/// Sends a resource one notice of the broker's, of the batch with that revision.
void tell_notice(
    const xml::Jid& full,
    const pubsub::Notice& notice,
    storage::Revision revision,
    const NoticeParts& parts
);

/// Erases the broker's notices of a batch for accounts that have a resource online here: these have
/// heard of what it follows from, of the end of a node.
void forget_what_was_told(const storage::Committed& committed, const NoticeParts& parts);

/// Sends the notices of a batch that came late (Notices::missed) to the accounts' resources that
/// have logged in meanwhile.
void tell_late_notices(const storage::Committed& committed, const NoticeParts& parts);

/// Notifies the account's resources, pushes new PENDING accounts to the administrators, ends
/// streams and has rights checked again.
void notify_account(
    const AccountEvent& event, storage::Revision revision, const NoticeParts& parts
);

}   // namespace grid::controller
