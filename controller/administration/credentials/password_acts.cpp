// controller/administration/credentials/password_acts.cpp: see password_acts.hpp.
#include "controller/administration/credentials/password_acts.hpp"

#include <utility>

namespace grid::controller::administration {

Outcome<std::function<Credentials()>> password_work(
    const ActContext& call, const std::string& password
) {
    const Settings& settings = call.state.settings;
    if (!settings.passwords)
        return Failure{
            Errc::PasswordsOff,
            "accounts log in with certificates: sasl.passwords is switched off on this grid",
            {}
        };
    auto prepared = prepare_password(password);
    if (!prepared) return Failure{Errc::CredentialsUnfit, password_rule, {}};
    return std::function<Credentials()>([password = std::move(*prepared),
                                         seed = call.context.fresh_id,
                                         iterations = settings.password_iterations] {
        return make_credentials(password, seed, iterations);
    });
}

Outcome<AccountChange> set_password(
    const ActContext& call, const xml::Jid& jid, const Credentials& credentials
) {
    auto change = call.state.machine().set_password(jid, &credentials, call.context);
    if (change) call.expect_right(change->batch);
    return change;
}

Outcome<AccountChange> remove_password(const ActContext& call, const xml::Jid& jid) {
    auto change = call.state.machine().set_password(jid, nullptr, call.context);
    if (change) call.expect_right(change->batch);
    return change;
}

}   // namespace grid::controller::administration
