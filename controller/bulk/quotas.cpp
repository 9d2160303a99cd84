// controller/bulk/quotas.cpp: counting transfers and bytes.
#include "controller/bulk/quotas.hpp"

#include <algorithm>
#include <array>

namespace grid::controller::bulk {

namespace {

struct Unit {
    std::uint64_t size;
    std::string_view name;
};

/// In the largest unit that the number is a multiple of.
template <std::size_t count>
std::string in_words(std::uint64_t number, const std::array<Unit, count>& units) {
    for (const Unit& unit : units)
        if (number % unit.size == 0)
            return std::to_string(number / unit.size) + " " + std::string(unit.name);
    return std::to_string(number);
}

std::string bytes_in_words(std::uint64_t bytes) {
    static constexpr std::array units{
        Unit{1ULL << 40U, "TiB"}, Unit{1ULL << 30U, "GiB"}, Unit{1ULL << 20U, "MiB"},
        Unit{1ULL << 10U, "KiB"}, Unit{1, "bytes"}
    };
    return in_words(bytes, units);
}

std::string seconds_in_words(std::uint64_t seconds) {
    static constexpr std::array units{Unit{3600, "hours"}, Unit{60, "minutes"}, Unit{1, "seconds"}};
    return in_words(seconds, units);
}

}   // namespace

std::string told_bytes_bound(const Settings& settings) {
    return "this account has moved the " + bytes_in_words(settings.bytes_per_account_max) +
           " that it may move within " + seconds_in_words(settings.window_seconds) +
           " (the option bulk.bytes_per_account_max)";
}

/// The window of an account that moved nothing since its end begins with its next byte.
void Quotas::turn_over(Account& account, std::uint64_t now) const {
    if (account.bytes == 0 || now - account.window_began < window_ms()) return;
    account.bytes = 0;
}

std::optional<Quotas::Refusal> Quotas::begin(std::string_view account, std::uint64_t now) {
    if (running_ >= settings_.transfers_max)
        return Refusal{
            "bulk.transfers_max",
            "all " + std::to_string(settings_.transfers_max) +
                " transfers that this server runs at once are taken (the option "
                "bulk.transfers_max)",
            {}
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
            {"bulk.transfers_per_account_max",
             "this account has the " + std::to_string(settings_.transfers_per_account_max) +
                 " transfers that it may have at once (the option bulk.transfers_per_account_max)",
             {}}
        );
    if (settings_.bytes_per_account_max != 0 && counted.bytes >= settings_.bytes_per_account_max)
        return refuse(
            {"bulk.bytes_per_account_max", told_bytes_bound(settings_),
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
