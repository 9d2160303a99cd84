// controller/audit/queue.hpp: what is no change but must be on record: a bounded queue, folded.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/audit/record.hpp"
#include "storage/batch.hpp"

namespace grid::controller::audit {

/// Denials, logins, answers to questions. Equal ones within a second become one record with a
/// count, and when the queue is full the rest is only counted, so that nobody fills the disk by
/// being refused. Not awaited: what is in it when the process dies is lost.
class Queue {
public:
    explicit Queue(std::size_t records_max) : records_max_(records_max) {}

    void add(Record record);
    /// Once a second: what has gathered, as batches; what does not fit comes with the next call.
    std::vector<storage::Batch> drain(storage::Millis now, std::size_t batches_max);
    std::size_t size() const { return records_.size(); }
    std::uint64_t dropped() const { return dropped_; }

private:
    static constexpr storage::Millis interval_ms = 1'000;
    static constexpr std::size_t records_per_batch_max = 100;
    static constexpr std::size_t per_account_max = 200;   // different ones, a second

    bool fold(const std::string& key, const Record& record);

    std::size_t records_max_;
    std::vector<Record> records_;
    std::unordered_map<std::string, std::size_t> by_key_;   // what is folded into which
    std::unordered_map<std::string, std::size_t> by_account_;
    std::uint64_t dropped_ = 0;   // since the last drain
    storage::Millis drained_ = 0;
};

}   // namespace grid::controller::audit
