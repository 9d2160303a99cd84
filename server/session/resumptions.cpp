// server/session/resumptions.cpp: see server/session/resumptions.hpp.
#include "server/session/resumptions.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <stdexcept>

namespace grid::server {

namespace {

constexpr std::size_t selector_digits = 16, token_digits = 48;
constexpr std::size_t ended_max = 4096;

std::string random_token() {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, token_digits / 2> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        throw std::runtime_error("the system gives no random numbers");
    std::string token;
    for (const unsigned char byte : bytes) {
        token += digits[byte >> 4U];
        token += digits[byte & 15U];
    }
    return token;
}

bool is_equal(std::string_view one, std::string_view other) {
    return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}   // namespace

std::uint64_t Resumptions::selector_of(std::string_view token) {
    const std::string_view digits = token.substr(0, selector_digits);
    std::uint64_t selector = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), selector, 16);
    return selector;
}

std::string Resumptions::issue(const SessionPtr& session) {
    std::string token = random_token();
    by_selector_[selector_of(token)] = session;
    return token;
}

void Resumptions::adopt(const SessionPtr& session) {
    by_selector_[selector_of(session->management->token)] = session;
}

void Resumptions::forget(const Session& session) {
    wait_no_more(session);
    if (session.management) by_selector_.erase(selector_of(session.management->token));
}

std::string Resumptions::hash_of(std::string_view token) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    const std::vector<unsigned char> input(token.begin(), token.end());
    SHA256(input.data(), input.size(), hash.data());
    return {hash.begin(), hash.end()};
}

SessionPtr Resumptions::find(std::string_view token) const {
    const auto found = by_selector_.find(selector_of(token));
    if (found == by_selector_.end() || !found->second->management) return nullptr;
    return is_equal(found->second->management->token, token) ? found->second : nullptr;
}

void Resumptions::end(const Session& session, std::uint32_t handled) {
    wait_no_more(session);
    if (!session.management || session.management->token.empty()) return;
    const std::string& token = session.management->token;
    const std::uint64_t selector = selector_of(token);
    if (by_selector_.erase(selector) == 0) return;
    ended_[selector] = {token, session.bare.str(), session.identity->key, handled};
    ended_order_.push_back(selector);
    if (ended_order_.size() <= ended_max) return;
    ended_.erase(ended_order_.front());
    ended_order_.pop_front();
}

std::optional<std::uint32_t> Resumptions::handled_by_ended(
    std::string_view token, const controller::Identity& asker
) const {
    const auto found = ended_.find(selector_of(token));
    if (found == ended_.end()) return std::nullopt;
    const Ended& ended = found->second;
    if (!is_equal(ended.token, token)) return std::nullopt;
    if (ended.account != asker.account.str() || ended.key != asker.key) return std::nullopt;
    return ended.handled;
}

void Resumptions::wait(const Session& session, Clock::time_point until) {
    wait_no_more(session);
    waiting_.emplace(until, session.id);
    until_[session.id] = until;
}

void Resumptions::wait_no_more(const Session& session) {
    const auto found = until_.find(session.id);
    if (found == until_.end()) return;
    waiting_.erase({found->second, session.id});
    until_.erase(found);
}

std::vector<std::uint64_t> Resumptions::due(Clock::time_point now, std::size_t most) const {
    std::vector<std::uint64_t> due;
    for (const auto& [until, id] : waiting_) {
        if (until > now || due.size() == most) break;
        due.push_back(id);
    }
    return due;
}

bool Resumptions::is_same(const controller::Identity& one, const controller::Identity& other) {
    return one.account == other.account && one.key == other.key && one.password == other.password;
}

}   // namespace grid::server
