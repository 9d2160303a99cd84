// controller/spool/spool.hpp: rare notifications that are owed to accounts, durable until told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::controller {

/// Records of one account at one time; a new one beyond that takes the place of the oldest.
inline constexpr std::size_t spool_per_account_max = 64;
/// How many accounts are owed what the broker notes: it is a convenience, and must not fill the
/// memory.
inline constexpr std::size_t spool_accounts_max = 10'000;

/// A note is put by the batch that causes it (design §2), so neither exists without the other. Of
/// one subject (`kind`) only the newest counts. Whoever is connected is told at once and the note
/// erased afterwards; who is not, is told at the next login. A crash between the two repeats it.
class Spool {
public:
    struct Note {
        storage::Revision revision = 0;
        storage::Millis time = 0;
        std::string inside;   // of the <message/>, in jabber:client
        bool operator==(const Note&) const = default;
    };
    using Notes = std::map<std::string, Note, std::less<>>;   // by kind

    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    /// Of an account; null when nothing is owed to it.
    const Notes* find(std::string_view jid) const;

    void put(storage::Batch& batch, std::string_view jid, std::string_view kind, std::string inside)
        const;
    /// Whether one more fits without another's leaving.
    bool has_room(std::string_view jid) const;
    /// All that is owed to an account that is no more.
    void erase_all(storage::Batch& batch, std::string_view jid) const;

    /// Soft: it was told, and may be forgotten.
    void told(std::string_view jid, std::string_view kind, storage::Revision revision);
    /// It is being forgotten: nobody else needs to hear it.
    bool is_told(std::string_view jid, std::string_view kind, storage::Revision revision) const;
    /// Batches that forget what was told, at most `max`.
    std::vector<storage::Batch> due(std::size_t max);
    bool operator==(const Spool& other) const { return notes_ == other.notes_; }

private:
    struct Told {
        storage::Revision revision = 0;
        bool is_proposed = false;   // a batch that forgets it is on its way
    };
    std::map<std::string, Notes, std::less<>> notes_;
    std::map<std::string, Told, std::less<>> told_;   // by key, until the record goes
};

std::string spool_key(std::string_view jid, std::string_view kind);

}   // namespace grid::controller
