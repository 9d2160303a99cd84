// controller/accounts/notices.cpp: see controller/accounts/notices.hpp.
#include "controller/accounts/notices.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {
constexpr std::uint8_t spool_version = 1;
}   // namespace

std::string spool_key(std::string_view jid, std::string_view kind) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Spool)).text(jid).text(kind);
    return out.take();
}

void Spool::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder key(rest);
    const std::string jid(key.text()), kind(key.text());
    if (!key.ok() || !key.at_end()) return;
    // The remembered delivery was one of an earlier record.
    if (!record || !is_told(jid, kind, record->revision)) told_.erase(spool_key(jid, kind));
    std::optional<Note> note;
    if (record) {
        storage::Decoder in(record->value);
        if (in.u8() == spool_version)
            note = {record->revision, record->time, std::string(in.text())};
        if (!in.ok()) note.reset();
    }
    if (note) {
        notes_[jid].insert_or_assign(kind, std::move(*note));
        return;
    }
    const auto found = notes_.find(jid);
    if (found == notes_.end()) return;
    found->second.erase(kind);
    if (found->second.empty()) notes_.erase(found);
}

const Spool::Notes* Spool::find(std::string_view jid) const {
    const auto found = notes_.find(jid);
    return found == notes_.end() ? nullptr : &found->second;
}

void Spool::put(
    storage::Batch& batch, std::string_view jid, std::string_view kind, std::string inside
) const {
    const Notes* notes = find(jid);
    if (notes != nullptr && notes->size() >= spool_per_account_max && !notes->contains(kind)) {
        const auto oldest = std::ranges::min_element(*notes, {}, [](const auto& entry) {
            return entry.second.revision;
        });
        batch.erase(storage::Family::Control, spool_key(jid, oldest->first));
    }
    storage::Encoder out;
    out.u8(spool_version).text(inside);
    batch.put(storage::Family::Control, spool_key(jid, kind), out.take());
}

bool Spool::has_room(std::string_view jid) const {
    const Notes* notes = find(jid);
    if (notes == nullptr) return notes_.size() < spool_accounts_max;
    return notes->size() < spool_per_account_max;
}

void Spool::erase_all(storage::Batch& batch, std::string_view jid) const {
    if (const Notes* notes = find(jid))
        for (const auto& [kind, note] : *notes)
            batch.erase(storage::Family::Control, spool_key(jid, kind));
}

void Spool::told(std::string_view jid, std::string_view kind, storage::Revision revision) {
    const Notes* notes = find(jid);
    const auto note = notes ? notes->find(kind) : Notes::const_iterator{};
    if (notes == nullptr || note == notes->end() || note->second.revision != revision) return;
    Told& one = told_[spool_key(jid, kind)];
    if (one.revision != revision) one = {revision, false};
}

bool Spool::is_told(std::string_view jid, std::string_view kind, storage::Revision revision) const {
    const auto found = told_.find(spool_key(jid, kind));
    return found != told_.end() && found->second.revision == revision;
}

std::vector<storage::Batch> Spool::due(std::size_t max) {
    std::vector<storage::Batch> batches;
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
