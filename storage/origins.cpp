// storage/origins.cpp: see origins.hpp.
#include "storage/origins.hpp"

#include <utility>

namespace grid::storage {
namespace {

constexpr std::size_t refusals_per_message_max = 1'000;

/// SplitMix64's last step: every input has an output of its own.
std::uint64_t mixed(std::uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

}   // namespace

// Two senders that share an id by chance conflict together: a batch more is decided again.
Sender Origins::sender_of(MemberId origin, Sender sender) {
    if (sender.id == 0) return sender;
    const std::uint64_t id = mixed(mixed(origin) + sender.id);
    return {id == 0 ? 1 : id, sender.round};
}

void Origins::begin_term(std::uint64_t term) {
    term_ = term;
    origins_.clear();
    unsent_.clear();
    queue_.clear();
}

bool Origins::take(MemberId from, BatchesMessage message) {
    if (message.term != term_) return false;
    Origin& origin = origins_[from];
    if (message.stream < origin.stream) return true;   // a later one is under way already
    if (message.stream > origin.stream) {
        origin.stream = message.stream;
        origin.sequence = 0;
    }
    if (message.sequence != origin.sequence) return false;
    ++origin.sequence;
    origin.refusals.erase(origin.refusals.begin(), origin.refusals.lower_bound(message.open));
    for (ForwardedBatch& batch : message.batches) {
        if (batch.number >= origin.next) {
            origin.next = batch.number + 1;
            const std::size_t bytes = batch.batch.bytes();
            queue_.push_back({from, std::move(batch), bytes});
        } else if (origin.refusals.contains(batch.number)) {
            origin.unsent.insert(batch.number);
            unsent_.insert(from);
        }
    }
    return true;
}

void Origins::refused(MemberId member, Refusal refusal) {
    Origin& origin = origins_[member];
    origin.unsent.insert(refusal.number);
    unsent_.insert(member);
    origin.refusals.insert_or_assign(refusal.number, std::move(refusal));
}

bool Origins::send_refusals(Peers& peers) {
    for (auto member = unsent_.begin(); member != unsent_.end();) {
        Origin& origin = origins_[*member];
        RefusalsMessage message{term_, {}};
        std::set<std::uint64_t> rest;
        for (const std::uint64_t number : origin.unsent) {
            const auto found = origin.refusals.find(number);
            if (found == origin.refusals.end()) continue;
            if (message.refusals.size() < refusals_per_message_max)
                message.refusals.push_back(found->second);
            else
                rest.insert(number);
        }
        const bool is_sent =
            message.refusals.empty() || peers.send(*member, encode(std::move(message)));
        if (is_sent) origin.unsent = std::move(rest);
        member = is_sent && origin.unsent.empty() ? unsent_.erase(member) : std::next(member);
    }
    return unsent_.empty();
}

}   // namespace grid::storage
