// controller/audit/queue.cpp: folding and draining of audit records that are no changes.
#include "controller/audit/queue.hpp"

#include <algorithm>

#include "storage/codec.hpp"

namespace grid::controller::audit {

namespace {

std::string_view account_of(const Record& record) {
    return std::string_view(record.actor).substr(0, record.actor.find('/'));
}

/// Design §2: folded by account, topic, operation and rule. A resource, a port or a reason that is
/// new each time does not make another record: the first one's stands.
std::string folding_key(const Record& record) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(record.outcome)).text(account_of(record));
    for (const std::string* field :
         {&record.operation, &record.topic, &record.target, &record.rule})
        out.text(*field);
    out.text(std::string_view(record.address).substr(0, record.address.rfind(':')));
    return out.take();
}

}   // namespace

bool Queue::fold(const std::string& key, const Record& record) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return false;
    records_[found->second].count += record.count;
    return true;
}

void Queue::add(Record record) {
    // Cut here already: what waits is bounded in bytes, not only in number.
    for (std::string* field :
         {&record.actor, &record.address, &record.operation, &record.topic, &record.target,
          &record.rule, &record.detail})
        field->resize(cut(*field).size());
    std::string key = folding_key(record);
    if (fold(key, record)) return;
    if (records_.size() >= records_max_) {
        dropped_ += record.count;
        return;
    }
    // Who asks for ever new things cannot push the others' records out.
    if (++by_account_[std::string(account_of(record))] > per_account_max) {
        record.topic = record.target = "*";
        record.rule = record.address = "";
        record.detail = "and more, of which each was another";
        key = folding_key(record);
        if (fold(key, record)) return;
    }
    by_key_.emplace(std::move(key), records_.size());
    records_.push_back(std::move(record));
}

std::vector<storage::Batch> Queue::drain(storage::Millis now, std::size_t batches_max) {
    std::vector<storage::Batch> batches;
    if (records_.empty() && dropped_ == 0) {
        drained_ = now;
        return batches;
    }
    if (now - drained_ < interval_ms || batches_max == 0) return batches;
    if (dropped_ > 0) {
        Record record;
        record.operation = "audit-overflow";
        record.detail = "records that did not fit into audit.queue_max were only counted";
        record.count = std::exchange(dropped_, 0);
        records_.push_back(std::move(record));
    }
    const std::size_t taken = std::min(records_.size(), batches_max * records_per_batch_max);
    for (std::size_t i = 0; i < taken; ++i) {
        if (i % records_per_batch_max == 0) batches.emplace_back();
        append(batches.back(), std::move(records_[i]));
    }
    records_.erase(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(taken));
    // What is left is older than this second: nothing more is folded into it.
    by_key_.clear();
    by_account_.clear();
    if (records_.empty()) drained_ = now;
    return batches;
}

}   // namespace grid::controller::audit
