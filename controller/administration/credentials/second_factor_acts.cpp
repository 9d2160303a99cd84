// controller/administration/credentials/second_factor_acts.cpp: see second_factor_acts.hpp.
#include "controller/administration/credentials/second_factor_acts.hpp"

#include "controller/audit/record.hpp"

namespace grid::controller::administration {

namespace {

Outcome<const Account*> account_named(const ActContext& call, const xml::Jid& jid) {
    const Account* account = call.state.accounts.find(jid.bare_view());
    if (account == nullptr) return Failure{Errc::UnknownAccount, "no account " + jid.str(), {}};
    return account;
}

void expect_both(storage::Batch& batch, const Account& account, const SecondFactor* factor) {
    batch.expect(storage::Family::Control, account_key(account.jid), account.revision);
    batch.expect(
        storage::Family::Control, second_factor_key(account.jid),
        factor == nullptr ? 0 : factor->revision
    );
}

void put_on_record(
    const ActContext& call, storage::Batch& batch, std::string_view name, const Account& account
) {
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, name);
    record.target = account.jid;
    audit::append(batch, std::move(record));
}

/// An account of administration that may sign in by that password; null: none.
const Account* account_for(const State& state, const SignInAttempt& attempt) {
    const Account* account = state.accounts.find(attempt.name);
    if (account == nullptr || account->state != AccountState::Enabled || !account->has_role())
        return nullptr;
    if (!account->key_pin.empty()) return nullptr;   // by that key alone
    const bool is_measured = attempt.fits && !attempt.generation.empty();
    return is_measured && account->password == attempt.generation ? account : nullptr;
}

}   // namespace

Outcome<SecondFactorMade> set_second_factor(const ActContext& call, const xml::Jid& jid) {
    const auto account = account_named(call, jid);
    if (!account) return account.error();
    const Account& known = **account;
    Enrolment made = enrol_second_factor(call.context.fresh_id, known.created);
    SecondFactorMade answer;
    storage::Batch& batch = answer.batch;
    // The place may hold one of an earlier account.
    const SecondFactor* present = call.state.second_factors.at(known.jid);
    expect_both(batch, known, present);
    batch.put(storage::Family::Control, second_factor_key(known.jid), encode(made.factor));
    put_on_record(call, batch, "second-factor", known);
    call.expect_right(batch);
    answer.uri = otpauth_uri("gridd " + call.state.settings.domain, known.jid, made.factor.secret);
    answer.secret = to_base32(made.factor.secret);
    answer.recovery_codes = std::move(made.recovery_codes);
    return answer;
}

Outcome<storage::Batch> remove_second_factor(const ActContext& call, const xml::Jid& jid) {
    const auto account = account_named(call, jid);
    if (!account) return account.error();
    storage::Batch batch;
    const SecondFactor* present = call.state.second_factors.at((*account)->jid);
    if (present == nullptr) return batch;
    expect_both(batch, **account, present);
    batch.erase(storage::Family::Control, second_factor_key((*account)->jid));
    put_on_record(call, batch, "second-factor-remove", **account);
    call.expect_right(batch);
    return batch;
}

std::optional<SignIn> sign_in(const ActContext& call, const SignInAttempt& attempt) {
    const State& state = call.state;
    const Account* account = account_for(state, attempt);
    const SecondFactor* factor =
        account == nullptr ? nullptr : state.second_factors.find(account->jid, account->created);
    // Measured in any case, so that the answer takes the same time.
    const auto taken = take_code(
        factor == nullptr ? SecondFactors::of_nobody() : *factor, attempt.code, call.context.now
    );
    if (factor == nullptr || !taken) return std::nullopt;
    SignIn made;
    expect_both(made.batch, *account, factor);
    made.batch.put(storage::Family::Control, second_factor_key(account->jid), encode(*taken));
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "sign-in");
    const std::size_t left = taken->recovery.size();
    if (left < factor->recovery.size())
        record.detail = "by a recovery code, " + std::to_string(left) + " are left";
    audit::append(made.batch, std::move(record));
    made.who = SignedIn{
        xml::Jid::from_canonical(account->jid), account->password, factor->id(), account->role()
    };
    return made;
}

bool holds(const State& state, const SignedIn& signed_in) {
    const Account* account = state.accounts.find(signed_in.account.bare_view());
    if (account == nullptr || account->state != AccountState::Enabled) return false;
    if (account->role() != signed_in.role || account->password != signed_in.generation)
        return false;
    if (!account->key_pin.empty()) return false;   // since it signed in: by that key alone
    const SecondFactor* factor = state.second_factors.find(account->jid, account->created);
    return factor != nullptr && factor->id() == signed_in.factor;
}

}   // namespace grid::controller::administration
