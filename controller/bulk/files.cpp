// controller/bulk/files.cpp: see controller/bulk/files.hpp.
#include "controller/bulk/files.hpp"

#include <iterator>

#include "controller/audit/record.hpp"

namespace grid::controller::bulk {

void Files::drop(std::map<std::string, File, std::less<>>::iterator at) {
    const File& file = at->second;
    --all_.files;
    all_.bytes -= file.size;
    expiry_.erase({file.expires, file.id});
    const auto account = accounts_.find(file.owner);
    if (--account->second.usage.files == 0) {
        accounts_.erase(account);
    } else {
        account->second.usage.bytes -= file.size;
        account->second.expiry.erase({file.expires, file.id});
    }
    files_.erase(at);
}

void Files::apply(std::string_view id, const std::optional<storage::Record>& record) {
    if (const auto known = files_.find(id); known != files_.end()) drop(known);
    auto file = record ? decode_file(id, record->value) : std::nullopt;
    if (!file) {
        orphans_.erase(std::string(id));
        return;
    }
    file->revision = record->revision;
    OfAccount& account = accounts_[file->owner];
    for (Usage* usage : {&all_, &account.usage}) {
        ++usage->files;
        usage->bytes += file->size;
    }
    for (Expiry* expiry : {&expiry_, &account.expiry}) expiry->emplace(file->expires, file->id);
    files_.emplace(file->id, std::move(*file));
}

void Files::forget() { *this = {}; }

void Files::account_gone(std::string_view account) {
    const auto found = accounts_.find(account);
    if (found == accounts_.end()) return;
    for (const auto& [expires, id] : found->second.expiry) orphans_.insert(id);
}

void Files::drop_unless(const std::function<bool(std::string_view)>& is_there) {
    for (const auto& [name, account] : accounts_)
        if (!is_there(name)) account_gone(name);
}

const File* Files::find(std::string_view id) const {
    const auto found = files_.find(id);
    return found == files_.end() ? nullptr : &found->second;
}

Files::Usage Files::usage(std::string_view account) const {
    const auto found = accounts_.find(account);
    return found == accounts_.end() ? Usage{} : found->second.usage;
}

std::optional<storage::Millis> Files::next_expiry(std::string_view account) const {
    const auto found = accounts_.find(account);
    if (!account.empty() && found == accounts_.end()) return std::nullopt;
    const Expiry& expiry = account.empty() ? expiry_ : found->second.expiry;
    if (expiry.empty()) return std::nullopt;
    return expiry.begin()->first;
}

storage::Batch Files::erase(const File& file) {
    storage::Batch batch;
    batch.expect(storage::Family::Control, file_key(file.id), file.revision);
    batch.erase(storage::Family::Control, file_key(file.id));
    batch.event = encode_removed(file.id);
    return batch;
}

std::vector<storage::Batch> Files::due(storage::Millis now, std::size_t max) const {
    std::vector<storage::Batch> batches;
    const auto add = [&](const File& file, const char* why) {
        storage::Batch& batch = batches.emplace_back(erase(file));
        if (!file.is_complete) return;   // a slot that was never filled is no news
        audit::Record record;
        record.actor = "system";
        record.operation = "file-remove";
        record.target = file.owner;
        record.detail = file.name + ": " + why;
        audit::append(batch, record);
    };
    for (auto at = orphans_.begin(); at != orphans_.end() && batches.size() < max; ++at)
        if (const File* file = find(*at)) add(*file, "its account is gone");
    for (auto at = expiry_.begin(); at != expiry_.end() && at->first <= now && batches.size() < max;
         ++at)
        if (const File* file = find(at->second); file != nullptr && !orphans_.contains(file->id))
            add(*file, "its time was over");
    return batches;
}

}   // namespace grid::controller::bulk
