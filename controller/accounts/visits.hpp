// controller/accounts/visits.hpp: when accounts logged in, first and last.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/accounts/account.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// The logins of one account. Times are those of the wall clock.
struct Visit {
    storage::Millis account =
        0;   // `created` of the account; another account of that name has none
    storage::Millis first = 0, last = 0;
    storage::Millis motd = 0;   // `set` of the message of the day that it was sent last; 0: none
    bool operator==(const Visit&) const = default;
};

/// Written before the next change, or within a second: a process that ends forgets the logins of
/// its last second. Core strand.
class Visits {
public:
    void apply(std::string_view jid, const std::optional<storage::Record>& record);
    /// Before a scan: what is not written yet stays.
    void forget();
    /// Null: the account has never logged in.
    const Visit* find(const Account& account) const;

    /// A session of the account logged in.
    void came(const Account& account, storage::Millis now);
    /// The account, which has logged in, was sent the message of the day that was set then.
    void was_sent_motd(const Account& account, storage::Millis set);
    /// The account is no more, and its logins with it.
    void account_gone(std::string_view jid);
    /// At most one batch, a second after the last one. 0: at once.
    std::optional<storage::Batch> due(storage::Millis now);

private:
    std::map<std::string, Visit, std::less<>> visits_;
    std::set<std::string, std::less<>> unwritten_;
    storage::Millis written_ = 0;   // when
};

std::string visit_key(std::string_view jid);

}   // namespace grid::controller
