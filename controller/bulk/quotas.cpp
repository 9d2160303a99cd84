// controller/bulk/quotas.cpp: counting transfers and bytes.
#include "controller/bulk/quotas.hpp"

#include <algorithm>

namespace grid::controller::bulk {

/// The window of an account that moved nothing since its end begins with its next byte.
void Quotas::turn_over(Account& account, std::uint64_t now) const {
    if (account.bytes == 0 || now - account.window_began < window_ms()) return;
    account.bytes = 0;
}

std::optional<Quotas::Refusal> Quotas::begin(std::string_view account, std::uint64_t now) {
    if (running_ >= settings_.transfers_max)
        return Refusal{
            "bulk.transfers_max", "all transfers that this server runs at once are taken", {}
        };
    auto found = accounts_.find(account);
    if (found == accounts_.end()) found = accounts_.emplace(account, Account{}).first;
    Account& counted = found->second;
    turn_over(counted, now);
    const auto refuse = [&](Refusal refusal) {
        if (counted.running == 0 && counted.bytes == 0) accounts_.erase(found);
        return refusal;
    };
    if (counted.running >= settings_.transfers_per_account_max)
        return refuse(
            {"bulk.transfers_per_account_max", "this account has as many transfers as it may", {}}
        );
    if (settings_.bytes_per_account_max != 0 && counted.bytes >= settings_.bytes_per_account_max)
        return refuse(
            {"bulk.bytes_per_account_max", "this account has moved as many bytes as it may for now",
             counted.window_began + window_ms() - now}
        );
    ++counted.running;
    ++running_;
    return std::nullopt;
}

void Quotas::end(std::string_view account, std::uint64_t now) {
    const auto found = accounts_.find(account);
    if (found == accounts_.end() || found->second.running == 0) return;
    --found->second.running;
    --running_;
    turn_over(found->second, now);
    if (found->second.running == 0 && found->second.bytes == 0) accounts_.erase(found);
}

bool Quotas::take(std::string_view account, std::uint64_t bytes, std::uint64_t now) {
    if (settings_.bytes_per_account_max == 0) return true;
    const auto found = accounts_.find(account);
    if (found == accounts_.end()) return true;   // the account has no transfer
    Account& counted = found->second;
    turn_over(counted, now);
    if (counted.bytes == 0) counted.window_began = now;
    counted.bytes += bytes;
    return counted.bytes <= settings_.bytes_per_account_max;
}

void Quotas::tidy(std::uint64_t now, std::size_t accounts_max) {
    auto at = accounts_.upper_bound(tidied_to_);
    for (std::size_t looked = 0; looked < accounts_max && at != accounts_.end(); ++looked) {
        tidied_to_ = at->first;
        turn_over(at->second, now);
        at = at->second.running == 0 && at->second.bytes == 0 ? accounts_.erase(at) : std::next(at);
    }
    if (at == accounts_.end()) tidied_to_.clear();
}

}   // namespace grid::controller::bulk
