// controller/policy/compiled.cpp: arranging rules by operation, who and topic, and deciding.
#include "controller/policy/compiled.hpp"

#include <algorithm>

namespace grid::controller::policy {

template <class Thing>
std::vector<Thing>& Compiled::ByPrefix<Thing>::at(const std::string& prefix) {
    const auto length = std::ranges::lower_bound(lengths, prefix.size());
    if (length == lengths.end() || *length != prefix.size()) lengths.insert(length, prefix.size());
    return things[prefix];
}

template <class Thing>
template <class Visit>
void Compiled::ByPrefix<Thing>::find(std::string_view text, Visit visit) const {
    for (std::size_t length : lengths) {
        if (length > text.size()) return;
        const auto found = things.find(text.substr(0, length));
        if (found != things.end()) visit(found->second);
    }
}

void Compiled::ByTopic::add(const Rule& rule, std::uint32_t index) {
    if (rule.topics.empty()) {
        globs.at("").emplace_back(index, Glob("*"));
        return;
    }
    for (const std::string& pattern : rule.topics) {
        Glob glob(pattern);
        // Rules come in order, so the first one stays.
        if (glob.is_exact())
            exact.emplace(glob.literal(), index);
        else
            globs.at(glob.literal()).emplace_back(index, glob);
    }
}

void Compiled::ByTopic::find(std::string_view topic, std::uint32_t& best) const {
    if (const auto found = exact.find(topic); found != exact.end())
        best = std::min(best, found->second);
    globs.find(topic, [&](const auto& list) {
        for (const auto& [index, glob] : list) {
            if (index >= best) return;
            if (!glob.matches(topic)) continue;
            best = index;
            return;
        }
    });
}

Compiled::Compiled(Rules rules) : rules_(std::move(rules)) {
    for (std::uint32_t index = 0; index < rules_.size(); ++index)
        for (std::size_t i = 0; i < operation_count; ++i)
            if (rules_[index].operations.test(i)) add(rules_[index], index, by_operation_.at(i));
}

void Compiled::add(const Rule& rule, std::uint32_t index, ByWho& to) {
    if (rule.who == Rule::Who::Any) {
        to.any.add(rule, index);
        return;
    }
    for (const std::string& name : rule.names) {
        if (rule.who == Rule::Who::Groups) {
            to.groups[name].add(rule, index);
            continue;
        }
        Glob client(name);
        if (client.is_exact()) {
            to.clients[client.literal()].add(rule, index);
            continue;
        }
        auto& list = to.client_patterns.at(client.literal());
        auto same = std::ranges::find_if(list, [&](const ByClientPattern& entry) {
            return entry.client.pattern() == name;
        });
        if (same == list.end()) same = list.insert(same, {index, std::move(client), {}});
        same->topics.add(rule, index);
    }
}

std::uint32_t Compiled::decide(
    std::string_view client,
    std::span<const std::string> groups,
    Operation operation,
    std::string_view topic
) const {
    const ByWho& who = by_operation_.at(static_cast<std::size_t>(operation));
    std::uint32_t best = none;
    who.any.find(topic, best);
    if (!who.groups.empty())
        for (const std::string& group : groups)
            if (const auto found = who.groups.find(group); found != who.groups.end())
                found->second.find(topic, best);
    if (const auto found = who.clients.find(client); found != who.clients.end())
        found->second.find(topic, best);
    who.client_patterns.find(client, [&](const auto& list) {
        for (const ByClientPattern& entry : list) {
            if (entry.first >= best) return;
            if (entry.client.matches(client)) entry.topics.find(topic, best);
        }
    });
    return best;
}

}   // namespace grid::controller::policy
