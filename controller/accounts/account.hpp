// controller/accounts/account.hpp: an account record: who, in which state, bound to which
// certificate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/identity.hpp"
#include "controller/ports.hpp"
#include "controller/roles/role.hpp"
#include "pubsub/ports/ports.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// The state of an account. INIT is "no record": an account is not stored before it registers.
enum class AccountState { Init, Pending, Enabled, Disabled };
std::string_view to_string(AccountState state);

inline constexpr std::size_t groups_per_account_max = 64;
inline constexpr std::size_t group_name_bytes_max = 128;
inline constexpr std::size_t description_bytes_max = 1024;
inline constexpr std::size_t device_type_bytes_max = 128;
inline constexpr std::size_t other_anchors_max = 16;

/// Of Account::approved_by; no JID begins so.
inline const std::string approved_by_rule_prefix = "rule ";

/// Names of groups, sorted, each once.
using Groups = std::vector<std::string>;

struct Account {
    std::string jid;   // canonical bare JID
    AccountState state = AccountState::Init;
    Groups groups;
    Groups wished;   // as registered: a wish only, the administrator decides
    /// `device_type` is what a person, or a rule that names it, took: it counts for the policy.
    std::string description, device_type;
    std::string claimed_device;       // as the client describes itself: a wish only
    bool claim_has_changed = false;   // since it registered, while it waited: a person must name it

    /// The CA that this account is bound to, usually a trust anchor; empty: made by an
    /// administrator, and bound to the first certificate that logs in as it.
    std::string anchor;
    Groups other_anchors;   // keys of further CAs that are as good, sorted
    std::string fingerprint, subject, issuer, serial;   // of the newest certificate seen
    storage::Millis not_before = 0, not_after = 0;
    bool is_mapped = false;   // the certificate named it by a mapping rule, not by an xmppAddr
    std::string key;          // SHA-256 of the newest certificate's public key, hex
    std::string key_pin;      // the only key that may log in; empty: any of that name and anchor
    /// The generation of its credentials (controller/credentials/credentials.hpp); empty: it has no
    /// password.
    std::string password;

    storage::Millis created = 0, changed = 0;
    std::string changed_by;
    /// The author of the last decision on it: an administrator, or the rule that let it in; empty:
    /// none yet.
    std::string approved_by;
    /// PENDING: which guard record of its trust anchor it holds, counted from 1; 0: none.
    std::uint32_t slot = 0;

    storage::Revision revision = 0;   // of its record; not stored in it

    bool is_bound() const { return !anchor.empty(); }
    bool has_password() const { return !password.empty(); }
    /// `authority`: the key of a CA, or the generation of a password behind password_prefix.
    bool is_bound_to(std::string_view authority) const;
    /// Whether any of the CAs that vouch for a certificate is one of the account's, or the password
    /// is its present one.
    bool is_bound_to(const Identity& identity) const;
    /// The same of keys in one text, with blanks between them (pubsub::Principal::issuer).
    bool is_bound_to_any(std::string_view authorities) const;
    bool is_pinned_elsewhere(const Identity& identity) const {
        return !key_pin.empty() && key_pin != identity.key;
    }
    /// True when a rule let it in, and no administrator has decided on it.
    bool is_approved_by_rule() const { return approved_by.starts_with(approved_by_rule_prefix); }
    bool is_in(std::string_view group) const;
    /// Of administration, whatever the account's state; Member where it has none.
    Role role() const { return role_of_groups(groups); }
    bool has_role() const { return role() > Role::Member; }
    /// Takes over what the certificate proved. A new account is bound to all CAs of its paths;
    /// later those below one of them are added, which could only ever issue by its leave.
    void bind(const Identity& identity);
    /// To another CA, or to one more. No certificate of the account was seen then.
    void bind_to(const std::string& authority, bool keeps_others);
    bool operator==(const Account&) const = default;
};

std::string account_key(std::string_view jid);
std::string encode(const Account& account);
/// nullopt when the bytes cannot be understood. `time`: of the record, for one that says 0.
std::optional<Account> decode_account(
    std::string_view jid, std::string_view value, storage::Millis time
);

/// Sorted, each once; nothing when a name is none, or when there are too many.
std::optional<Groups> make_groups(std::vector<std::string> names);
/// Names that a new group may have: 1 to 128 bytes without blanks, control characters, commas,
/// quotes and `#`, which would make them two words, or none, in a policy.
bool is_group_name(std::string_view name);
inline constexpr const char* group_name_rule =
    "a group's name has 1 to 128 bytes, without blanks, commas, quotes, # and control characters";
/// Names of groups in a policy: also (in quotes) those made before blanks were refused.
bool is_group_reference(std::string_view name);
std::optional<AccountState> parse_account_state(std::string_view text);

}   // namespace grid::controller
