// controller/accounts/notices.cpp: see controller/accounts/notices.hpp.
#include "controller/accounts/notices.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {
constexpr std::uint8_t notice_version = 1;
}   // namespace

std::string notice_key(std::string_view jid, std::string_view kind) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Notice)).text(jid).text(kind);
    return out.take();
}

void Notices::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder key(rest);
    const std::string jid(key.text()), kind(key.text());
    if (!key.ok() || !key.at_end()) return;
    // The remembered delivery was one of an earlier record.
    if (!record || !is_told(jid, kind, record->revision)) told_.erase(notice_key(jid, kind));
    std::optional<Notice> notice;
    if (record) {
        storage::Decoder in(record->value);
        if (in.u8() == notice_version)
            notice = {record->revision, record->time, std::string(in.text())};
        if (!in.ok()) notice.reset();
    }
    if (notice) {
        by_account_[jid].insert_or_assign(kind, std::move(*notice));
        return;
    }
    const auto found = by_account_.find(jid);
    if (found == by_account_.end()) return;
    found->second.erase(kind);
    if (found->second.empty()) by_account_.erase(found);
}

const Notices::OfAccount* Notices::find(std::string_view jid) const {
    const auto found = by_account_.find(jid);
    return found == by_account_.end() ? nullptr : &found->second;
}

const Notices::Notice* Notices::find(std::string_view jid, std::string_view kind) const {
    const OfAccount* mine = find(jid);
    if (mine == nullptr) return nullptr;
    const auto found = mine->find(kind);
    return found == mine->end() ? nullptr : &found->second;
}

void Notices::put(
    storage::Batch& batch, std::string_view jid, std::string_view kind, std::string inside
) const {
    const OfAccount* mine = find(jid);
    if (mine != nullptr && mine->size() >= notices_per_account_max && !mine->contains(kind)) {
        const auto oldest = std::ranges::min_element(*mine, {}, [](const auto& entry) {
            return entry.second.revision;
        });
        batch.erase(storage::Family::Control, notice_key(jid, oldest->first));
    }
    storage::Encoder out;
    out.u8(notice_version).text(inside);
    batch.put(storage::Family::Control, notice_key(jid, kind), out.take());
}

bool Notices::has_room(std::string_view jid) const {
    const OfAccount* mine = find(jid);
    if (mine == nullptr) return by_account_.size() < notices_accounts_max;
    return mine->size() < notices_per_account_max;
}

void Notices::erase_all(storage::Batch& batch, std::string_view jid) const {
    if (const OfAccount* mine = find(jid))
        for (const auto& [kind, notice] : *mine)
            batch.erase(storage::Family::Control, notice_key(jid, kind));
}

void Notices::missed(
    std::string_view jid, std::string_view kind, storage::Revision revision, std::string inside
) {
    if (missed_.size() >= notices_accounts_max || !has_room(jid)) return;
    const Notice* present = find(jid, kind);
    if (present != nullptr && present->revision >= revision) return;
    missed_.push_back({std::string(jid), std::string(kind), std::move(inside), revision});
}

void Notices::told(std::string_view jid, std::string_view kind, storage::Revision revision) {
    const Notice* present = find(jid, kind);
    if (present == nullptr || present->revision != revision) return;
    Told& one = told_[notice_key(jid, kind)];
    if (one.revision != revision) one = {revision, false};
}

bool Notices::is_told(std::string_view jid, std::string_view kind, storage::Revision revision)
    const {
    const auto found = told_.find(notice_key(jid, kind));
    return found != told_.end() && found->second.revision == revision;
}

std::vector<storage::Batch> Notices::due(std::size_t max) {
    std::vector<storage::Batch> batches;
    for (; !missed_.empty() && batches.size() < max; missed_.pop_front()) {
        Missed& missed = missed_.front();
        const Notice* present = find(missed.jid, missed.kind);
        if (present != nullptr && present->revision >= missed.revision) continue;
        storage::Batch& batch = batches.emplace_back();
        batch.expect(
            storage::Family::Control, notice_key(missed.jid, missed.kind),
            present == nullptr ? 0 : present->revision
        );
        put(batch, missed.jid, missed.kind, std::move(missed.inside));
        batch.event = late_notices_event;
    }
    for (auto& [key, told] : told_) {
        if (batches.size() == max) break;
        if (std::exchange(told.is_proposed, true)) continue;
        // A newer notice may have taken its place: that one is kept, and this batch refused.
        storage::Batch& batch = batches.emplace_back();
        batch.expect(storage::Family::Control, key, told.revision);
        batch.erase(storage::Family::Control, key);
    }
    return batches;
}

}   // namespace grid::controller
