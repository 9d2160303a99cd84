// controller/administration/credentials/second_factor_acts.hpp: the administrators' acts on second
// factors, and the decision on a sign-in with one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// The secrets are shown once.
struct SecondFactorMade {
    storage::Batch batch;
    std::string uri, secret;   // otpauth://…, and the secret alone in base 32
    std::vector<std::string> recovery_codes;
};
/// The account signs in to the console with codes of a new secret, and of no other any more; who is
/// signed in as it is signed out.
Outcome<SecondFactorMade> set_second_factor(const ActContext& call, const xml::Jid& jid);
/// No operations where it has none.
Outcome<storage::Batch> remove_second_factor(const ActContext& call, const xml::Jid& jid);

/// A sign-in whose password was measured already.
struct SignInAttempt {
    std::string name;         // a bare JID, or what was given in its place
    std::string code;         // six digits, or a recovery code
    std::string generation;   // of the password against which it was measured; empty: there is none
    bool fits = false;        // the password
};
/// The account that signed in, and the password and the factor by which it did.
struct SignedIn {
    xml::Jid account;
    std::string generation, factor;
    Role role = Role::Auditor;
};
/// The batch takes the code, so that no second sign-in can have it, also after a restart, and puts
/// the sign-in on record.
struct SignIn {
    storage::Batch batch;
    SignedIn who;
};
/// nullopt: refused, whatever was wrong; the work is the same in all cases.
std::optional<SignIn> sign_in(const ActContext& call, const SignInAttempt& attempt);
inline constexpr const char* sign_in_refused =
    "the account, its password or its code is wrong, or it has no second factor yet, which an "
    "administrator makes (gridctl accounts second-factor)";
/// Whether what was proved at the sign-in holds still: the account's state, its role, its password
/// and its second factor.
bool holds(const State& state, const SignedIn& signed_in);

}   // namespace grid::controller::administration
