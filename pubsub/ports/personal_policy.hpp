// pubsub/ports/personal_policy.hpp: the rights at nodes of accounts, which no rule about topics
// speaks of.
#pragma once

#include "pubsub/ports/ports.hpp"

namespace grid::pubsub {

/// An account may do everything at its own nodes. Another account may discover, subscribe, retrieve
/// and, where the node lets it, publish, if the policy lets messages pass from the owner to it and
/// neither has blocked the other; the node's access model decides further. All questions about
/// other nodes go to the policy of the grid.
class PersonalPolicy final : public AccessPolicy {
public:
    PersonalPolicy(const AccessPolicy& policy, const Contacts& contacts)
        : policy_(policy), contacts_(contacts) {}

    Verdict check(
        const Principal& actor, Right operation, std::string_view node, std::string_view type
    ) const override;
    bool allows(
        const Principal& actor, Right operation, std::string_view node, std::string_view type
    ) const override;
    bool may_receive(const xml::Jid& subscriber, std::string_view node, std::string_view type)
        const override;
    Verdict check_subscriber(
        const xml::Jid& subscriber, std::string_view node, std::string_view type
    ) const override;
    void describe(std::string_view node, xml::Form& meta_data) const override;
    bool asks_sessions() const override { return policy_.asks_sessions(); }
    bool may_receive_here(const Principal& session, std::string_view node, std::string_view type)
        const override;
    bool is_administrator(const Principal& actor) const override {
        return !actor.is_plain && policy_.is_administrator(actor);
    }
    bool is_administrator_account(const xml::Jid& account) const override {
        return policy_.is_administrator_account(account);
    }
    std::uint64_t revision() const override { return policy_.revision(); }
    void record_allowed(
        storage::Batch& batch,
        const Principal& actor,
        const std::vector<Deed>& deeds,
        std::string_view node,
        const Verdict& verdict
    ) const override;
    void refused(
        const Principal& actor, const Deed& deed, std::string_view node, const Verdict& verdict
    ) const override;
    bool may_publish(const xml::Jid& publisher, std::string_view node, std::string_view type)
        const override;
    void store_notice(
        storage::Batch& batch, const xml::Jid& to, const std::string& subject, std::string inside
    ) const override {
        policy_.store_notice(batch, to, subject, std::move(inside));
    }

private:
    Verdict check_personal(const Principal& actor, Right operation, std::string_view owner) const;

    const AccessPolicy& policy_;
    const Contacts& contacts_;
};

}   // namespace grid::pubsub
