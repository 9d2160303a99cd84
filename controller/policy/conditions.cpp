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

/// True when no pattern is given, or one fits. An unknown text fits no pattern, not even `*`.
bool fits(const std::vector<Glob>& globs, const Marked& text) {
    if (globs.empty()) return true;
    return !text.text.empty() &&
           std::ranges::any_of(globs, [&](const Glob& glob) { return glob.matches(text); });
}

}   // namespace

/// The conditions that are no number. Patterns are here too when a number has let them through.
struct ConditionCheck::Rest {
    std::vector<std::string> groups;
    std::vector<Glob> clients, devices, issuers, types, services;
    std::vector<Network> networks;   // behind the first
    std::vector<Window> windows;     // where there are several
    bool asks_account = false;       // anything but networks
};

ConditionCheck::ConditionCheck(const Rule& rule)
    : allows_(rule.allows),
      is_of_object_(!rule.conditions.types.empty() || !rule.conditions.services.empty()) {
    const Conditions& given = rule.conditions;
    auto rest = std::make_unique<Rest>();
    rest->groups = given.groups;
    rest->clients = to_globs(given.clients);
    rest->devices = to_globs(given.devices);
    rest->issuers = to_globs(given.issuers);
    rest->types = to_globs(given.types);
    rest->services = to_globs(given.services);
    if (rest->devices.size() == 1) {
        has_device_ = true;
        device_needs_ = rest->devices.front().needs();
    }
    if (rest->types.size() == 1) {
        has_type_ = true;
        type_needs_ = rest->types.front().needs();
    }
    if (given.windows.size() == 1) {
        has_window_ = true;
        window_ = given.windows.front();
    } else {
        rest->windows = given.windows;
    }
    if (!given.networks.empty()) {
        has_network_ = true;
        network_ = given.networks.front();
        rest->networks.assign(given.networks.begin() + 1, given.networks.end());
        has_networks_ = !rest->networks.empty();
    }
    rest->asks_account = !rest->groups.empty() || !rest->clients.empty() ||
                         !rest->devices.empty() || !rest->issuers.empty() || !rest->types.empty() ||
                         !rest->services.empty() || !rest->windows.empty();
    if (rest->asks_account || has_networks_) rest_ = std::move(rest);
}

ConditionCheck::~ConditionCheck() = default;
ConditionCheck::ConditionCheck(ConditionCheck&&) noexcept = default;

bool ConditionCheck::rest_holds(const Prepared& given) const {
    const Rest& rest = *rest_;
    if (!rest.asks_account) return true;
    const Question& question = given.question;
    if (!rest.windows.empty() && !is_within(rest.windows, question.minute)) return false;
    if (!rest.groups.empty() && std::ranges::none_of(rest.groups, [&](const std::string& group) {
            return std::ranges::find(question.groups, group) != question.groups.end();
        }))
        return false;
    return fits(rest.devices, given.device) && fits(rest.types, given.type) &&
           fits(rest.services, given.service) && fits(rest.clients, given.client) &&
           (fits(rest.issuers, given.issuer) || fits(rest.issuers, given.anchor));
}

bool ConditionCheck::other_network_holds(const Address& address) const {
    return std::ranges::any_of(rest_->networks, [&](const Network& network) {
        return network.contains(address);
    });
}

}   // namespace grid::controller::policy
