// storage/sequencer.cpp: see sequencer.hpp.
#include "storage/sequencer.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/codec.hpp"
#include "storage/schema.hpp"

namespace grid::storage {
namespace {

/// For a log line.
std::string readable(std::string_view key) {
    std::string text;
    for (const char c : key) {
        if (c >= ' ' && c <= '~') {
            text += c;
            continue;
        }
        constexpr const char* digits = "0123456789abcdef";
        text += "\\x";
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

/// No audit record is put twice, and none is put over another, but for those that a cut keeps.
bool keeps_audit(const Batch& batch) {
    std::vector<std::string_view> puts;
    const Write* cut = nullptr;
    for (const Write& operation : batch.operations) {
        if (operation.family != Family::Audit) continue;
        if (operation.erase) {
            cut = &operation;
            continue;
        }
        if (std::ranges::find(puts, std::string_view(operation.key)) != puts.end()) return false;
        puts.emplace_back(operation.key);
        const bool is_kept = cut != nullptr && operation.key <= cut->key &&
                             (cut->value.empty() || operation.key > cut->value);
        if (operation.revision_at != 0 && !is_kept) return false;
    }
    return true;
}

void fill_in(std::string& key, std::int32_t at, Revision revision) {
    const auto where = static_cast<std::size_t>(at);
    assert(where + sizeof(Revision) <= key.size());
    key.replace(where, sizeof(Revision), Encoder().u64(revision).take());
}

}   // namespace

Result<Revision> KnownRevisions::of(Family family, std::string_view key) {
    Cache& cache = cache_of(family);
    if (auto found = cache.recent.find(key); found != cache.recent.end()) return found->second;
    if (!is_cached(family)) return stored_(family, key);
    Revision revision = 0;
    if (auto found = cache.older.find(key); found != cache.older.end()) {
        revision = found->second;
        cache.older.erase(found);
    } else {
        const Result<Revision> stored = stored_(family, key);
        if (!stored) return stored;
        revision = *stored;
    }
    cache.remember(key, revision);
    return revision;
}

void KnownRevisions::Cache::remember(std::string_view key, Revision revision) {
    constexpr std::size_t map_node_bytes = 64;
    const auto [place, is_new] = recent.try_emplace(std::string(key), revision);
    if (is_new)
        recent_bytes += key.size() + map_node_bytes;
    else
        place->second = revision;
}

void KnownRevisions::wrote(Family family, std::string_view key, Revision revision) {
    cache_of(family).remember(key, revision);
}

void KnownRevisions::end_group() {
    for (const Family family : {Family::Payload, Family::Audit}) {
        cache_of(family).recent.clear();
        cache_of(family).recent_bytes = 0;
    }
    for (const Family family : {Family::Control, Family::Index}) {
        Cache& cache = cache_of(family);
        if (cache.recent_bytes < bytes_max) continue;
        // Revisions that were not asked for since the last turn are forgotten.
        cache.older = std::exchange(cache.recent, {});
        cache.recent_bytes = 0;
    }
}

void KnownRevisions::forget() { caches_ = {}; }

void Sequencer::resume(Revision head, Millis time, const Link& link, const ClockSteps& steps) {
    known_.forget();
    steps_ = steps;
    chain_.resume(link);
    head_ = std::max(head_, head);
    time_ = std::max(time_, time);
}

void Sequencer::go_back(Revision head, Millis time, const Link& link, const ClockSteps& steps) {
    head_ = head;
    time_ = time;
    resume(head, time, link, steps);
}

/// A stamp is the wall clock's, and no earlier than the one before: a clock that is set back a
/// little is waited for. One that is set back further is followed, and it is noted from where on.
Millis Sequencer::stamp(Millis now) {
    if (now < time_ && time_ - now <= ClockSteps::held_ms) return time_;
    if (now < time_) steps_.add({head_ + 1, now});
    time_ = now;
    return time_;
}

std::vector<FeedEntry> Sequencer::decide(std::vector<Submission> group, Millis now) {
    std::vector<FeedEntry> entries;
    entries.reserve(group.size());
    for (Submission& submission : group) {
        if (const auto checked = check(submission); !checked) {
            const auto error = checked.error();
            if (error == Errc::Conflict) conflicted_.remember(submission.sender);
            entries.emplace_back(Refused{
                submission.ticket, error,
                conflict_.empty() ? error.message() : std::exchange(conflict_, {})
            });
        } else {
            stamp(submission.time != 0 ? submission.time : now);
            entries.emplace_back(accept(std::move(submission)));
        }
    }
    return entries;
}

Result<void> Sequencer::check(const Submission& submission) {
    const Batch& batch = submission.batch;
    if (batch.operations.size() > batch_operations_max || batch.bytes() > batch_bytes_max)
        return Errc::TooLarge;
    if (!keeps_audit(batch)) return Errc::Malformed;
    if (conflicted_.is_behind(submission.sender)) return Errc::Conflict;
    for (const Expectation& expected : batch.expectations) {
        const Result<Revision> revision = known_.of(expected.family, expected.key);
        if (!revision) return revision.error();
        if (*revision == expected.revision) continue;
        conflict_ = std::to_string(static_cast<int>(expected.family)) + "/" +
                    readable(expected.key) + " is " + std::to_string(*revision) + ", not " +
                    std::to_string(expected.revision);
        return Errc::Conflict;
    }
    return {};
}

Committed Sequencer::accept(Submission submission) {
    Committed committed{submission.ticket, ++head_, time_, std::move(submission.batch)};
    for (Write& operation : committed.batch.operations) {
        assert(
            operation.family != Family::Control ||
            (!operation.key.empty() && operation.key.front() != reserved_prefix)
        );
        if (operation.revision_at >= 0) fill_in(operation.key, operation.revision_at, head_);
        if (operation.also_revision_at >= 0)
            fill_in(operation.key, operation.also_revision_at, head_);
        // Here the order is known, and the thread is the writer's: no request waits for a hash. A
        // record that a cut keeps has a place already.
        if (operation.family == Family::Audit && operation.revision_at >= 0 &&
            !committed.batch.is_volatile)
            chain_.link(operation.key, time_, operation.value);
        // A volatile batch writes no record, so that none can be expected; a key with a revision of
        // its own in it is new by construction, so that no batch expects it.
        if (committed.batch.is_volatile || operation.revision_at >= 0) continue;
        known_.wrote(operation.family, operation.key, operation.erase ? 0 : head_);
    }
    return committed;
}

std::vector<FeedEntry> refuse_all(
    std::vector<Submission> group, Errc error, const std::string& detail
) {
    std::vector<FeedEntry> entries;
    entries.reserve(group.size());
    for (const Submission& submission : group)
        entries.emplace_back(Refused{submission.ticket, make_error_code(error), detail});
    return entries;
}

}   // namespace grid::storage
