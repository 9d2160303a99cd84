// storage/own_batches.cpp: see own_batches.hpp.
#include "storage/own_batches.hpp"

#include <utility>

namespace grid::storage {

void OwnBatches::add(Ticket ticket, Sender sender, Batch batch, TimePoint since) {
    Own own{ticket, sender, std::move(batch), 0, false, 0, std::nullopt, since};
    own.bytes = own.batch.bytes();
    const std::uint64_t number = ++last_number_;
    const auto place = waiting_.emplace(number, std::move(own)).first;
    // The leader of this term remembers its own conflicts. A batch of an older round may still be
    // open when one of the next comes: here nothing is forgotten before its turn.
    const auto mark = conflicts_.mark_if_behind(sender);
    if (mark && *mark != term_) hold(number, place->second, {number, Errc::Conflict, {}, 0});
}

void OwnBatches::begin_term(std::uint64_t term, Revision head) {
    term_ = term;
    begin_stream();
    for (auto& [number, own] : waiting_)
        if (!own.refusal && conflicts_.mark_if_behind(own.sender))
            hold(number, own, {number, Errc::Conflict, {}, head});
}

void OwnBatches::begin_stream() {
    ++stream_;
    bytes_under_way_ = 0;
    unsent_ = first_open();
}

void OwnBatches::visit_unsent(const std::function<bool(std::uint64_t number, const Own&)>& take
) const {
    for (auto place = waiting_.lower_bound(unsent_); place != waiting_.end(); ++place)
        if (!place->second.refusal && !take(place->first, place->second)) return;
}

void OwnBatches::sent_up_to(std::uint64_t number) {
    for (auto place = waiting_.lower_bound(unsent_);
         place != waiting_.end() && place->first <= number; ++place) {
        Own& own = place->second;
        if (own.refusal) continue;
        if (own.was_sent) ++sent_again_;
        own.was_sent = true;
        own.sent_in = stream_;
        bytes_under_way_ += own.bytes;
    }
    unsent_ = number + 1;
}

std::uint64_t OwnBatches::first_open() const {
    return waiting_.empty() ? last_number_ + 1 : waiting_.begin()->first;
}

Ticket OwnBatches::committed(std::uint64_t number) {
    const auto place = waiting_.find(number);
    if (place == waiting_.end()) return 0;
    const Ticket ticket = place->second.ticket;
    ++outcomes_;
    forget(place);
    return ticket;
}

void OwnBatches::refused(std::uint64_t term, Refusal refusal) {
    // Of an earlier term: the batch is under way to another leader already.
    if (term != term_) return;
    const std::uint64_t number = refusal.number;
    const auto place = waiting_.find(number);
    if (place == waiting_.end() || place->second.refusal) return;
    if (refusal.error == Errc::Conflict) conflicts_.remember(place->second.sender, term);
    hold(number, place->second, std::move(refusal));
}

void OwnBatches::hold(std::uint64_t number, Own& own, Refusal refusal) {
    refusal.number = number;
    own.refusal = std::move(refusal);
    ++held_;
    if (own.sent_in == stream_) bytes_under_way_ -= own.bytes;
}

void OwnBatches::forget(Waiting::iterator place) {
    const Own& own = place->second;
    if (own.refusal)
        --held_;
    else if (own.sent_in == stream_)
        bytes_under_way_ -= own.bytes;
    released_ += own.bytes;
    waiting_.erase(place);
}

std::vector<Refused> OwnBatches::take_refused(Revision head) {
    std::vector<Refused> told;
    for (auto place = waiting_.begin(); held_ > 0 && place != waiting_.end();) {
        const auto here = place++;
        const auto& refusal = here->second.refusal;
        if (!refusal || refusal->head > head) continue;
        const auto error = make_error_code(refusal->error);
        told.push_back(
            {here->second.ticket, error, refusal->detail.empty() ? error.message() : refusal->detail
            }
        );
        ++outcomes_;
        forget(here);
    }
    return told;
}

std::vector<Refused> OwnBatches::close(Errc untaken, const std::string& detail) {
    std::vector<Refused> told;
    while (!waiting_.empty()) told.push_back(take_oldest(untaken, detail));
    return told;
}

std::vector<Refused> OwnBatches::give_up(TimePoint since, Errc untaken, const std::string& detail) {
    std::vector<Refused> told;
    while (!waiting_.empty() && waiting_.begin()->second.since < since)
        told.push_back(take_oldest(untaken, detail));
    return told;
}

Refused OwnBatches::take_oldest(Errc untaken, const std::string& detail) {
    const auto place = waiting_.begin();
    const Own& own = place->second;
    const bool is_unknown = own.was_sent && !own.refusal;
    const auto error = make_error_code(is_unknown ? Errc::UnknownOutcome : untaken);
    Refused refused{own.ticket, error, detail};
    forget(place);
    return refused;
}

}   // namespace grid::storage
