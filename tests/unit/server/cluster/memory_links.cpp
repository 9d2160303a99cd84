// tests/unit/server/cluster/memory_links.cpp: see memory_links.hpp.
#include "memory_links.hpp"

#include <algorithm>

namespace grid::test {

using server::cluster::Channel;

void Switchboard::connect(storage::MemberId one, storage::MemberId other) {
    connections_[pair_of(one, other)] = ++last_;
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)})
        for (const auto& changed : links_.at(from)->changed_) changed(links_.at(to)->self_, true);
}

void Switchboard::cut(storage::MemberId one, storage::MemberId other) {
    if (connections_.erase(pair_of(one, other)) == 0) return;
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)})
        for (const auto& changed : links_.at(from)->changed_) changed(links_.at(to)->self_, false);
}

bool Switchboard::send(
    storage::MemberId from, storage::MemberId to, Channel channel, std::string payload
) {
    const auto found = connections_.find(pair_of(from, to));
    if (found == connections_.end()) return false;
    ++frames;
    largest = std::max(largest, payload.size());
    if (loses_frames || frames > arrive_most) return true;
    boost::asio::post(
        context_,
        [this, from, to, channel, number = found->second, payload = std::move(payload)] {
            const auto connection = connections_.find(pair_of(from, to));
            if (connection == connections_.end() || connection->second != number) return;
            const auto there = links_.find(to);
            if (there != links_.end()) there->second->receive_.at(channel)(from, payload);
        }
    );
    return true;
}

MemoryLinks::MemoryLinks(Switchboard& board, server::cluster::Member self)
    : board_(board), self_(std::move(self)) {
    board_.links_[self_.id] = this;
}

MemoryLinks::~MemoryLinks() { board_.links_.erase(self_.id); }

}   // namespace grid::test
