// server/router/copied_messages.cpp: see copied_messages.hpp.
#include "server/router/copied_messages.hpp"

#include <functional>
#include <string>
#include <utility>

#include "server/clock.hpp"

namespace grid::server {

CopiedMessages::CopiedMessages() : seed_(std::hash<std::string>{}(fresh_id())) {}

/// Of the sender its resource, of the addressee the account: one of its resources answers.
std::uint64_t CopiedMessages::hash_of(const xml::Jid& from, const xml::Jid& to, std::string_view id)
    const {
    std::string text = std::to_string(seed_);
    text.append(1, '\n').append(from.str()).append(1, '\n').append(to.bare_view());
    return std::hash<std::string>{}(text.append(1, '\n').append(id));
}

void CopiedMessages::note(const xml::Jid& from, const xml::Jid& to, std::string_view id) {
    if (id.empty()) return;
    const std::uint64_t hash = hash_of(from, to, id);
    ++counts_[hash];
    if (noted_.size() < noted_max) return noted_.push_back(hash);
    const std::uint64_t oldest = std::exchange(noted_[next_], hash);
    next_ = (next_ + 1) % noted_max;
    const auto found = counts_.find(oldest);
    if (--found->second == 0) counts_.erase(found);
}

bool CopiedMessages::is_answered_by(const xml::Jid& from, const xml::Jid& to, std::string_view id)
    const {
    return !id.empty() && counts_.contains(hash_of(to, from, id));
}

}   // namespace grid::server
