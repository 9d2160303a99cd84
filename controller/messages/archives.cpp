// controller/messages/archives.cpp: see controller/messages/archives.hpp.
#include "controller/messages/archives.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t archived_version = 1;
/// The first one had a boolean for the default: always or never, as the numbers are now.
constexpr std::uint8_t rules_version = 2, first_rules_version = 1;
/// A batch erases an index record and a text for each.
constexpr std::size_t erased_in_batch_max = storage::batch_operations_max / 2;
constexpr std::size_t archives_per_round = 256;
constexpr std::size_t key_revision_bytes = 8;

std::string archived_key(std::string_view account, storage::Revision revision) {
    storage::Encoder out(account.size() + 16);
    out.u8(static_cast<std::uint8_t>(storage::Tag::Archived)).text(account).u64(revision);
    return out.take();
}

std::string rules_key(std::string_view account) {
    storage::Encoder out;
    return out.u8(static_cast<std::uint8_t>(storage::Tag::ArchiveRules)).raw(account).take();
}

void erase_archived(storage::Batch& batch, std::string_view account, storage::Revision revision) {
    std::string key = archived_key(account, revision);
    batch.erase(storage::Family::Payload, key);
    batch.erase(storage::Family::Index, std::move(key));
}

std::uint32_t number_of(Archives::Archive& archive, std::string_view name) {
    const auto known = archive.numbers.find(name);
    if (known != archive.numbers.end()) return known->second;
    const auto number = static_cast<std::uint32_t>(archive.names.size());
    archive.names.emplace_back(name);
    archive.numbers.emplace(name, number);
    return number;
}

/// Names of messages that are gone are forgotten.
void forget_names(Archives::Archive& archive) {
    constexpr std::size_t spare_names_max = 64;
    if (archive.names.size() <= spare_names_max + 2 * archive.messages.size()) return;
    const std::vector<std::string> old = std::exchange(archive.names, {});
    archive.numbers.clear();
    for (Archives::Message& message : archive.messages)
        message.with = number_of(archive, old[message.with]);
}

}   // namespace

bool ArchiveRules::takes(const xml::Jid& with, bool is_contact) const {
    const auto names = [&](const std::set<std::string, std::less<>>& list) {
        return list.contains(with.str()) || list.contains(with.bare_view());
    };
    if (names(never)) return false;
    return by_default == Default::Always || (by_default == Default::Roster && is_contact) ||
           names(always);
}

std::optional<std::size_t> Archives::Archive::rank(std::string_view id) const {
    const auto at = std::ranges::find_if(messages, [&](const Message& message) {
        return std::string_view(message.id.data(), message.id.size()) == id;
    });
    if (at == messages.end()) return std::nullopt;
    return static_cast<std::size_t>(at - messages.begin());
}

void Archives::add(Archive& archive, Message message, std::string_view with) {
    message.with = number_of(archive, with);
    archive.bytes += message.bytes;
    bytes_ += message.bytes;
    ++count_;
    const auto before =
        std::ranges::lower_bound(archive.messages, message.revision, {}, &Message::revision);
    archive.messages.insert(before, message);
}

void Archives::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder key(rest);
    const std::string account(key.text());
    const storage::Revision revision = key.u64();
    if (!key.ok() || !key.at_end()) return;
    Archive& archive = archives_[account];
    auto& messages = archive.messages;
    const auto at = std::ranges::lower_bound(messages, revision, {}, &Message::revision);
    if (at != messages.end() && at->revision == revision) {
        archive.bytes -= at->bytes;
        bytes_ -= at->bytes;
        --count_;
        messages.erase(at);
        forget_names(archive);
    }
    if (record) {
        storage::Decoder in(record->value);
        const bool is_known = in.u8() == archived_version;
        Message message;
        message.revision = revision;
        message.time = record->time;
        message.bytes = static_cast<std::uint32_t>(in.varint());
        const std::string_view id = in.text();
        const std::string_view with = in.text();
        if (is_known && in.ok() && id.size() == message.id.size()) {
            std::ranges::copy(id, message.id.begin());
            add(archive, message, with);
        }
    }
    if (messages.empty()) archives_.erase(account);
}

void Archives::apply_rules(std::string_view account, const std::optional<storage::Record>& record) {
    rules_.erase(std::string(account));
    if (!record) return;
    storage::Decoder in(record->value);
    const std::uint8_t version = in.u8();
    ArchiveRules rules;
    rules.revision = record->revision;
    const std::uint8_t by_default = in.u8();
    const bool is_known =
        (version == rules_version &&
         by_default <= static_cast<std::uint8_t>(ArchiveRules::Default::Roster)) ||
        (version == first_rules_version && by_default <= 1);
    rules.by_default = static_cast<ArchiveRules::Default>(by_default);
    for (auto* list : {&rules.always, &rules.never}) {
        auto names = in.texts();
        list->insert(names.begin(), names.end());
    }
    if (is_known && in.ok()) rules_.emplace(account, std::move(rules));
}

