// controller/accounts/notices.hpp: durable notices for accounts, erased after delivery.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::controller {

/// Records of one account at one time; a new one beyond that takes the place of the oldest.
inline constexpr std::size_t notices_per_account_max = 64;
/// Accounts that may have notices from the broker: these are a convenience, and must not fill the
/// memory.
inline constexpr std::size_t notices_accounts_max = 10'000;

/// The event of a batch that is nothing but notices that came late.
inline constexpr std::string_view late_notices_event = "Q";

/// Notices for accounts. A notice is put by the batch that causes it, so neither exists without
/// the other. Of one subject (`kind`) only the newest counts. A connected account gets it at once,
/// and the notice is erased afterwards; another gets it at its next login. A crash between the two
/// repeats it.
class Notices {
public:
    struct Notice {
        storage::Revision revision = 0;
        storage::Millis time = 0;
        std::string inside;   // of the <message/>, in jabber:client
        bool operator==(const Notice&) const = default;
    };
    using OfAccount = std::map<std::string, Notice, std::less<>>;   // by kind

    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    /// The notices of an account; null when there are none.
    const OfAccount* find(std::string_view jid) const;

    void put(storage::Batch& batch, std::string_view jid, std::string_view kind, std::string inside)
        const;
    /// Whether one more fits without another's leaving.
    bool has_room(std::string_view jid) const;
    /// Erases all notices of an account that is no more.
    void erase_all(storage::Batch& batch, std::string_view jid) const;

    /// Soft: the batch of that revision counted on a session that has ended before it was told. The
    /// notice follows in a batch of its own, with `late_notices_event`.
    void missed(
        std::string_view jid, std::string_view kind, storage::Revision revision, std::string inside
    );
    /// Soft: it was told, and may be forgotten.
    void told(std::string_view jid, std::string_view kind, storage::Revision revision);
    /// The notice is delivered and being erased: other resources need not get it.
    bool is_told(std::string_view jid, std::string_view kind, storage::Revision revision) const;
    /// Batches with missed notices, and such that erase delivered ones, at most `max`.
    std::vector<storage::Batch> due(std::size_t max);
    bool operator==(const Notices& other) const { return by_account_ == other.by_account_; }

private:
    struct Told {
        storage::Revision revision = 0;
        bool is_proposed = false;   // a batch that erases it is in flight
    };
    struct Missed {
        std::string jid, kind, inside;
        storage::Revision revision = 0;   // of the batch that it follows from
    };
    /// The one of that kind; null: there is none.
    const Notice* find(std::string_view jid, std::string_view kind) const;
    std::map<std::string, OfAccount, std::less<>> by_account_;
    std::deque<Missed> missed_;
    std::map<std::string, Told, std::less<>> told_;   // by key, until the record goes
};

std::string notice_key(std::string_view jid, std::string_view kind);

}   // namespace grid::controller
