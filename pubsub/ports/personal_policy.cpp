// pubsub/ports/personal_policy.cpp: see pubsub/ports/personal_policy.hpp.
#include "pubsub/ports/personal_policy.hpp"

#include "pubsub/ports/personal.hpp"

namespace grid::pubsub {

namespace {

xml::Jid jid_of(std::string_view bare) { return xml::Jid::from_canonical(std::string(bare)); }

}   // namespace

Verdict PersonalPolicy::check_personal(
    const Principal& actor, Right operation, std::string_view owner
) const {
    if (actor.origin == Origin::System) return {true, "system"};
    if (actor.jid.bare_view() == owner) return {true, "own node"};
    if (operation == Right::Create || operation == Right::Manage)
        return {false, "node of another account"};
    return {contacts_.may_reach(jid_of(owner), actor.jid.bare()), "messages of the owner"};
}

Verdict PersonalPolicy::check(
    const Principal& actor, Right operation, std::string_view node, std::string_view type
) const {
    if (!is_personal(node)) return policy_.check(actor, operation, node, type);
    return check_personal(actor, operation, owner_in(node));
}

bool PersonalPolicy::allows(
    const Principal& actor, Right operation, std::string_view node, std::string_view type
) const {
    if (!is_personal(node)) return policy_.allows(actor, operation, node, type);
    return check_personal(actor, operation, owner_in(node)).allowed;
}

bool PersonalPolicy::may_receive(
    const xml::Jid& subscriber, std::string_view node, std::string_view type
) const {
    if (!is_personal(node)) return policy_.may_receive(subscriber, node, type);
    const std::string_view owner = owner_in(node);
    return subscriber.bare_view() == owner || contacts_.may_reach(jid_of(owner), subscriber.bare());
}

Verdict PersonalPolicy::check_subscriber(
    const xml::Jid& subscriber, std::string_view node, std::string_view type
) const {
    if (!is_personal(node)) return policy_.check_subscriber(subscriber, node, type);
    return {may_receive(subscriber, node, type), "messages of the owner"};
}

void PersonalPolicy::describe(std::string_view node, xml::Form& meta_data) const {
    if (!is_personal(node)) policy_.describe(node, meta_data);
}

bool PersonalPolicy::may_receive_here(
    const Principal& session, std::string_view node, std::string_view type
) const {
    if (!is_personal(node)) return policy_.may_receive_here(session, node, type);
    return may_receive(session.jid, node, type);
}

void PersonalPolicy::record_allowed(
    storage::Batch& batch,
    const Principal& actor,
    const std::vector<Deed>& deeds,
    std::string_view node,
    const Verdict& verdict
) const {
    if (!is_personal(node)) return policy_.record_allowed(batch, actor, deeds, node, verdict);
    policy_.record_allowed(batch, actor, deeds, name_on_record(node), verdict);
}

void PersonalPolicy::refused(
    const Principal& actor, const Deed& deed, std::string_view node, const Verdict& verdict
) const {
    policy_.refused(actor, deed, name_on_record(node), verdict);
}

bool PersonalPolicy::may_publish(
    const xml::Jid& publisher, std::string_view node, std::string_view type
) const {
    if (!is_personal(node)) return policy_.may_publish(publisher, node, type);
    return publisher.bare_view() == owner_in(node);
}

}   // namespace grid::pubsub
