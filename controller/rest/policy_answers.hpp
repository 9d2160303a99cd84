// controller/rest/policy_answers.hpp: answers about the policy that several files of routes give.
#pragma once

#include "controller/administration/policy_acts.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

/// With line and column of each error where the text does not parse.
HttpResponse refuse_policy(const administration::PolicyRefusal& refusal);
/// A number of the body; nothing when it is absent.
Outcome<std::optional<std::uint64_t>> optional_number(
    const json::object& body, std::string_view name
);

HttpDecision test_policy(const Call& call);
HttpDecision dry_run_policy(const Call& call);

/// That an earlier step of this request has made; null: there was none.
policy::DraftPtr draft_in(const Call& call);
/// Makes it, for the next step.
HttpDecision make_draft(const Call& call, policy::DraftWork work);

}   // namespace grid::controller::rest
