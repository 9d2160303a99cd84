// controller/policy/conditions.cpp: checking conditions, the cheap ones first.
#include "controller/policy/conditions.hpp"

#include <algorithm>

namespace grid::controller::policy {

namespace {

std::vector<Glob> to_globs(const std::vector<std::string>& patterns) {
    std::vector<Glob> globs;
    for (const std::string& pattern : patterns) globs.emplace_back(pattern);
    return globs;
}

/// None asked for, or one that fits. What is unknown fits nothing, not even `*`.
bool fits(const std::vector<Glob>& globs, const Marked& text) {
    if (globs.empty()) return true;
    return !text.text.empty() &&
           std::ranges::any_of(globs, [&](const Glob& glob) { return glob.matches(text); });
}

}   // namespace

ConditionCheck::ConditionCheck(const Rule& rule)
    : allows_(rule.allows),
      groups_(rule.conditions.groups),
      clients_(to_globs(rule.conditions.clients)),
      devices_(to_globs(rule.conditions.devices)),
      issuers_(to_globs(rule.conditions.issuers)),
      types_(to_globs(rule.conditions.types)),
      services_(to_globs(rule.conditions.services)),
      networks_(rule.conditions.networks),
      windows_(rule.conditions.windows) {}

bool ConditionCheck::holds_for_account(const Prepared& given) const {
    const Question& question = given.question;
    if (!windows_.empty() && !is_within(windows_, question.minute)) return false;
    if (!groups_.empty() && std::ranges::none_of(groups_, [&](const std::string& group) {
            return std::ranges::find(question.groups, group) != question.groups.end();
        }))
        return false;
    return fits(devices_, given.device) && fits(types_, given.type) &&
           fits(services_, given.service) && fits(clients_, given.client) &&
           (fits(issuers_, given.issuer) || fits(issuers_, given.anchor));
}

bool ConditionCheck::holds_for_session(const Prepared& given) const {
    if (networks_.empty()) return true;
    const Question& question = given.question;
    if (question.session == SessionKnown::Possible) return allows_;
    if (question.session == SessionKnown::Certain) return !allows_;
    return question.address && std::ranges::any_of(networks_, [&](const Network& network) {
               return network.contains(*question.address);
           });
}

}   // namespace grid::controller::policy
