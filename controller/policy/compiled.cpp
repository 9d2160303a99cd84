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

void Compiled::ByTopic::add(const Rule& rule, Entry entry, std::vector<Glob>& all) {
    // Rules come in order: behind one without conditions none is reached.
    const auto append = [entry](std::vector<Entry>& list) {
        if (list.empty() || list.back().conditions != none) list.push_back(entry);
    };
    if (rule.topics.empty() && rule.recipient_groups.empty()) append(any);
    for (const std::string& group : rule.recipient_groups) append(groups[group]);
    for (const std::string& pattern : rule.topics) {
        Glob glob(pattern);
        if (glob.is_any()) {
            append(any);
        } else if (glob.is_exact()) {
            append(exact[glob.literal()]);
        } else {
            const auto at = static_cast<std::uint32_t>(all.size());
            globs.at(glob.literal()).push_back({entry, glob.needs(), at});
            all.push_back(std::move(glob));
        }
    }
}

/// A question, and the first rule that was found for it so far.
struct Compiled::Search {
    explicit Search(const Question& question) : given(question) {}
    Prepared given;
    std::uint32_t best = none;
    /// The first rule whose fitting is the session's or the topic's doing.
    std::uint32_t first_conditional = none;
};

bool Compiled::take(Entry entry, Search& search) const {
    ++looked_at_;
    if (entry.conditions == none) {
        search.best = entry.rule;
        return false;
    }
    const ConditionCheck& check = conditions_[entry.conditions];
    if (check.is_of_object())
        search.first_conditional = std::min(search.first_conditional, entry.rule);
    if (!check.holds_for_account(search.given)) return true;
    if (check.is_of_session())
        search.first_conditional = std::min(search.first_conditional, entry.rule);
    if (!check.holds_for_session(search.given)) return true;
    search.best = entry.rule;
    return false;
}

void Compiled::try_each(const std::vector<Entry>& entries, Search& search) const {
    for (const Entry& entry : entries)
        if (entry.rule >= search.best || !take(entry, search)) return;
}

void Compiled::find(const ByTopic& topics, Search& search) const {
    const Marked& topic = search.given.topic;
    if (const auto found = topics.exact.find(topic.text); found != topics.exact.end())
        try_each(found->second, search);
    try_each(topics.any, search);
    if (!topics.groups.empty())
        for (const std::string& group : search.given.question.recipient_groups)
            if (const auto found = topics.groups.find(group); found != topics.groups.end())
                try_each(found->second, search);
    topics.globs.find(topic.text, [&](const std::vector<Pattern>& list) {
        for (const Pattern& pattern : list) {
            if (pattern.entry.rule >= search.best) return;
            ++looked_at_;
            if ((pattern.needs & ~topic.pairs) != 0) continue;
            if (globs_[pattern.glob].matches(topic.text) && !take(pattern.entry, search)) return;
        }
    });
}

Compiled::Compiled(Rules rules) : rules_(std::move(rules)) {
    std::vector<Window> windows;
    for (std::uint32_t index = 0; index < rules_.size(); ++index) {
        const Rule& rule = rules_[index];
        Entry entry{index, none};
        if (!rule.conditions.empty()) {
            entry.conditions = static_cast<std::uint32_t>(conditions_.size());
            conditions_.emplace_back(rule);
            windows.insert(
                windows.end(), rule.conditions.windows.begin(), rule.conditions.windows.end()
            );
        }
        for (std::size_t i = 0; i < operation_count; ++i)
            if (rule.operations.test(i)) add(rule, entry, by_operation_.at(i));
    }
    boundaries_ = boundaries(std::move(windows));
}

void Compiled::add(const Rule& rule, Entry entry, ByWho& to) {
    to.asks_sessions = to.asks_sessions || rule.conditions.is_of_session();
    to.asks_type = to.asks_type || !rule.conditions.types.empty();
    if (rule.who == Rule::Who::Any) {
        to.any.add(rule, entry, globs_);
        return;
    }
    for (const std::string& name : rule.names) {
        if (rule.who == Rule::Who::Groups) {
            to.groups[name].add(rule, entry, globs_);
            continue;
        }
        Glob client(name);
        if (client.is_exact()) {
            to.clients[client.literal()].add(rule, entry, globs_);
            continue;
        }
        auto& list = to.client_patterns.at(client.literal());
        auto same = std::ranges::find_if(list, [&](const ByClientPattern& known) {
            return known.client.pattern() == name;
        });
        if (same == list.end()) same = list.insert(same, {entry.rule, std::move(client), {}});
        same->topics.add(rule, entry, globs_);
    }
}

bool Compiled::may_some(const Question& question) const {
    const auto is_theirs = [&](const Rule& rule) {
        if (rule.who == Rule::Who::Any) return true;
        return std::ranges::any_of(rule.names, [&](const std::string& name) {
            if (rule.who == Rule::Who::Clients) return Glob(name).matches(question.client);
            return std::ranges::find(question.groups, name) != question.groups.end();
        });
    };
    return std::ranges::any_of(rules_, [&](const Rule& rule) {
        return rule.allows && rule.operations.test(static_cast<std::size_t>(question.operation)) &&
               is_theirs(rule);
    });
}

Compiled::Decision Compiled::decide(const Question& question) const {
    const ByWho& who = of(question.operation);
    Search search(question);
    find(who.any, search);
    if (!who.groups.empty())
        for (const std::string& group : question.groups)
            if (const auto found = who.groups.find(group); found != who.groups.end())
                find(found->second, search);
    if (const auto found = who.clients.find(question.client); found != who.clients.end())
        find(found->second, search);
    who.client_patterns.find(question.client, [&](const auto& list) {
        for (const ByClientPattern& entry : list) {
            if (entry.first >= search.best) return;
            ++looked_at_;
            if (entry.client.matches(search.given.client)) find(entry.topics, search);
        }
    });
    return {
        search.best, search.first_conditional <= search.best && search.first_conditional != none
    };
}

}   // namespace grid::controller::policy
