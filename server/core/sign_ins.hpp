// server/core/sign_ins.hpp: sign-ins to the console by password, by the tokens of cookies.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "controller/administration/credentials/second_factor_acts.hpp"
#include "controller/identity.hpp"
#include "controller/rest/http.hpp"
#include "pubsub/principal.hpp"

namespace grid::server {

/// A wish to sign in, as it was typed.
struct SignInRequest {
    std::string account, password, code;
    std::string address;
    std::string former;   // the token of the browser's cookie, which ends
};
/// A request with the token of a cookie.
struct SignInQuestion {
    std::string token, csrf;
    bool is_change = false;
    std::string address;
    bool is_use = true;   // false: the server asks by itself, during a long answer
};
/// The account that asks by it.
struct SignedInClient {
    pubsub::Principal principal;
    controller::Identity identity;
};
using SignInAnswer = std::variant<controller::HttpResponse, SignedInClient>;

/// Soft state: a restart signs everybody out. A token is 256 random bits and kept as its SHA-256
/// alone. Core strand.
class SignIns {
public:
    using Time = std::chrono::steady_clock::time_point;
    struct Bounds {
        std::chrono::seconds idle{15 * 60}, longest{12 * 3600};
        std::size_t per_account = 8, all = 1'000;
    };
    struct SignIn {
        controller::administration::SignedIn who;
        std::string csrf;   // sent with each change, by pages of this server alone
        Time since, used;
    };
    explicit SignIns(Bounds bounds) : bounds_(bounds) {}

    /// A new one with a new token, which is returned. The oldest of the account, or of all, gives
    /// way where there are too many.
    std::string add(controller::administration::SignedIn who, Time now);
    /// Null: there is none, or its time is over. One that is found was used now,
    /// where this is a use.
    const SignIn* find(std::string_view token, Time now, bool is_use = true);
    void end(std::string_view token);
    /// All of that account (bare JID).
    void end_account(std::string_view bare);
    std::size_t size() const { return by_digest_.size(); }
    const Bounds& bounds() const { return bounds_; }

private:
    using Place = std::map<std::string, SignIn, std::less<>>::iterator;
    bool is_over(const SignIn& sign_in, Time now) const;
    void make_room(std::string_view bare, Time now);

    Bounds bounds_;
    std::map<std::string, SignIn, std::less<>> by_digest_;
};

}   // namespace grid::server
