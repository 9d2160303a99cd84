// controller/messages/block_lists.cpp: see controller/messages/block_lists.hpp.
#include "controller/messages/block_lists.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t list_version = 1;

std::string block_list_key(std::string_view account) {
    storage::Encoder out;
    return out.u8(static_cast<std::uint8_t>(storage::Tag::BlockList)).raw(account).take();
}

}   // namespace

void BlockLists::apply(std::string_view account, const std::optional<storage::Record>& record) {
    lists_.erase(std::string(account));
    if (!record) return;
    storage::Decoder in(record->value);
    const bool is_known = in.u8() == list_version;
    auto jids = in.texts();
    if (!is_known || !in.ok()) return;
    BlockList& list = lists_[std::string(account)];
    list.revision = record->revision;
    list.jids.insert(jids.begin(), jids.end());
}

void BlockLists::forget() {
    lists_.clear();
    orphans_.clear();
}

void BlockLists::account_gone(const std::string& account) {
    const auto found = lists_.find(account);
    if (found == lists_.end()) return;
    orphans_.emplace_back(account, found->second.revision);
    lists_.erase(found);
}

void BlockLists::drop_unless(const std::function<bool(std::string_view)>& is_there) {
    std::vector<std::string> gone;
    for (const auto& [account, list] : lists_)
        if (!is_there(account)) gone.push_back(account);
    for (const std::string& account : gone) account_gone(account);
}

std::vector<storage::Batch> BlockLists::due(std::size_t max) {
    std::vector<storage::Batch> batches;
    for (; !orphans_.empty() && batches.size() < max; orphans_.pop_back()) {
        const auto& [account, revision] = orphans_.back();
        storage::Batch& batch = batches.emplace_back();
        batch.expect(storage::Family::Control, block_list_key(account), revision);
        batch.erase(storage::Family::Control, block_list_key(account));
    }
    return batches;
}

const BlockLists::BlockList* BlockLists::find(std::string_view account) const {
    const auto found = lists_.find(account);
    return found == lists_.end() ? nullptr : &found->second;
}

bool BlockLists::is_blocked(std::string_view account, const xml::Jid& other) const {
    const BlockList* list = find(account);
    if (list == nullptr || other.bare_view() == account) return false;
    if (list->jids.contains(other.str()) || list->jids.contains(other.bare_view())) return true;
    const std::string domain(other.domain());
    if (list->jids.contains(domain)) return true;
    return !other.is_bare() && other.local().empty() &&
           list->jids.contains(domain + "/" + std::string(other.resource()));
}

void BlockLists::put(
    storage::Batch& batch, std::string_view account, const std::set<std::string, std::less<>>& jids
) const {
    const BlockList* before = find(account);
    const std::string key = block_list_key(account);
    batch.expect(storage::Family::Control, key, before ? before->revision : 0);
    if (jids.empty()) {
        batch.erase(storage::Family::Control, key);
        return;
    }
    storage::Encoder out;
    out.u8(list_version).texts({jids.begin(), jids.end()});
    batch.put(storage::Family::Control, key, out.take());
}

std::string encode(const BlockEvent& event) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::BlockList)).text(event.account);
    return out.boolean(event.is_blocking).texts(event.jids).take();
}

std::optional<BlockEvent> decode_block_event(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != static_cast<std::uint8_t>(storage::Tag::BlockList)) return std::nullopt;
    BlockEvent decoded;
    decoded.account = in.text();
    decoded.is_blocking = in.boolean();
    decoded.jids = in.texts();
    if (!in.ok()) return std::nullopt;
    return decoded;
}

}   // namespace grid::controller
