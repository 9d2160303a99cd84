// controller/policy/conditions.hpp: the conditions of a rule, prepared for checking.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/glob.hpp"
#include "controller/policy/rule.hpp"

namespace grid::controller::policy {

/// A question with what patterns are matched against.
struct Prepared {
    explicit Prepared(const Question& q)
        : question(q),
          client(q.client),
          topic(q.topic),
          type(q.type),
          service(q.service_asked()),
          device(q.device),
          issuer(q.issuer),
          anchor(q.anchor) {}
    const Question& question;
    Marked client, topic, type, service, device, issuer, anchor;
};

class ConditionCheck {
public:
    explicit ConditionCheck(const Rule& rule);
    /// Everything but where the session comes from.
    bool holds_for_account(const Prepared& given) const;
    /// The network. Where nothing is known of the session, as `SessionKnown` says.
    bool holds_for_session(const Prepared& given) const;
    /// Whether another session of the account, or another topic, may be judged otherwise.
    bool is_of_session() const { return !networks_.empty(); }
    bool is_of_object() const { return !types_.empty() || !services_.empty(); }

private:
    bool allows_ = false;
    std::vector<std::string> groups_;
    std::vector<Glob> clients_, devices_, issuers_, types_, services_;
    std::vector<Network> networks_;
    std::vector<Window> windows_;
};

}   // namespace grid::controller::policy
