// controller/controller_messages.cpp: may this client send that one a message? The policy's
// `message`, in place of rosters.
#include "controller/controller.hpp"
#include "controller/state.hpp"

namespace grid::controller {

bool Controller::may_message(const pubsub::Principal& actor, const xml::Jid& to) const {
    static const std::string nobody = "no enabled account";
    const State& state = *state_;
    const Account* recipient = state.accounts.find(to.bare_view());
    policy::Match match{false, 0, &nobody};
    if (recipient != nullptr && recipient->state == AccountState::Enabled)
        match = state.decide(
            actor, policy::Right::Message, policy::Object{recipient->jid, {}, {}, recipient->groups}
        );
    audit::Record record = audit::by(
        actor, match.allowed ? audit::Outcome::Allow : audit::Outcome::Deny,
        policy::to_string(policy::Right::Message)
    );
    record.target = to.bare_view();
    record.rule = *match.rule;
    state.audit.add(std::move(record));
    return match.allowed;
}

}   // namespace grid::controller
