// controller/messages/offline_messages.hpp: messages that wait for their account (XEP-0160).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/accounts/accounts.hpp"
#include "controller/settings.hpp"
#include "storage/batch.hpp"
#include "storage/decision.hpp"

namespace grid::controller {

/// The index of all messages that wait; their texts are on disk. A message is put by the batch that
/// its sender waits for, and erased after it was delivered, or has waited too long. Core strand.
class OfflineMessages {
public:
    struct Message {
        storage::Revision revision = 0;   // also their order
        storage::Millis since = 0;
        std::uint32_t bytes = 0;
        bool is_leaving = false;   // soft: delivered or too old, a batch erases it
        bool operator==(const Message& other) const {
            return revision == other.revision && since == other.since && bytes == other.bytes;
        }
    };
    struct Waiting {
        std::deque<Message> messages;   // oldest first
        std::size_t bytes = 0;
        bool operator==(const Waiting&) const = default;
    };

    explicit OfflineMessages(const OfflineSettings& settings) : settings_(settings) {}

    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    void forget();
    /// Null: none waits.
    const Waiting* find(std::string_view account) const;
    std::size_t count() const { return count_; }
    std::size_t bytes() const { return bytes_; }

    /// Whether one more fits, those that are being committed considered.
    bool has_room(std::string_view account, std::size_t bytes) const;
    void put(
        storage::Batch& batch,
        std::string_view account,
        std::string_view from,
        std::string_view text
    ) const;

    /// Soft: a message is being committed, and no more.
    void begin(const std::string& account, std::size_t bytes);
    void end(const std::string& account, std::size_t bytes);
    bool is_coming(std::string_view account) const { return coming_.contains(account); }

    /// The oldest ones after `after`, at most so many and, but for one, so many bytes; not those
    /// from before `oldest`.
    std::vector<Message> next(
        std::string_view account,
        storage::Revision after,
        storage::Millis oldest,
        std::size_t messages_max,
        std::size_t bytes_max
    ) const;
    static storage::KeyRef text_of(std::string_view account, storage::Revision revision);
    struct Text {
        std::string from, message;   // both empty: it is gone, or cannot be understood
    };
    /// Of a record of Family::Payload.
    static Text decode_text(std::string_view value);

    /// Soft: those up to that one have been delivered, and are to be erased.
    void delivered(std::string_view account, storage::Revision up_to);
    /// The same, where another member of a cluster says so: it may be ahead of this one, which has
    /// applied what there is up to `applied`.
    void delivered_elsewhere(
        std::string_view account, storage::Revision up_to, storage::Revision applied
    );
    /// The messages of an account are not for another one that is made under its name later.
    void account_gone(const std::string& account);
    /// Batches that erase what was delivered, has waited too long, or is of an account that is not
    /// there any more; at most `max`.
    std::vector<storage::Batch> due(const Accounts& accounts, storage::Millis now, std::size_t max);
    bool operator==(const OfflineMessages& other) const { return waiting_ == other.waiting_; }

private:
    struct Coming {
        std::size_t messages = 0, bytes = 0;
    };
    using ByAccount = std::map<std::string, Waiting, std::less<>>;
    bool is_delivered(const std::string& account, storage::Revision revision);
    /// False: the batch is full.
    static bool erase(storage::Batch& batch, std::string_view account, Message& message);
    bool erase_orphans(std::vector<storage::Batch>& batches, std::size_t max);
    void look_at(
        ByAccount::value_type& waiting,
        bool has_account,
        storage::Millis now,
        std::vector<storage::Batch>& batches,
        std::size_t max
    );

    const OfflineSettings& settings_;
    ByAccount waiting_;
    std::size_t count_ = 0, bytes_ = 0;   // of all accounts
    std::map<std::string, Coming, std::less<>> coming_;
    std::size_t all_coming_bytes_ = 0;
    std::vector<std::string> leaving_;   // accounts with delivered messages
    /// Messages that are delivered before they are applied here: by account, up to this one.
    std::map<std::string, storage::Revision, std::less<>> ahead_;
    std::vector<std::pair<std::string, storage::Revision>> orphans_;
    std::string looked_at_;   // the last account at which `due` looked
};

}   // namespace grid::controller
