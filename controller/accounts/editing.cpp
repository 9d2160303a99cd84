// controller/accounts/editing.cpp: edits of an account: description, device type, pinned key.
#include <algorithm>

#include "controller/accounts/account_move.hpp"
#include "controller/accounts/transitions.hpp"
#include "controller/audit/record.hpp"

namespace grid::controller {

namespace {

bool is_hash(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

}   // namespace

Outcome<AccountChange> AccountMachine::edit(
    const xml::Jid& jid, const AccountEdit& edit, const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state == AccountState::Init)
        return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
    Account after = before;
    after.description = edit.description.value_or(before.description);
    after.device_type = edit.device_type.value_or(before.device_type);
    if (after.description.size() > description_bytes_max ||
        after.device_type.size() > device_type_bytes_max)
        return malformed("a description has at most 1024 bytes, a device type at most 128");
    if (edit.device_type) after.claim_has_changed = false;   // a person said which counts
    if (edit.key_pin) {
        after.key_pin = *edit.key_pin == "current" ? before.key : *edit.key_pin;
        if (*edit.key_pin == "current" && before.key.empty())
            return Failure{
                Errc::WrongState,
                "no certificate of this account was seen yet: give the SHA-256 of its public key",
                {}
            };
        if (!after.key_pin.empty() && !is_hash(after.key_pin))
            return malformed(
                "a key is pinned as the SHA-256 of its public key (SPKI, DER) in 64 lower-case "
                "hexadecimal digits, or as \"current\"; \"\" unpins"
            );
    }
    if (after == before) return AccountChange{{}, before};
    if (after.state == AccountState::Enabled) after.approved_by = audit::actor_name(context.actor);
    return AccountMove(accounts_, before, std::move(after)).move(context, "account-edit");
}

Outcome<AccountChange> AccountMachine::rebind(
    const xml::Jid& jid,
    const std::string& authority,
    bool keeps_others,
    const pubsub::Context& context
) const {
    const Account before = present_account(accounts_, jid);
    if (before.state == AccountState::Init)
        return Failure{Errc::UnknownAccount, "no account " + before.jid, {}};
    if (!is_hash(authority))
        return malformed(
            "a certificate authority is named by the SHA-256 of its public key (SPKI, DER) in 64 "
            "lower-case hexadecimal digits"
        );
    const bool is_moved_already = before.anchor == authority && before.other_anchors.empty();
    const bool is_kept_already = keeps_others && before.is_bound_to(std::string_view(authority));
    if (is_moved_already || is_kept_already) return AccountChange{{}, before};
    if (keeps_others && before.other_anchors.size() >= other_anchors_max)
        return Failure{
            Errc::WrongState,
            "an account is bound to at most 17 certificate authorities: move it to one of them "
            "first",
            {}
        };
    Account after = before;
    after.bind_to(authority, keeps_others);
    return AccountMove(accounts_, before, std::move(after)).move(context, "account-rebind");
}

}   // namespace grid::controller
