// controller/administration/credentials/password_acts.hpp: the administrators' acts on passwords of
// accounts.
#pragma once

#include <functional>
#include <string>

#include "controller/administration/act_context.hpp"

namespace grid::controller::administration {

/// The work before an act that gives an account a password: its result is given to the act. On the
/// reader pool, since it takes tens of milliseconds. `PasswordsOff`, `CredentialsUnfit`.
Outcome<std::function<Credentials()>> password_work(
    const ActContext& call, const std::string& password
);

/// The account logs in by that password, and by no other any more. Its streams end if it had one
/// (controller/accounts/notice_texts.cpp).
Outcome<AccountChange> set_password(
    const ActContext& call, const xml::Jid& jid, const Credentials& credentials
);
/// No change where it has none. Also while passwords are switched off.
Outcome<AccountChange> remove_password(const ActContext& call, const xml::Jid& jid);

}   // namespace grid::controller::administration
