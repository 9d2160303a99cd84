// controller/audit/refusals.hpp: refusals of acts of administration, on record.
#pragma once

#include <string_view>
#include <utility>

#include "controller/audit/queue.hpp"
#include "controller/roles/acts.hpp"

namespace grid::controller {

/// The actor, the act that was refused, and its target, where that is known: a record for each, so
/// that none hides another.
inline void note_refusal(
    audit::Queue& audit,
    const pubsub::Principal& actor,
    Act act,
    std::string_view target,
    const std::string& rule
) {
    audit::Record record = audit::by(actor, audit::Outcome::Deny, "administration");
    record.target = target;
    record.rule = rule;
    record.detail = row_of(act).name;
    record.is_single = true;
    audit.add(std::move(record));
}

}   // namespace grid::controller
