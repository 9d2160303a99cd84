// storage/memory_store.cpp: see memory_store.hpp.
#include "storage/memory_store.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "storage/chain.hpp"
#include "storage/schema.hpp"

namespace grid::storage {

class MemoryStore::View final : public Snapshot {
public:
    View(std::shared_ptr<const Tables> tables, std::shared_ptr<const ClockSteps> steps)
        : tables_(std::move(tables)), steps_(std::move(steps)) {}

    Result<std::optional<Value>> get(Family family, std::string_view key) const override {
        const auto& table = (*tables_)[static_cast<std::size_t>(family)];
        const auto found = table.find(key);
        if (found == table.end()) return std::optional<Value>();
        const Stored& stored = found->second;
        return std::optional<Value>({stored.revision, read(family, stored), stored.value});
    }

    boost::system::error_code scan(
        Family family,
        std::string_view from,
        std::string_view to,
        bool reverse,
        const std::function<bool(std::string_view key, const Record&)>& visit
    ) const override {
        const auto& table = (*tables_)[static_cast<std::size_t>(family)];
        if (!to.empty() && to <= from) return {};
        // The store's own record is not shown.
        const bool hides = family == Family::Control && from < first_control_key;
        const auto first = table.lower_bound(hides ? first_control_key : from);
        if (hides && !to.empty() && to <= first_control_key) return {};
        const auto last = to.empty() ? table.end() : table.lower_bound(to);
        const auto show = [&](const auto& entry) {
            const Stored& stored = entry.second;
            return visit(entry.first, Record{stored.revision, read(family, stored), stored.value});
        };
        if (reverse)
            std::all_of(std::make_reverse_iterator(last), std::make_reverse_iterator(first), show);
        else
            std::all_of(first, last, show);
        return {};
    }

private:
    Millis read(Family family, const Stored& stored) const {
        if (family == Family::Audit) return stored.time;
        return steps_->read(stored.revision, stored.time);
    }

    std::shared_ptr<const Tables> tables_;
    std::shared_ptr<const ClockSteps> steps_;
};

MemoryStore::MemoryStore() : MemoryStore(Options{}) {}

MemoryStore::MemoryStore(Options options)
    : options_(std::move(options)),
      tables_(std::make_shared<Tables>()),
      sequencer_([this](Family family, std::string_view key) -> Result<Revision> {
          const auto& table = (*tables_)[static_cast<std::size_t>(family)];
          const auto found = table.find(key);
          return found == table.end() ? 0 : found->second.revision;
      }) {}

MemoryStore::~MemoryStore() {
    if (queue_.empty() || !handler_) return;
    std::vector<Submission> rest(
        std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end())
    );
    feed(refuse_all(std::move(rest), Errc::Closed, "the store was closed"));
}

void MemoryStore::start(FeedHandler handler) {
    assert(!handler_);
    handler_ = std::move(handler);
}

bool MemoryStore::submit(Ticket ticket, Sender sender, Batch batch) {
    assert(handler_);   // the feed begins with start(): no batch before that
    const std::size_t bytes = batch.bytes();
    if (!queue_.empty() && queued_bytes_ + bytes > options_.queue_bytes_max) return false;
    queued_bytes_ += bytes;
    queue_.push_back({ticket, sender, std::move(batch)});
    if (options_.run_at_once) run();
    return true;
}

Result<Revision> MemoryStore::scan(const std::function<void(const KeyChange&)>& apply) {
    const std::shared_ptr<const Tables> tables = tables_;
    for (Family family : {Family::Control, Family::Index})
        for (const auto& [key, stored] : (*tables)[static_cast<std::size_t>(family)])
            if (family != Family::Control || key.front() != reserved_prefix)
                apply(
                    {family, key,
                     Record{
                         stored.revision, steps_->read(stored.revision, stored.time), stored.value
                     }}
                );
    return sequencer_.head();
}

std::unique_ptr<Snapshot> MemoryStore::snapshot() {
    return std::make_unique<View>(tables_, steps_);
}

void MemoryStore::read(std::function<void(const Snapshot&)> work) { work(View(tables_, steps_)); }

StoreStatus MemoryStore::status() const {
    StoreStatus status = counters_;
    status.writable = !stopped_;
    status.needs_reopen = stopped_;
    if (stopped_) status.reason = make_error_code(Errc::WritesStopped).message();
    status.revision = sequencer_.head();
    status.store_id = "memory";
    status.epoch = 1;
    status.queued_bytes = queued_bytes_;
    return status;
}