void Archives::forget() {
    archives_.clear();
    rules_.clear();
    orphans_.clear();
    rule_orphans_.clear();
    count_ = bytes_ = 0;
}

const Archives::Archive* Archives::find(std::string_view account) const {
    const auto found = archives_.find(account);
    return found == archives_.end() ? nullptr : &found->second;
}

const ArchiveRules& Archives::rules(std::string_view account) const {
    static const ArchiveRules none;
    const auto found = rules_.find(account);
    return found == rules_.end() ? none : found->second;
}

bool Archives::takes(std::string_view account, const xml::Jid& with, bool is_contact) const {
    return settings_.messages && rules(account).takes(with, is_contact);
}

void Archives::put(
    storage::Batch& batch,
    std::string_view account,
    const xml::Jid& with,
    std::string_view id,
    std::string_view text
) const {
    const std::string key = archived_key(account, 0);
    const auto revision_at = static_cast<std::int32_t>(key.size() - key_revision_bytes);
    storage::Encoder index, whole(text.size() + 8);
    index.u8(archived_version).varint(text.size()).text(id).text(with.str());
    whole.u8(archived_version).raw(text);
    batch.put_at_revision(storage::Family::Index, key, revision_at, index.take());
    batch.put_at_revision(storage::Family::Payload, key, revision_at, whole.take());
}

void Archives::put_rules(storage::Batch& batch, std::string_view account, const ArchiveRules& rules)
    const {
    storage::Encoder out;
    out.u8(rules_version).u8(static_cast<std::uint8_t>(rules.by_default));
    for (const auto* list : {&rules.always, &rules.never}) out.texts({list->begin(), list->end()});
    batch.expect(storage::Family::Control, rules_key(account), this->rules(account).revision);
    batch.put(storage::Family::Control, rules_key(account), out.take());
}

storage::KeyRef Archives::text_of(std::string_view account, storage::Revision revision) {
    return {storage::Family::Payload, archived_key(account, revision)};
}

std::string_view Archives::decode_text(std::string_view value) {
    storage::Decoder in(value);
    return in.u8() == archived_version ? in.raw() : std::string_view{};
}

void Archives::account_gone(const std::string& account) {
    if (const auto rules = rules_.find(account); rules != rules_.end()) {
        rule_orphans_.emplace_back(account, rules->second.revision);
        rules_.erase(rules);
    }
    const auto found = archives_.find(account);
    if (found == archives_.end()) return;
    for (const Message& message : found->second.messages)
        orphans_.emplace_back(account, message.revision);
    count_ -= found->second.messages.size();
    bytes_ -= found->second.bytes;
    archives_.erase(found);
}

/// How many of the oldest may not stay: by their number, their bytes, their time. Where all
/// archives together are too large, each is cut to its share.
std::size_t Archives::to_erase(const Archive& archive, bool has_account, storage::Millis now)
    const {
    const auto& messages = archive.messages;
    if (!has_account) return messages.size();
    std::size_t bytes_max = settings_.bytes_max;
    if (bytes_ > settings_.total_bytes_max)
        bytes_max = std::min(
            bytes_max,
            static_cast<std::size_t>(
                static_cast<double>(archive.bytes) *
                static_cast<double>(settings_.total_bytes_max) / static_cast<double>(bytes_)
            )
        );
    std::size_t count = 0, bytes = archive.bytes;
    while (count < messages.size() &&
           (messages.size() - count > settings_.messages_max || bytes > bytes_max ||
            messages[count].time < now - settings_.keep_ms))
        bytes -= messages[count++].bytes;
    return count;
}

std::vector<storage::Batch> Archives::due(
    const Accounts& accounts, storage::Millis now, std::size_t max
) {
    std::vector<storage::Batch> batches;
    for (; !rule_orphans_.empty() && batches.size() < max; rule_orphans_.pop_back()) {
        const auto& [account, revision] = rule_orphans_.back();
        storage::Batch& batch = batches.emplace_back();
        batch.expect(storage::Family::Control, rules_key(account), revision);
        batch.erase(storage::Family::Control, rules_key(account));
    }
    while (!orphans_.empty() && batches.size() < max) {
        storage::Batch& batch = batches.emplace_back();
        for (std::size_t i = 0; i < erased_in_batch_max && !orphans_.empty(); ++i) {
            erase_archived(batch, orphans_.back().first, orphans_.back().second);
            orphans_.pop_back();
        }
    }
    for (std::size_t i = 0; i < std::min(archives_per_round, archives_.size()); ++i) {
        if (batches.size() >= max) break;
        auto at = archives_.upper_bound(looked_at_);
        if (at == archives_.end()) at = archives_.begin();
        looked_at_ = at->first;
        const bool has_account = accounts.find(at->first) != nullptr;
        const std::size_t count =
            std::min(to_erase(at->second, has_account, now), erased_in_batch_max);
        if (count == 0) continue;
        storage::Batch& batch = batches.emplace_back();
        for (std::size_t k = 0; k < count; ++k)
            erase_archived(batch, at->first, at->second.messages[k].revision);
    }
    return batches;
}

}   // namespace grid::controller
