// controller/audit/queue.cpp: folding and draining of audit records that are no changes.
#include "controller/audit/queue.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "storage/codec.hpp"

namespace grid::controller::audit {

namespace {

/// Without the times and counts that are new each time.
std::string without_digits(std::string_view text) {
    std::string left;
    std::ranges::copy_if(text, std::back_inserter(left), [](char c) { return c < '0' || c > '9'; });
    return left;
}

/// Folded by account, topic, operation and rule. A resource, a port or a reason that is new each
/// time does not make another record: the first one's stands, unless the record is a single one, or
/// reasons are told apart.
std::string folding_key(const Record& record, bool by_reason) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(record.outcome)).text(account_of(record));
    for (const std::string* field :
         {&record.operation, &record.topic, &record.target, &record.rule})
        out.text(*field);
    out.text(std::string_view(record.address).substr(0, record.address.rfind(':')));
    if (record.is_single)
        out.text(record.detail);
    else if (by_reason)
        out.text(without_digits(record.detail));
    return out.take();
}

void put(std::vector<storage::Batch>& batches, const Record& record, std::size_t per_batch) {
    if (batches.empty() || batches.back().operations.size() >= per_batch) batches.emplace_back();
    append(batches.back(), record);
}

/// In the order of what happened; those of one time stay as they came.
std::vector<Record> in_order(std::vector<Record> records) {
    std::vector<std::size_t> places(records.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::ranges::sort(places, [&](std::size_t a, std::size_t b) {
        return std::pair(records[a].first, a) < std::pair(records[b].first, b);
    });
    std::vector<Record> sorted;
    sorted.reserve(records.size());
    for (const std::size_t at : places) sorted.push_back(std::move(records[at]));
    return sorted;
}

/// A clock that was set back ends every wait.
bool is_over(storage::Millis since, storage::Millis now, storage::Millis most) {
    return now - since >= most || now < since;
}

}   // namespace

bool Folding::fold(Place& place, Record record, std::size_t records_max) {
    if (place.list == Place::List::None) {
        if (size() >= records_max) return false;
        place = {Place::List::Repeats, repeats_.size()};
        repeats_.push_back(std::move(record));
        return true;
    }
    Record& known = (place.list == Place::List::News ? news_ : repeats_)[place.at];
    known.count += record.count;
    known.last = std::max(known.last, record.last);
    return true;
}

bool Folding::add(Record record, std::size_t records_max) {
    std::string key = folding_key(record, bounds_.by_reason);
    auto known = by_key_.find(key);
    if (known != by_key_.end()) return fold(known->second, std::move(record), records_max);
    if (size() >= records_max) return false;
    // One account with ever new kinds of records cannot push the records of others out: its further
    // ones are folded into one.
    if (++by_account_[std::string(account_of(record))] > bounds_.different_max) {
        record.topic = record.target = "*";
        record.rule = record.address = "";
        record.is_single = false;
        record.detail = "and more, of which each was another";
        key = folding_key(record, bounds_.by_reason);
        known = by_key_.find(key);
        if (known != by_key_.end()) return fold(known->second, std::move(record), records_max);
    }
    known = by_key_.emplace(std::move(key), Place{Place::List::News, news_.size()}).first;
    in_news_.push_back(&known->second);
    news_.push_back(std::move(record));
    return true;
}

std::vector<Record> Folding::take_news() {
    // Not through all keys: each change takes the news, and a window has every login of a second.
    for (Place* place : std::exchange(in_news_, {})) *place = {Place::List::None, 0};
    return std::exchange(news_, {});
}

std::vector<Record> Folding::take_repeats(storage::Millis now) {
    if (!is_over(opened_, now, bounds_.window_ms)) return {};
    opened_ = now;
    by_key_.clear();   // news stays news, but no record is folded into it any more
    in_news_.clear();
    by_account_.clear();
    return std::exchange(repeats_, {});
}

void Queue::stamp(Record& record) const {
    // Cut here already: what waits is bounded in bytes, not only in number.
    cut_fields(record);
    if (clock_ && record.first == 0) record.first = record.last = clock_();
}

void Queue::add(Record record) {
    const std::uint64_t count = record.count;
    stamp(record);
    if (!accounts_.add(std::move(record), records_max_ - std::min(records_max_, waiting_.size())))
        dropped_ += count;
}

void Queue::add_of_stranger(Record record) {
    const std::uint64_t count = record.count;
    stamp(record);
    // A tenth of the queue, so that strangers do not take the room of accounts.
    if (!strangers_.add(std::move(record), records_max_ / 10 + 1)) dropped_ += count;
}

std::vector<storage::Batch> Queue::take_news() {
    std::vector<storage::Batch> batches;
    for (const Record& record : std::exchange(waiting_, {}))
        put(batches, record, records_per_batch_max);
    std::vector<Record> news = accounts_.take_news();
    std::ranges::move(strangers_.take_news(), std::back_inserter(news));
    for (const Record& record : in_order(std::move(news)))
        put(batches, record, records_per_batch_max);
    return batches;
}

std::vector<storage::Batch> Queue::drain(storage::Millis now, std::size_t batches_max) {
    std::vector<storage::Batch> batches;
    if (size() == 0 && dropped_ == 0) {
        drained_ = now;
        accounts_.take_repeats(now);   // a window begins with what comes first
        return batches;
    }
    const bool is_due = is_over(drained_, now, interval_ms);
    if ((!is_due && waiting_.empty()) || batches_max == 0) return batches;
    if (is_due) {
        std::vector<Record> gathered = accounts_.take_news();
        for (auto part :
             {strangers_.take_news(), accounts_.take_repeats(now), strangers_.take_repeats(now)})
            std::ranges::move(part, std::back_inserter(gathered));
        std::ranges::move(in_order(std::move(gathered)), std::back_inserter(waiting_));
        if (dropped_ > 0) {
            Record record;
            record.operation = "audit-overflow";
            record.detail = "records that did not fit into audit.queue_max were only counted";
            record.count = std::exchange(dropped_, 0);
            stamp(record);
            waiting_.push_back(std::move(record));
        }
        drained_ = now;
    }
    const std::size_t taken = std::min(waiting_.size(), batches_max * records_per_batch_max);
    for (std::size_t i = 0; i < taken; ++i) put(batches, waiting_[i], records_per_batch_max);
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(taken));
    return batches;
}

}   // namespace grid::controller::audit
