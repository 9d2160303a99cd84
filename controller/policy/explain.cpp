// controller/policy/explain.cpp: rules tried one by one, with words for what fits and what does
// not.
#include "controller/policy/explain.hpp"

#include <algorithm>
#include <optional>

#include "controller/text/glob.hpp"

namespace grid::controller::policy {

namespace {

std::string joined(const std::vector<std::string>& values) {
    std::string text;
    for (const std::string& value : values) text += (text.empty() ? "" : ",") + value;
    return text;
}

std::string shown(std::string_view value) {
    return value.empty() ? "unknown" : "'" + std::string(value) + "'";
}

/// The first pattern that fits; null when none does.
const std::string* fitting(const std::vector<std::string>& patterns, std::string_view text) {
    const auto found = std::ranges::find_if(patterns, [&](const std::string& pattern) {
        return !text.empty() && Glob(pattern).matches(text);
    });
    return found == patterns.end() ? nullptr : &*found;
}

const std::string* fitting_group(
    const std::vector<std::string>& names, std::span<const std::string> groups
) {
    const auto found = std::ranges::find_if(names, [&](const std::string& name) {
        return std::ranges::find(groups, name) != groups.end();
    });
    return found == names.end() ? nullptr : &*found;
}

/// One rule against one question.
class Trial {
public:
    Trial(const Rule& rule, const Question& question) : rule_(rule), question_(question) {}

    bool is_about() {
        if (!rule_.operations.test(static_cast<std::size_t>(question_.operation))) return false;
        const std::string* name = nullptr;
        if (rule_.who == Rule::Who::Groups) name = fitting_group(rule_.names, question_.groups);
        if (rule_.who == Rule::Who::Clients) name = fitting(rule_.names, question_.client);
        if (rule_.who != Rule::Who::Any && name == nullptr) return false;
        why_.push_back(
            rule_.who == Rule::Who::Any      ? "any client"
            : rule_.who == Rule::Who::Groups ? "the client is in group " + *name
                                             : "the client is " + *name
        );
        if (rule_.topics.empty() && rule_.recipient_groups.empty()) return true;
        const bool has_recipient = is_about_client(question_.operation);
        const std::string* group =
            fitting_group(rule_.recipient_groups, question_.recipient_groups);
        if (group != nullptr) why_.push_back("the recipient is in group " + *group);
        const auto topic = std::ranges::find_if(rule_.topics, [&](const std::string& pattern) {
            return Glob(pattern).matches(question_.topic);
        });
        if (topic == rule_.topics.end()) return group != nullptr;
        why_.push_back((has_recipient ? "the recipient is " : "the topic is ") + *topic);
        return true;
    }

    /// Why a condition does not hold; nothing when all do.
    std::optional<std::string> failure() {
        const Conditions& given = rule_.conditions;
        const std::string* group = fitting_group(given.groups, question_.groups);
        if (!check("group", given.groups, group, "none of its groups")) return because_;
        if (!check("client", given.clients, question_.client)) return because_;
        if (!check("device type", given.devices, question_.device)) return because_;
        if (!check("topic type", given.types, question_.type)) return because_;
        if (!check("service", given.services, question_.service_asked())) return because_;
        const std::string* issuer = fitting(given.issuers, question_.issuer);
        if (issuer == nullptr) issuer = fitting(given.issuers, question_.anchor);
        if (!check("issuer", given.issuers, issuer, shown(question_.issuer))) return because_;
        if (!time() || !network()) return because_;
        return std::nullopt;
    }
    std::vector<std::string> take_why() { return std::move(why_); }

private:
    bool check(
        std::string_view what,
        const std::vector<std::string>& wanted,
        const std::string* found,
        const std::string& actual
    ) {
        if (wanted.empty()) return true;
        const std::string name = "the " + std::string(what) + " is ";
        if (found != nullptr)
            why_.push_back(name + *found);
        else
            because_ = name + actual + ", not " + joined(wanted);
        return found != nullptr;
    }
    bool check(
        std::string_view what, const std::vector<std::string>& wanted, std::string_view actual
    ) {
        return check(what, wanted, fitting(wanted, actual), shown(actual));
    }
    bool time() {
        const Conditions& given = rule_.conditions;
        if (given.windows.empty()) return true;
        const bool is_open = is_within(given.windows, question_.minute);
        std::string text = "the time is " + to_week_text(question_.minute);
        if (is_open)
            why_.push_back(text + ", within " + joined(given.time_texts));
        else
            because_ = text + ", not within " + joined(given.time_texts);
        return is_open;
    }
    bool network() {
        const Conditions& given = rule_.conditions;
        if (given.networks.empty()) return true;
        // For an account, whatever its session: as Compiled does.
        because_ = "the session is not known, so not in " + joined(given.network_texts);
        if (question_.session == SessionKnown::Possible) return rule_.allows;
        if (question_.session == SessionKnown::Certain) return !rule_.allows;
        for (std::size_t i = 0; question_.address && i < given.networks.size(); ++i) {
            if (!given.networks[i].contains(*question_.address)) continue;
            why_.push_back("the client's address is in " + given.network_texts[i]);
            return true;
        }
        because_ = question_.address ? "the client's address is not in "
                                     : "the client's address is not known, so not in ";
        because_ += joined(given.network_texts);
        return false;
    }

    const Rule& rule_;
    const Question& question_;
    std::vector<std::string> why_;
    std::string because_;
};

/// True when a rule decided.
bool try_all(const Rules& rules, const Question& question, Explanation& into) {
    for (const Rule& rule : rules) {
        Trial trial(rule, question);
        if (!trial.is_about()) continue;
        auto failure = trial.failure();
        if (!failure) {
            into.why = trial.take_why();
            return true;
        }
        if (into.passed_over.size() < near_misses_max)
            into.passed_over.push_back({rule.line, rule.text, std::move(*failure)});
    }
    return false;
}

}   // namespace

Explanation explain(const Rules& rules, const Question& question) {
    Explanation explanation;
    if (try_all(rules, question, explanation)) return explanation;
    if (question.operation == Right::Manage) {
        Question creating = question;
        creating.operation = Right::Create;
        const bool is_decided = try_all(rules, creating, explanation);
        explanation.why.insert(explanation.why.begin(), "no rule about manage fits: as for create");
        if (is_decided) return explanation;
    }
    explanation.why.emplace_back("no rule fits: denied");
    return explanation;
}

}   // namespace grid::controller::policy
