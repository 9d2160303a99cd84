// controller/messages/archives.hpp: the archives of accounts (XEP-0313): which messages each has,
// and what it takes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/accounts/accounts.hpp"
#include "controller/settings.hpp"
#include "storage/batch.hpp"
#include "storage/decision.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// The wishes of an account about its archive (XEP-0441).
struct ArchiveRules {
    /// Of addresses that are in no list. Roster: those of the account's contacts.
    enum class Default : std::uint8_t { Never, Always, Roster };
    Default by_default = Default::Always;
    std::set<std::string, std::less<>> always, never;   // canonical addresses
    storage::Revision revision = 0;

    bool takes(const xml::Jid& with, bool is_contact) const;
    bool operator==(const ArchiveRules&) const = default;
};

/// The index of all archives; the texts are on disk. A message is put by the batch that its sender
/// waits for; the oldest ones of an account go when there are too many, or after their time. Core
/// strand.
class Archives {
public:
    using Id = std::array<char, 32>;   // hex digits: unpredictable (§3)
    struct Message {
        storage::Revision revision = 0;   // also their order
        storage::Millis time = 0;
        std::uint32_t bytes = 0;
        std::uint32_t with = 0;   // of Archive::names
        Id id{};
    };
    /// Of one account.
    struct Archive {
        std::deque<Message> messages;   // oldest first
        std::size_t bytes = 0;
        std::vector<std::string> names;   // addresses of the others, as of its messages
        std::map<std::string, std::uint32_t, std::less<>> numbers;

        std::string_view with(const Message& message) const { return names[message.with]; }
        /// The rank of the message of that id.
        std::optional<std::size_t> rank(std::string_view id) const;
    };

    explicit Archives(const ArchiveSettings& settings) : settings_(settings) {}

    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    void apply_rules(std::string_view account, const std::optional<storage::Record>& record);
    void forget();
    /// Null: it has no message.
    const Archive* find(std::string_view account) const;
    const ArchiveRules& rules(std::string_view account) const;
    /// Whether there is an archive, and the account wants messages with that address in it.
    bool takes(std::string_view account, const xml::Jid& with, bool is_contact) const;

    void put(
        storage::Batch& batch,
        std::string_view account,
        const xml::Jid& with,
        std::string_view id,
        std::string_view text
    ) const;
    void put_rules(storage::Batch& batch, std::string_view account, const ArchiveRules& rules)
        const;
    static storage::KeyRef text_of(std::string_view account, storage::Revision revision);
    /// Of a record of Family::Payload; empty when it cannot be understood.
    static std::string_view decode_text(std::string_view value);

    /// An account that is made under the same name later has an archive of its own.
    void account_gone(const std::string& account);
    /// Batches that erase what an account may keep no longer, at most `max`.
    std::vector<storage::Batch> due(const Accounts& accounts, storage::Millis now, std::size_t max);
    std::size_t size() const { return count_; }

private:
    using ByAccount = std::map<std::string, Archive, std::less<>>;
    void add(Archive& archive, Message message, std::string_view with);
    std::size_t to_erase(const Archive& archive, bool has_account, storage::Millis now) const;

    const ArchiveSettings& settings_;
    ByAccount archives_;
    std::map<std::string, ArchiveRules, std::less<>> rules_;
    std::size_t count_ = 0, bytes_ = 0;                                // of all accounts
    std::vector<std::pair<std::string, storage::Revision>> orphans_;   // messages
    std::vector<std::pair<std::string, storage::Revision>> rule_orphans_;
    std::string looked_at_;   // the last account at which `due` looked
};

}   // namespace grid::controller
