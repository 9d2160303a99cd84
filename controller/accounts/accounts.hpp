// controller/accounts/accounts.hpp: all accounts in memory, a function of their records alone.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/accounts/account.hpp"
#include "controller/accounts/notices.hpp"
#include "controller/credentials/tokens.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// The guard records of PENDING accounts: each holds one of `pending_per_anchor_max` slots of its
/// trust anchor, and a batch that takes a slot expects that it is free. So the cap is exact, and
/// registrations wait for each other only when they pick the same slot.
class PendingSlots {
public:
    struct Slot {
        std::string account;
        storage::Revision revision = 0;
        bool operator==(const Slot&) const = default;
    };
    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    /// A free slot for the account, counted from 1; 0 when all `slots_max` are taken.
    std::uint32_t pick(std::string_view anchor, std::string_view account, std::size_t slots_max)
        const;
    const Slot* find(std::string_view anchor, std::uint32_t slot) const;
    std::size_t taken(std::string_view anchor) const;
    bool operator==(const PendingSlots&) const = default;

private:
    std::map<std::string, std::map<std::uint32_t, Slot>, std::less<>> by_anchor_;
};
std::string slot_key(std::string_view anchor, std::uint32_t slot);
/// In the place of an anchor: its slot 0 is the guard of the number of all accounts.
inline constexpr std::string_view every_anchor = "*";

/// The effect of a changed account record on rights.
struct AccountApplied {
    std::string jid;
    bool rights_changed = false;   // an earlier answer about this account may be wrong now
};

class Accounts {
public:
    AccountApplied apply(std::string_view jid, const std::optional<storage::Record>& record);
    void apply_slot(std::string_view rest, const std::optional<storage::Record>& record) {
        slots_.apply(rest, record);
    }

    void apply_leaver(std::string_view jid, const std::optional<storage::Record>& record);
    /// Revision of the note that the broker is to remove what a deleted account left there; 0:
    /// none.
    storage::Revision leaver(std::string_view jid) const;

    /// Null for an account that is not stored (INIT).
    const Account* find(std::string_view jid) const;
    std::size_t size() const { return accounts_.size(); }
    std::size_t count(AccountState state) const { return of(state).size(); }
    const PendingSlots& slots() const { return slots_; }
    /// The notices for accounts: they are deleted with their account.
    const Notices& notices() const { return notices_; }
    Notices& notices() { return notices_; }
    /// Tokens of accounts: they are void with the password, and deleted with it.
    const TokenTable& tokens() const { return tokens_; }
    TokenTable& tokens() { return tokens_; }
    /// By name, after `after`, at most `max`; only those in `state` when it is given.
    std::vector<const Account*> page(
        std::string_view after, std::size_t max, std::optional<AccountState> state
    ) const;
    struct Found {
        std::vector<const Account*> accounts;
        std::string_view next;   // the last name that was looked at; empty: there are no more
    };
    /// The same, of those with that part in their names, letters of ASCII in any case. So many
    /// names are looked at, so that a page may be short.
    Found search(
        std::string_view after,
        std::size_t max,
        std::optional<AccountState> state,
        std::string_view part,
        std::size_t looked_at_max
    ) const;
    /// How many accounts' names are before that one or equal to it; and the last of so many names,
    /// empty for none.
    std::size_t place_of(std::string_view jid) const;
    std::string_view name_at(std::size_t place) const;
    /// Members of a group, whatever their state; null when there are none.
    const std::set<std::string_view>* members(std::string_view group) const;
    const std::map<std::string, std::set<std::string_view>, std::less<>>& groups() const {
        return members_;
    }
    /// PENDING accounts created before that time, oldest first.
    std::vector<const Account*> pending_before(storage::Millis time, std::size_t max) const;
    /// Equal records (for the property that a scan equals what is live).
    bool operator==(const Accounts& other) const {
        return accounts_ == other.accounts_ && slots_ == other.slots_ &&
               notices_ == other.notices_ && tokens_ == other.tokens_;
    }

private:
    void link(const Account& account);
    void unlink(const Account& account);
    const std::set<std::string_view>& of(AccountState state) const {
        return by_state_.at(static_cast<std::size_t>(state));
    }

    TextMap<Account> accounts_;
    // Views into the records above.
    std::set<std::string_view> by_name_;
    std::array<std::set<std::string_view>, 4> by_state_;
    std::map<std::string, std::set<std::string_view>, std::less<>> members_;
    std::set<std::pair<storage::Millis, std::string_view>> pending_;
    PendingSlots slots_;
    Notices notices_;
    TokenTable tokens_;
    std::map<std::string, storage::Revision, std::less<>> leavers_;
};

}   // namespace grid::controller
