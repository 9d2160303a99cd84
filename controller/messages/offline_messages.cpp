// controller/messages/offline_messages.cpp: see controller/messages/offline_messages.hpp.
#include "controller/messages/offline_messages.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t message_version = 1;
/// A batch erases an index record and a text for each.
constexpr std::size_t erased_per_batch_max = storage::batch_operations_max / 2;
/// Accounts that one round of `due` looks at for what is too old.
constexpr std::size_t accounts_per_round = 256;
constexpr std::size_t revision_bytes = 8;

std::string message_key(std::string_view account, storage::Revision revision) {
    storage::Encoder out(account.size() + 16);
    out.u8(static_cast<std::uint8_t>(storage::Tag::Message)).text(account).u64(revision);
    return out.take();
}

}   // namespace

void OfflineMessages::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder key(rest);
    const std::string account(key.text());
    const storage::Revision revision = key.u64();
    if (!key.ok() || !key.at_end()) return;
    Waiting& waiting = waiting_[account];
    auto& messages = waiting.messages;
    const auto at = std::ranges::lower_bound(messages, revision, {}, &Message::revision);
    if (at != messages.end() && at->revision == revision) {
        waiting.bytes -= at->bytes;
        bytes_ -= at->bytes;
        --count_;
        messages.erase(at);
    }
    if (record) {
        storage::Decoder in(record->value);
        const bool is_known = in.u8() == message_version;
        const auto bytes = static_cast<std::uint32_t>(in.varint());
        if (is_known && in.ok()) {
            const auto before =
                std::ranges::lower_bound(messages, revision, {}, &Message::revision);
            messages.insert(
                before, {revision, record->time, bytes, is_delivered(account, revision)}
            );
            waiting.bytes += bytes;
            bytes_ += bytes;
            ++count_;
        }
    }
    if (messages.empty()) waiting_.erase(account);
}

/// Of one that is applied now.
bool OfflineMessages::is_delivered(const std::string& account, storage::Revision revision) {
    const auto found = ahead_.find(account);
    if (found == ahead_.end()) return false;
    const bool is_ahead = revision <= found->second;
    if (is_ahead) leaving_.push_back(account);
    if (revision >= found->second) ahead_.erase(found);
    return is_ahead;
}

void OfflineMessages::forget() {
    waiting_.clear();
    leaving_.clear();
    ahead_.clear();
    orphans_.clear();
    count_ = bytes_ = 0;
}

const OfflineMessages::Waiting* OfflineMessages::find(std::string_view account) const {
    const auto found = waiting_.find(account);
    return found == waiting_.end() ? nullptr : &found->second;
}

bool OfflineMessages::has_room(std::string_view account, std::size_t bytes) const {
    const Waiting* waiting = find(account);
    const auto found = coming_.find(account);
    const Coming coming = found == coming_.end() ? Coming{} : found->second;
    const std::size_t messages = (waiting ? waiting->messages.size() : 0) + coming.messages;
    const std::size_t held = (waiting ? waiting->bytes : 0) + coming.bytes;
    return messages < settings_.messages_max && held + bytes <= settings_.bytes_max &&
           bytes_ + all_coming_bytes_ + bytes <= settings_.total_bytes_max;
}

void OfflineMessages::put(
    storage::Batch& batch, std::string_view account, std::string_view from, std::string_view text
) const {
    const std::string key = message_key(account, 0);
    const auto revision_at = static_cast<std::int32_t>(key.size() - revision_bytes);
    storage::Encoder index, whole(from.size() + text.size() + 8);
    index.u8(message_version).varint(text.size());
    whole.u8(message_version).text(from).raw(text);
    batch.put_at_revision(storage::Family::Index, key, revision_at, index.take());
    batch.put_at_revision(storage::Family::Payload, key, revision_at, whole.take());
}

void OfflineMessages::begin(const std::string& account, std::size_t bytes) {
    Coming& coming = coming_[account];
    ++coming.messages;
    coming.bytes += bytes;
    all_coming_bytes_ += bytes;
}

void OfflineMessages::end(const std::string& account, std::size_t bytes) {
    const auto found = coming_.find(account);
    if (found == coming_.end()) return;
    found->second.bytes -= bytes;
    all_coming_bytes_ -= bytes;
    if (--found->second.messages == 0) coming_.erase(found);
}