boost::system::error_code MemoryStore::reopen() {
    stopped_ = false;
    // Links of a write that was lost are not part of the chain.
    Link link;
    const auto& control = (*tables_)[static_cast<std::size_t>(Family::Control)];
    if (const auto stored = control.find(chain_key); stored != control.end())
        link = decode_link(stored->second.value).value_or(Link{});
    sequencer_.resume(0, 0, link, *steps_);
    report_gap();
    return {};
}

std::size_t MemoryStore::run() {
    if (running_) return 0;   // submitted from inside the feed: the loop below takes it
    running_ = true;
    std::size_t groups = 0;
    for (; !queue_.empty(); ++groups) commit_group(take_group());
    running_ = false;
    return groups;
}

std::vector<Submission> MemoryStore::take_group() {
    const std::size_t most = options_.run_at_once ? 1 : options_.group_batches_max;
    std::vector<Submission> group;
    while (!queue_.empty() && group.size() < most) {
        queued_bytes_ -= queue_.front().batch.bytes();
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    return group;
}

void MemoryStore::fail_unknown_outcome(bool landed) {
    failure_ = landed ? Failure::UnknownLanded : Failure::UnknownLost;
}

bool MemoryStore::refused(std::vector<Submission>& group) {
    const bool no_space = !stopped_ && no_space_due_ > 0;
    if (no_space) --no_space_due_;
    if (!stopped_ && !no_space) return false;
    const Errc why = stopped_ ? Errc::WritesStopped : Errc::NoSpace;
    feed(refuse_all(std::move(group), why, make_error_code(why).message()));
    return true;
}

void MemoryStore::force_conflicts(std::vector<Submission>& group) {
    for (Submission& submission : group) {
        if (conflicts_due_ == 0) return;
        --conflicts_due_;
        // An expectation that cannot be met: revisions never get there.
        submission.batch.expect(Family::Control, "conflict on command", ~Revision{0});
    }
}

void MemoryStore::commit_group(std::vector<Submission> group) {
    if (refused(group)) return;
    force_conflicts(group);
    const Millis now = options_.clock ? options_.clock() : now_;
    std::vector<FeedEntry> entries = sequencer_.decide(std::move(group), now);
    const Failure failure = std::exchange(failure_, Failure::None);
    if (failure != Failure::UnknownLost) write(entries);
    sequencer_.end_group();
    ++counters_.groups;
    if (failure != Failure::None) {
        stopped_ = true;
        for (FeedEntry& entry : entries) {
            const auto* committed = std::get_if<Committed>(&entry);
            if (committed == nullptr) continue;
            const auto error = make_error_code(Errc::UnknownOutcome);
            entry = Refused{committed->ticket, error, "failed on command"};
        }
    } else if (std::exchange(lose_next_, false)) {
        entries.clear();
        entries.emplace_back(Gap{});
    }
    feed(std::move(entries));
}

void MemoryStore::write(const std::vector<FeedEntry>& entries) {
    if (tables_.use_count() > 1) tables_ = std::make_shared<Tables>(*tables_);
    for (const FeedEntry& entry : entries) {
        const auto* committed = std::get_if<Committed>(&entry);
        if (committed == nullptr) continue;
        ++counters_.commits;
        if (committed->batch.is_volatile) continue;
        for (const Write& operation : committed->batch.operations) {
            auto& table = (*tables_)[static_cast<std::size_t>(operation.family)];
            if (operation.erase && operation.family == Family::Audit)
                table.erase(
                    operation.value.empty() ? table.begin() : table.upper_bound(operation.value),
                    table.upper_bound(operation.key)
                );
            else if (operation.erase)
                table.erase(operation.key);
            else
                table[operation.key] = {committed->revision, committed->time, operation.value};
        }
    }
    if (sequencer_.steps() != *steps_) {
        steps_ = std::make_shared<const ClockSteps>(sequencer_.steps());
        (*tables_)[static_cast<std::size_t>(Family::Control)][std::string(steps_key)] = {
            sequencer_.head(), sequencer_.time(), encode(*steps_)
        };
    }
    if (sequencer_.link() != Link{})
        (*tables_)[static_cast<std::size_t>(Family::Control)][std::string(chain_key)] = {
            sequencer_.head(), sequencer_.time(), encode(sequencer_.link())
        };
}

void MemoryStore::report_gap() {
    if (!handler_) return;
    std::vector<FeedEntry> entries;
    entries.emplace_back(Gap{});
    feed(std::move(entries));
}

void MemoryStore::commit_foreign(Batch batch) {
    std::vector<Submission> group;
    group.push_back({0, {}, std::move(batch)});
    commit_group(std::move(group));
}

void MemoryStore::feed(std::vector<FeedEntry> entries) { handler_(std::move(entries)); }

}   // namespace grid::storage
