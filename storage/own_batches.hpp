// storage/own_batches.hpp: the batches that were submitted at this member of a cluster and have no
// outcome yet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "storage/conflicted_senders.hpp"
#include "storage/store_messages.hpp"

namespace grid::storage {

/// Numbers them in the order of their submission, and keeps each until the log carries it or its
/// refusal may be told. The leader decides them, in that order; a new one those that the old
/// one has not. Used by one thread.
class OwnBatches {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Own {
        Ticket ticket = 0;
        Sender sender;
        Batch batch;
        std::size_t bytes = 0;
        bool was_sent = false;            // ever: its outcome may be unknown
        std::uint64_t sent_in = 0;        // the last stream that it went into
        std::optional<Refusal> refusal;   // not told yet
        TimePoint since;
    };

    void add(Ticket ticket, Sender sender, Batch batch, TimePoint since = {});
    /// Refuses what is behind a conflict that only an earlier leader knew of.
    void begin_term(std::uint64_t term, Revision head);
    std::uint64_t term() const { return term_; }
    /// A new stream to whoever leads: everything without an outcome is to be sent again.
    void begin_stream();
    std::uint64_t stream() const { return stream_; }

    /// Shows the next batches of the stream, in order, until `take` returns false.
    void visit_unsent(const std::function<bool(std::uint64_t number, const Own&)>& take) const;
    /// Batches that visit_unsent() showed, up to that number, are sent.
    void sent_up_to(std::uint64_t number);
    /// Bytes that were sent in this stream and have no outcome.
    std::size_t bytes_under_way() const { return bytes_under_way_; }
    /// The first number without an outcome.
    std::uint64_t first_open() const;

    /// The log carries it: its ticket, 0 when it is none of those here. Its bytes are released.
    Ticket committed(std::uint64_t number);
    /// The leader of `term` refused it. Kept until the head at which that was decided is applied.
    void refused(std::uint64_t term, Refusal refusal);
    /// Refused batches that may be told now, in the order of their numbers.
    std::vector<Refused> take_refused(Revision head);
    /// All that are left, with `error`, or UnknownOutcome where a leader may have taken it.
    std::vector<Refused> close(Errc untaken, const std::string& detail);
    /// The same for those that were added before `since`. The log may carry one yet: as another
    /// member's, without an answer.
    std::vector<Refused> give_up(TimePoint since, Errc untaken, const std::string& detail);

    /// Bytes that were released since the last call.
    std::size_t take_released() { return std::exchange(released_, 0); }
    std::uint64_t sent_again() const { return sent_again_; }
    std::size_t size() const { return waiting_.size(); }
    /// How many had an outcome.
    std::uint64_t outcomes() const { return outcomes_; }

private:
    using Waiting = std::map<std::uint64_t, Own>;   // by number

    void forget(Waiting::iterator place);
    Refused take_oldest(Errc untaken, const std::string& detail);
    void hold(std::uint64_t number, Own& own, Refusal refusal);

    Waiting waiting_;
    ConflictedSenders conflicts_;   // with the term in which that was decided
    std::uint64_t last_number_ = 0, term_ = 0, stream_ = 0;
    std::uint64_t unsent_ = 1;   // numbers from here on were not sent in this stream
    std::uint64_t sent_again_ = 0, outcomes_ = 0;
    std::size_t bytes_under_way_ = 0, released_ = 0, held_ = 0;
};

}   // namespace grid::storage
