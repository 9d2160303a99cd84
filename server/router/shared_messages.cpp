// server/router/shared_messages.cpp: see shared_messages.hpp.
#include "server/router/shared_messages.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/router/message_copy.hpp"

namespace grid::server {

/// A sender cannot make two messages that are taken for one. A copy has the name of its message.
SharedMessage SharedMessages::named(const Outgoing& message) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    const xml::Bytes original = original_text(message);
    const std::vector<unsigned char> text(original->begin(), original->end());
    SHA256(text.data(), text.size(), hash.data());
    return {message.number, {hash.begin(), hash.end()}};
}

UnreadShared SharedMessages::begin(
    const std::string& account, std::uint64_t session, const std::vector<Outgoing>& messages
) {
    UnreadShared unread{account, session, ++last_turn_, {}, {}};
    for (const Outgoing& one : messages)
        if (one.is_shared && unread.messages.size() < asked_max)
            unread.messages.push_back(named(one));
    ends_[unread.turn] = {account, session, {unread.messages.begin(), unread.messages.end()}};
    return unread;
}

void SharedMessages::finish(SharedMessage message) {
    if (!finished_.insert(message).second) return;
    finished_order_.push_back(std::move(message));
    if (finished_order_.size() <= finished_max) return;
    finished_.erase(finished_order_.front());
    finished_order_.pop_front();
}

bool SharedMessages::takes_care(const UnreadShared& asked, const SharedMessage& message) const {
    if (finished_.contains(message)) return true;
    return std::ranges::any_of(ends_, [&](const auto& one) {
        const auto& [turn, end] = one;
        return Turn(turn, end.session) > turn_of(asked) && end.account == asked.account &&
               end.session != asked.session && end.messages.contains(message);
    });
}

bool SharedMessages::must_wait(const UnreadShared& asked) const {
    return std::ranges::any_of(ends_, [&](const auto& one) {
        const auto& [turn, end] = one;
        return Turn(turn, end.session) < turn_of(asked) && end.account == asked.account &&
               std::ranges::any_of(
                   asked.messages,
                   [&](const SharedMessage& message) { return end.messages.contains(message); }
               );
    });
}

void SharedMessages::hear(const UnreadShared& asked) {
    last_turn_ = std::max(last_turn_, asked.turn);
}

}   // namespace grid::server
