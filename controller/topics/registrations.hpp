// controller/topics/registrations.hpp: the registrations of publishers: by which stream, with
// which lease.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/audit/record.hpp"
#include "controller/ports.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// The registration of one account at one topic. The record stays when its streams have ended: an
/// account that registers is listed only while it is registered, one that never did (a stock
/// client) whenever it is there.
struct Registration {
    struct Entry {
        std::string resource, id;
        std::uint64_t session = 0;
        std::uint32_t lease_seconds = 0;
        storage::Millis at = 0;
        bool operator==(const Entry&) const = default;
    };
    bool is_persistent = false;       // listed whenever it is there
    std::vector<Entry> entries;       // one per stream
    storage::Revision revision = 0;   // of the record; not stored in it
    bool operator==(const Registration&) const = default;
};

std::string encode(const Registration& registration);
std::optional<Registration> decode_registration(std::string_view value);
/// `node` 0: the one that the batch makes.
std::string registration_key(std::uint64_t node, std::string_view bare);

class Registrations {
public:
    explicit Registrations(const Sessions& sessions) : sessions_(sessions) {}

    void forget();
    /// `rest` of the key: uid and bare JID.
    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    bool operator==(const Registrations& other) const { return all_ == other.all_; }

    std::size_t size() const { return all_.size(); }
    /// Soft state: what this session registered is no more.
    void session_ended(std::uint64_t session);
    /// The sessions that have registered, or had.
    std::vector<std::uint64_t> sessions() const;
    /// Full JIDs by which the account serves the topic now.
    std::vector<xml::Jid> serving(std::uint64_t node, const xml::Jid& bare, storage::Millis now)
        const;
    /// Whether it counts as a provider at all: it never registered, or serves now.
    bool is_in_force(std::uint64_t node, const xml::Jid& bare, storage::Millis now) const;

    struct Wish {
        std::uint64_t node = 0;   // 0: made by this batch
        std::string topic;        // the topic's name
        bool is_persistent = false;
        std::uint32_t lease_seconds = 0;
    };
    /// Adds the registration of the actor's stream to the batch, unless it is registered so; the
    /// registration id. nullopt: as many streams of the account are registered as may be.
    std::optional<std::string> enter(
        storage::Batch& batch, const pubsub::Context& context, const Wish& wish
    ) const;
    /// Adds what ends it; false when it is not registered.
    bool leave(storage::Batch& batch, const pubsub::Context& context, std::uint64_t node) const;

    /// The facts about a topic and an account, for background work.
    struct Standing {
        std::function<bool(std::uint64_t node, const std::string& bare)> is_publisher;
        std::function<std::string(std::uint64_t node, const std::string& bare)> name_of;
    };
    /// A bounded part of the registrations that are over: streams that ended, leases that lapsed,
    /// and whole records of accounts that are no publishers any more. Each batch expects the record
    /// that it changes, and has the reason for the audit.
    std::vector<storage::Batch> due(
        storage::Millis now, std::size_t batches_max, const Standing& standing
    );

private:
    using Key = std::pair<std::uint64_t, std::string>;
    /// Why it holds no more; empty: it does.
    std::string_view why_over(
        const Registration::Entry& entry, std::string_view bare, storage::Millis now
    ) const;
    bool is_alive(const Registration::Entry& entry, std::string_view bare, storage::Millis now)
        const {
        return why_over(entry, bare, now).empty();
    }
    /// Takes registrations that are over out of the record; returns audit records about them, but
    /// for the topic.
    std::vector<audit::Record> end_what_is_over(
        Registration& registration, std::string_view bare, storage::Millis now
    ) const;
    void put(storage::Batch& batch, const Key& key, const Registration& next) const;

    const Sessions& sessions_;
    std::map<Key, Registration> all_;
    std::map<std::uint64_t, std::set<Key>> by_session_;
    // Ids of entries whose stream ended or logged out, until `due` has removed them: the same
    // stream may log in again and register anew.
    std::set<std::string> ended_;
    Key cursor_;
};

}   // namespace grid::controller