std::vector<OfflineMessages::Message> OfflineMessages::next(
    std::string_view account,
    storage::Revision after,
    storage::Millis oldest,
    std::size_t messages_max,
    std::size_t bytes_max
) const {
    std::vector<Message> found;
    const Waiting* waiting = find(account);
    if (waiting == nullptr) return found;
    std::size_t bytes = 0;
    for (auto at = std::ranges::upper_bound(waiting->messages, after, {}, &Message::revision);
         at != waiting->messages.end() && found.size() < messages_max; ++at) {
        if (at->is_leaving || at->since < oldest) continue;
        if (!found.empty() && bytes + at->bytes > bytes_max) break;
        bytes += at->bytes;
        found.push_back(*at);
    }
    return found;
}

storage::KeyRef OfflineMessages::text_of(std::string_view account, storage::Revision revision) {
    return {storage::Family::Payload, message_key(account, revision)};
}

OfflineMessages::Text OfflineMessages::decode_text(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != message_version) return {};
    const std::string_view from = in.text(), message = in.raw();
    if (!in.ok()) return {};
    return {std::string(from), std::string(message)};
}

void OfflineMessages::delivered(std::string_view account, storage::Revision up_to) {
    const auto found = waiting_.find(account);
    if (found == waiting_.end()) return;
    bool is_new = false;
    for (Message& message : found->second.messages) {
        if (message.revision > up_to) break;
        is_new = !std::exchange(message.is_leaving, true) || is_new;
    }
    if (is_new) leaving_.emplace_back(account);
}

void OfflineMessages::delivered_elsewhere(
    std::string_view account, storage::Revision up_to, storage::Revision applied
) {
    delivered(account, up_to);
    if (up_to <= applied) return;
    storage::Revision& last = ahead_[std::string(account)];
    last = std::max(last, up_to);
}

bool OfflineMessages::erase(storage::Batch& batch, std::string_view account, Message& message) {
    if (batch.operations.size() >= 2 * erased_per_batch_max) return false;
    message.is_leaving = true;
    std::string key = message_key(account, message.revision);
    batch.erase(storage::Family::Payload, key);
    batch.erase(storage::Family::Index, std::move(key));
    return true;
}

/// The oldest messages are due first. One that is leaving is erased again: its batch may have been
/// refused.
void OfflineMessages::look_at(
    ByAccount::value_type& waiting,
    bool has_account,
    storage::Millis now,
    std::vector<storage::Batch>& batches,
    std::size_t max
) {
    const storage::Millis oldest = now - settings_.keep_ms;
    storage::Batch batch;
    for (Message& message : waiting.second.messages) {
        if (has_account && !message.is_leaving && message.since >= oldest) break;
        if (erase(batch, waiting.first, message)) continue;
        batches.push_back(std::exchange(batch, {}));
        if (batches.size() >= max) return leaving_.push_back(waiting.first);
        erase(batch, waiting.first, message);
    }
    if (!batch.operations.empty()) batches.push_back(std::move(batch));
}

void OfflineMessages::account_gone(const std::string& account) {
    const auto found = waiting_.find(account);
    if (found == waiting_.end()) return;
    for (const Message& message : found->second.messages)
        orphans_.emplace_back(account, message.revision);
    count_ -= found->second.messages.size();
    bytes_ -= found->second.bytes;
    waiting_.erase(found);
}

/// True: there are more.
bool OfflineMessages::erase_orphans(std::vector<storage::Batch>& batches, std::size_t max) {
    while (!orphans_.empty() && batches.size() < max) {
        storage::Batch& batch = batches.emplace_back();
        for (std::size_t i = 0; i < erased_per_batch_max && !orphans_.empty(); ++i) {
            Message message;
            message.revision = orphans_.back().second;
            erase(batch, orphans_.back().first, message);
            orphans_.pop_back();
        }
    }
    return !orphans_.empty();
}

std::vector<storage::Batch> OfflineMessages::due(
    const Accounts& accounts, storage::Millis now, std::size_t max
) {
    std::vector<storage::Batch> batches;
    if (erase_orphans(batches, max)) return batches;
    while (!leaving_.empty() && batches.size() < max) {
        const std::string account = std::move(leaving_.back());
        leaving_.pop_back();
        if (const auto found = waiting_.find(account); found != waiting_.end())
            look_at(*found, accounts.find(account) != nullptr, now, batches, max);
    }
    for (std::size_t i = 0; i < std::min(accounts_per_round, waiting_.size()); ++i) {
        if (batches.size() >= max) break;
        auto at = waiting_.upper_bound(looked_at_);
        if (at == waiting_.end()) at = waiting_.begin();
        looked_at_ = at->first;
        look_at(*at, accounts.find(at->first) != nullptr, now, batches, max);
    }
    return batches;
}

}   // namespace grid::controller
