// controller/messages/block_lists.hpp: the addresses that accounts have blocked (XEP-0191).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// All block lists in memory, a function of their records: one record for each account that blocks
/// an address. Core strand.
class BlockLists {
public:
    struct BlockList {
        std::set<std::string, std::less<>> jids;   // canonical
        storage::Revision revision = 0;
        bool operator==(const BlockList&) const = default;
    };

    void apply(std::string_view account, const std::optional<storage::Record>& record);
    void forget();
    /// The list of an account is not for another one that is made under its name later.
    void account_gone(const std::string& account);
    /// After a scan: lists of accounts that are gone.
    void drop_unless(const std::function<bool(std::string_view account)>& is_there);
    /// Batches that erase such lists, at most `max`.
    std::vector<storage::Batch> due(std::size_t max);
    /// Null: nothing is blocked.
    const BlockList* find(std::string_view account) const;
    /// §5: by the address, its bare JID, its domain with the resource, or its domain.
    bool is_blocked(std::string_view account, const xml::Jid& other) const;
    /// The list becomes this one; the batch expects that it was not changed meanwhile.
    void put(
        storage::Batch& batch,
        std::string_view account,
        const std::set<std::string, std::less<>>& jids
    ) const;
    bool operator==(const BlockLists& other) const { return lists_ == other.lists_; }

private:
    std::map<std::string, BlockList, std::less<>> lists_;
    std::vector<std::pair<std::string, storage::Revision>> orphans_;
};

/// The event of a change, for the account's sessions that know the list.
struct BlockEvent {
    std::string account;
    bool is_blocking = false;
    std::vector<std::string> jids;   // of an unblocking: none means all

    bool operator==(const BlockEvent&) const = default;
};
std::string encode(const BlockEvent& event);
/// nullopt for another event.
std::optional<BlockEvent> decode_block_event(std::string_view event);

}   // namespace grid::controller
