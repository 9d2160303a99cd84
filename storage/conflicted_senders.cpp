// storage/conflicted_senders.cpp: see conflicted_senders.hpp.
#include "storage/conflicted_senders.hpp"

#include <algorithm>

namespace grid::storage {

bool ConflictedSenders::is_behind(Sender sender) {
    if (mark_if_behind(sender)) return true;
    conflicted_.erase(sender.id);
    return false;
}

std::optional<std::uint64_t> ConflictedSenders::mark_if_behind(Sender sender) const {
    if (sender.id == 0) return std::nullopt;
    const auto found = conflicted_.find(sender.id);
    if (found == conflicted_.end() || sender.round > found->second.round) return std::nullopt;
    return found->second.mark;
}

void ConflictedSenders::remember(Sender sender, std::uint64_t mark) {
    if (sender.id == 0) return;
    if (auto found = conflicted_.find(sender.id); found != conflicted_.end()) {
        found->second.round = std::max(found->second.round, sender.round);
        found->second.mark = mark;
        return;
    }
    conflicted_[sender.id] = {sender.round, mark, ++conflicts_};
    order_.emplace_back(conflicts_, sender.id);
    if (order_.size() <= senders_max) return;
    const auto [number, id] = order_.front();
    order_.pop_front();
    if (auto oldest = conflicted_.find(id);
        oldest != conflicted_.end() && oldest->second.number == number)
        conflicted_.erase(oldest);
}

}   // namespace grid::storage
