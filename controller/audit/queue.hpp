// controller/audit/queue.hpp: audit records without a change of their own: bounded and folded.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/audit/record.hpp"
#include "storage/batch.hpp"

namespace grid::controller::audit {

/// Equal records within a window become one with a count, its first and its last time. The first of
/// a window is news: it is committed before the next change, so that records lie in the order of
/// what happened. The repetitions behind it are committed when the window is over.
class Folding {
public:
    struct Bounds {
        storage::Millis window_ms = 1'000;
        std::size_t different_max = 50;   // of one account in a window; the rest is one record
        /// Another reason, but for the digits in it, makes another record.
        bool by_reason = false;
    };
    explicit Folding(Bounds bounds) : bounds_(bounds) {}

    /// False: there is no room, `records_max` are waiting.
    bool add(Record record, std::size_t records_max);
    /// Out of the folding: all news, in order.
    std::vector<Record> take_news();
    /// The repetitions, when the window is over; then another begins.
    std::vector<Record> take_repeats(storage::Millis now);
    std::size_t size() const { return news_.size() + repeats_.size(); }

private:
    /// Where a record of that key is folded into.
    struct Place {
        // A place in no list: its news has been taken.
        enum class List { News, Repeats, None } list = List::News;
        std::size_t at = 0;
    };
    bool fold(Place& place, Record record, std::size_t records_max);

    Bounds bounds_;
    std::vector<Record> news_, repeats_;
    std::unordered_map<std::string, Place> by_key_;
    std::vector<Place*> in_news_;   // those of by_key_ whose record is news
    std::unordered_map<std::string, std::size_t> by_account_;
    storage::Millis opened_ = 0;
};

/// Denials, logins, answers to questions. When the queue is full further records are only counted,
/// so that refusals cannot fill the disk. Not awaited: records in it are lost when the process
/// dies, at most those of the last second.
class Queue {
public:
    explicit Queue(std::size_t records_max) : records_max_(records_max) {}
    /// The wall clock; without one records carry the time of their commit.
    void attach(std::function<storage::Millis()> clock) { clock_ = std::move(clock); }

    void add(Record record);
    /// Of a client without an account: many strangers together get few records, for a minute each.
    void add_of_stranger(Record record);
    /// Records of events before a change that is about to be committed.
    std::vector<storage::Batch> take_news();
    /// Once a second: what has gathered, as batches; what does not fit comes with the next call.
    std::vector<storage::Batch> drain(storage::Millis now, std::size_t batches_max);
    std::size_t size() const { return accounts_.size() + strangers_.size() + waiting_.size(); }
    std::uint64_t dropped() const { return dropped_; }

private:
    static constexpr storage::Millis interval_ms = 1'000;
    static constexpr std::size_t records_per_batch_max = 100;

    void stamp(Record& record) const;

    std::size_t records_max_;
    std::function<storage::Millis()> clock_;
    Folding accounts_{{1'000, 50, false}};
    /// A stranger has no account and asks for no topic: the reason, with the subject of the
    /// certificate in it, is all that tells one from another.
    Folding strangers_{{60'000, 20, true}};
    std::vector<Record> waiting_;   // taken out of the foldings, not yet in a batch
    std::uint64_t dropped_ = 0;     // since the last drain
    storage::Millis drained_ = 0;
};

}   // namespace grid::controller::audit
