// controller/accounts/visits.cpp: see controller/accounts/visits.hpp.
#include "controller/accounts/visits.hpp"

#include <algorithm>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t visit_version = 1;
constexpr storage::Millis interval_ms = 1'000;
constexpr std::size_t accounts_per_batch_max = 100;

std::string encode_visit(const Visit& visit) {
    storage::Encoder out;
    out.u8(visit_version).i64(visit.account).i64(visit.first).i64(visit.last).i64(visit.motd);
    return out.take();
}

std::optional<Visit> decode_visit(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != visit_version) return std::nullopt;
    Visit visit;
    visit.account = in.i64();
    visit.first = in.i64();
    visit.last = in.i64();
    visit.motd = in.i64();
    return in.ok() ? std::optional(visit) : std::nullopt;
}

}   // namespace

std::string visit_key(std::string_view jid) {
    return std::string(1, static_cast<char>(storage::Tag::Visit)).append(jid);
}

void Visits::apply(std::string_view jid, const std::optional<storage::Record>& record) {
    if (unwritten_.contains(jid)) return;   // memory is newer
    const auto visit = record ? decode_visit(record->value) : std::nullopt;
    if (visit)
        visits_.insert_or_assign(std::string(jid), *visit);
    else if (const auto found = visits_.find(jid); found != visits_.end())
        visits_.erase(found);
}

void Visits::forget() {
    std::erase_if(visits_, [&](const auto& entry) { return !unwritten_.contains(entry.first); });
}

const Visit* Visits::find(const Account& account) const {
    const auto found = visits_.find(account.jid);
    const bool is_its = found != visits_.end() && found->second.account == account.created;
    return is_its ? &found->second : nullptr;
}

void Visits::came(const Account& account, storage::Millis now) {
    Visit visit{account.created, now, now, 0};
    if (const Visit* before = find(account)) {
        visit = *before;
        visit.last = now;
    }
    visits_.insert_or_assign(account.jid, visit);
    unwritten_.insert(account.jid);
}

void Visits::was_sent_motd(const Account& account, storage::Millis set) {
    const auto found = visits_.find(account.jid);
    if (find(account) == nullptr || found->second.motd == set) return;
    found->second.motd = set;
    unwritten_.insert(account.jid);
}

void Visits::account_gone(std::string_view jid) {
    const auto found = visits_.find(jid);
    if (found == visits_.end()) return;
    visits_.erase(found);
    unwritten_.emplace(jid);
}

std::optional<storage::Batch> Visits::due(storage::Millis now) {
    const bool is_early = now != 0 && now >= written_ && now - written_ < interval_ms;
    if (unwritten_.empty() || is_early) return std::nullopt;
    written_ = now;
    storage::Batch batch;
    for (std::size_t i = 0; i < accounts_per_batch_max && !unwritten_.empty(); ++i) {
        const auto jid = unwritten_.extract(unwritten_.begin()).value();
        if (const auto found = visits_.find(jid); found != visits_.end())
            batch.put(storage::Family::Control, visit_key(jid), encode_visit(found->second));
        else
            batch.erase(storage::Family::Control, visit_key(jid));
    }
    if (!unwritten_.empty()) written_ = 0;   // the rest is due at once
    return batch;
}

}   // namespace grid::controller
