// controller/admit.cpp: see admit.hpp.
#include "controller/admit.hpp"

#include "controller/accounts/account_machine.hpp"

namespace grid::controller {

Admission admit(const Account* account, const Identity& identity) {
    if (identity.is_by_password() && (account == nullptr || !account->is_bound_to(identity)))
        return {
            Admission::Kind::OtherCertificate, AccountState::Init,
            "the account's password was changed meanwhile"
        };
    if (account == nullptr) return {};
    // The other certificate is asked about first, so that it learns nothing of the account.
    if (!is_same_certificate(*account, identity))
        return {
            Admission::Kind::OtherCertificate, AccountState::Init,
            "this name belongs to another certificate"
        };
    if (account->is_pinned_elsewhere(identity))
        return {
            Admission::Kind::OtherKey, AccountState::Init,
            "this account is pinned to another key: an administrator must unpin it or pin this one"
        };
    if (account->state == AccountState::Disabled)
        return {
            Admission::Kind::Disabled, AccountState::Disabled,
            "an administrator disabled this account"
        };
    return {Admission::Kind::Enter, account->state, {}};
}

}   // namespace grid::controller
