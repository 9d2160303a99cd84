// controller/accounts/event.hpp: the event of a changed account, and the notices that follow.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/accounts/accounts.hpp"
#include "controller/ports.hpp"
#include "controller/settings.hpp"

namespace grid::controller {

/// The event record of a batch that changes an account: first byte Tag::Account.
struct AccountEvent {
    std::string account;
    AccountState before = AccountState::Init, after = AccountState::Init;
    bool groups_changed = false;
    bool has_expired =
        false;       // PENDING too long: the record is gone, the session may register again
    Groups groups;   // after
    /// True when the account is now pinned to a key: streams that another key opened must end.
    bool is_pinned = false;
    bool device_changed = false;     // the policy may decide otherwise about it now
    bool is_moved = false;           // to another CA
    bool is_own_wish = false;        // the client itself gave its account up
    bool password_changed = false;   // from one to another, or to none
    bool operator==(const AccountEvent&) const = default;
};

std::string encode(const AccountEvent& event);
std::optional<AccountEvent> decode_account_event(std::string_view bytes);

}   // namespace grid::controller
