// storage/store.hpp: the interface of a store: batches in, an ordered feed out, snapshot reads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "storage/batch.hpp"
#include "storage/errors.hpp"

namespace grid::storage {

/// The submitter's name for its batch. 0: a batch of another member.
using Ticket = std::uint64_t;

/// The origin of a batch. When a batch of a sender conflicts, the batches that the same sender
/// queued behind it under the same or an older `round` conflict too, so that their order survives.
struct Sender {
    std::uint64_t id = 0;   // 0: no order to keep
    std::uint64_t round = 0;
};

/// A batch that is durable (or volatile and passed the gates). Keys have their revisions filled in.
struct Committed {
    Ticket ticket = 0;
    Revision revision = 0;
    Millis time = 0;
    Batch batch;
};
/// A batch that is not, and why.
struct Refused {
    Ticket ticket = 0;
    boost::system::error_code error;
    std::string detail;   // for the log
};
/// Changes were missed: scan again and apply the difference.
struct Gap {};
using FeedEntry = std::variant<Committed, Refused, Gap>;

/// Receives everything that happened, in commit order. One call per group, on the store's own
/// thread: the receiver posts it on.
using FeedHandler = std::function<void(std::vector<FeedEntry>)>;

/// A consistent view of the committed state. Any thread.
class Snapshot {
public:
    virtual ~Snapshot() = default;
    struct Value {
        Revision revision = 0;
        Millis time = 0;
        std::string value;
    };
    virtual Result<std::optional<Value>> get(Family family, std::string_view key) const = 0;
    /// Calls `visit` for the keys in [from, to) in order, backwards if `reverse`; an empty `to`
    /// means the end of the family. Stops when `visit` returns false.
    virtual boost::system::error_code scan(
        Family family,
        std::string_view from,
        std::string_view to,
        bool reverse,
        const std::function<bool(std::string_view key, const Record&)>& visit
    ) const = 0;
};

/// How the store is.
struct StoreStatus {
    bool writable = true;
    std::string reason;          // empty while writable
    bool needs_reopen = false;   // only reopening lets writes go on; else free space does
    Revision revision = 0;       // last committed
    std::uint64_t epoch = 0;     // raised by a restore
    std::string store_id;
    std::uint64_t commits = 0, groups = 0, syncs = 0, queued_bytes = 0;
};

/// The space that the store takes, for metrics; costs some microseconds. A store in memory has
/// none.
struct StoreFigures {
    std::uint64_t table_bytes = 0;        // on disk, but for the log
    std::uint64_t buffer_bytes = 0;       // of writes in memory
    std::uint64_t cache_bytes = 0;        // of blocks of tables in memory
    std::uint64_t compaction_bytes = 0;   // that compactions have to rewrite
    std::uint64_t free_bytes = 0;         // of the data volume
    bool is_stalled = false;              // writes wait for tables to be written
};

/// All members may be called from any thread unless they say otherwise.
class Store {
public:
    virtual ~Store() = default;   // refuses what is queued, finishes the group in flight, closes

    /// Starts the feed. Call once, after the first scan. No batch may be submitted before.
    virtual void start(FeedHandler handler) = 0;
    /// Queues a batch; its outcome comes by the feed. False when the queue is full: nothing was
    /// queued.
    virtual bool submit(Ticket ticket, Sender sender, Batch batch) = 0;
    /// Feeds every key of Control and Index to `apply`; returns the revision that this state has.
    virtual Result<Revision> scan(const std::function<void(const KeyChange&)>& apply) = 0;
    virtual std::unique_ptr<Snapshot> snapshot() = 0;
    /// Runs `work` on the reader pool.
    virtual void read(std::function<void(const Snapshot&)> work) = 0;
    virtual StoreStatus status() const = 0;
    virtual StoreFigures figures() const { return {}; }
    /// After UnknownOutcome: closes and opens the files again; the feed then carries a Gap.
    virtual boost::system::error_code reopen() = 0;
    /// Copies what is committed at one point of the feed into `directory`, which is made by it, on
    /// the same volume: files that do not change are linked. `at_that_point` runs while nothing is
    /// committed; it must not wait for the store. Blocks; not on the store's own threads.
    virtual boost::system::error_code checkpoint(
        const std::string& /*directory*/, const std::function<void()>& /*at_that_point*/
    ) {
        return make_error_code(Errc::Io);
    }
};

}   // namespace grid::storage
