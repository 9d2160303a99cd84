// server/core/sign_ins.cpp: see server/core/sign_ins.hpp.
#include "server/core/sign_ins.hpp"

#include "controller/credentials/credentials.hpp"
#include "server/clock.hpp"

namespace grid::server {

std::string SignIns::add(controller::administration::SignedIn who, Time now) {
    make_room(who.account.bare_view(), now);
    std::string token = fresh_id() + fresh_id();   // 128 random bits each
    SignIn sign_in{std::move(who), fresh_id(), now, now};
    by_digest_.insert_or_assign(controller::digest_in_hex(token), std::move(sign_in));
    return token;
}

bool SignIns::is_over(const SignIn& sign_in, Time now) const {
    return now - sign_in.used > bounds_.idle || now - sign_in.since > bounds_.longest;
}

void SignIns::make_room(std::string_view bare, Time now) {
    std::erase_if(by_digest_, [&](const auto& one) { return is_over(one.second, now); });
    const auto oldest = [&](bool is_of_account) {
        Place found = by_digest_.end();
        for (auto at = by_digest_.begin(); at != by_digest_.end(); ++at) {
            if (is_of_account && at->second.who.account.bare_view() != bare) continue;
            if (found == by_digest_.end() || at->second.since < found->second.since) found = at;
        }
        return found;
    };
    std::size_t own = 0;
    for (const auto& [digest, sign_in] : by_digest_)
        own += sign_in.who.account.bare_view() == bare ? 1U : 0U;
    if (own >= bounds_.per_account) by_digest_.erase(oldest(true));
    if (by_digest_.size() >= bounds_.all) by_digest_.erase(oldest(false));
}

const SignIns::SignIn* SignIns::find(std::string_view token, Time now, bool is_use) {
    const auto found = by_digest_.find(controller::digest_in_hex(token));
    if (found == by_digest_.end()) return nullptr;
    if (is_over(found->second, now)) {
        by_digest_.erase(found);
        return nullptr;
    }
    if (is_use) found->second.used = now;
    return &found->second;
}

void SignIns::end(std::string_view token) { by_digest_.erase(controller::digest_in_hex(token)); }

void SignIns::end_account(std::string_view bare) {
    std::erase_if(by_digest_, [&](const auto& one) {
        return one.second.who.account.bare_view() == bare;
    });
}

}   // namespace grid::server
