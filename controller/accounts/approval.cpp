// controller/accounts/approval.cpp: see approval.hpp.
#include "controller/accounts/approval.hpp"

#include <algorithm>
#include <array>

#include "controller/accounts/account.hpp"

namespace grid::controller {

namespace {

using Kind = ApprovalRule::Condition::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 7> kinds{{
    {"ca", Kind::Authority},
    {"issuer", Kind::Issuer},
    {"o", Kind::Organization},
    {"ou", Kind::Unit},
    {"san", Kind::Name},
    {"group", Kind::Group},
    {"device", Kind::Device},
}};
constexpr std::array certificate_kinds{
    Kind::Authority, Kind::Issuer, Kind::Organization, Kind::Unit, Kind::Name
};
constexpr std::size_t rule_bytes_max = 1024;

std::string_view without_blanks(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto at = text.find(';');
        parts.push_back(without_blanks(text.substr(0, at)));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

const std::vector<std::string>& texts_of(const CertificateFacts& facts, Kind kind) {
    static const std::vector<std::string> none;
    switch (kind) {
        case Kind::Authority:
            return facts.authorities;
        case Kind::Issuer:
            return facts.issuers;
        case Kind::Organization:
            return facts.organizations;
        case Kind::Unit:
            return facts.units;
        case Kind::Name:
            return facts.names;
        case Kind::Group:
        case Kind::Device:
            break;
    }
    return none;
}

bool any_of_kind(const ApprovalRule& rule, Kind kind, std::string_view text) {
    return std::ranges::any_of(rule.conditions, [&](const ApprovalRule::Condition& condition) {
        return condition.kind == kind && condition.pattern.matches(text);
    });
}

/// Turns tools' output into the compared form: "AB:CD…" is abcd….
std::string hash_in_hex(std::string_view text) {
    std::string hex;
    for (char c : text)
        if (c != ':') hex += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return hex;
}

/// The mistake in the text; nullopt when the condition was read.
std::optional<std::string> read_condition(ApprovalRule& rule, std::string_view text) {
    const auto at = text.find('=');
    const std::string_view name = without_blanks(text.substr(0, at));
    const auto kind = std::ranges::find(kinds, name, &std::pair<std::string_view, Kind>::first);
    if (at == std::string_view::npos || kind == kinds.end())
        return "'" + std::string(text) +
               "' is no condition: expected ca, issuer, o, ou, san, group or device, '=' and a "
               "pattern";
    const std::string_view pattern = without_blanks(text.substr(at + 1));
    if (pattern.empty()) return "'" + std::string(text) + "' has no pattern behind the '='";
    const bool is_hash = kind->second == Kind::Authority;
    rule.conditions.push_back(
        {kind->second, Glob(is_hash ? hash_in_hex(pattern) : std::string(pattern))}
    );
    return std::nullopt;
}

std::optional<std::string> read_effect(ApprovalRule& rule, std::string_view text) {
    if (text == "ask") {
        rule.asks = true;
        return std::nullopt;
    }
    for (const std::string_view group : split(text)) {
        if (group == "*")
            rule.gives_wished = true;
        else if (!is_group_name(group))
            return "'" + std::string(group) + "' is no name of a group: " + group_name_rule;
        // A certificate alone never gives a role: rules cannot assign those groups.
        else if (gives_role(group))
            return "no rule gives a role of administration (" + std::string(group) +
                   "): administrators and gridctl do";
        else
            rule.groups.emplace_back(group);
    }
    if (rule.gives_wished && !rule.has(Kind::Group))
        return "'*' gives the groups that the client asks for, so the rule must say which it may: "
               "group=PATTERN";
    return std::nullopt;
}

}   // namespace

bool ApprovalRule::has(Condition::Kind wanted) const {
    return std::ranges::find(conditions, wanted, &Condition::kind) != conditions.end();
}

bool ApprovalRule::meets(const CertificateFacts& facts) const {
    return std::ranges::all_of(certificate_kinds, [&](Kind one) {
        return !has(one) || std::ranges::any_of(texts_of(facts, one), [&](const auto& fact) {
            return any_of_kind(*this, one, fact);
        });
    });
}

bool ApprovalRule::meets_groups(std::span<const std::string> wished) const {
    if (!has(Kind::Group)) return true;
    return !wished.empty() && std::ranges::all_of(wished, [&](const std::string& group) {
        return !gives_role(group) && any_of_kind(*this, Kind::Group, group);
    });
}

bool ApprovalRule::meets_device(std::string_view claimed) const {
    return !has(Kind::Device) || (!claimed.empty() && any_of_kind(*this, Kind::Device, claimed));
}

Result<ApprovalRule, std::string> parse_approval_rule(std::string_view text) {
    const auto fail = [](std::string why) {
        return Result<ApprovalRule, std::string>(boost::system::in_place_error, std::move(why));
    };
    if (text.size() > rule_bytes_max) return fail("a rule has at most 1024 bytes");
    const auto arrow = text.find("->");
    if (arrow == std::string_view::npos)
        return fail("a rule is CONDITION; … -> GROUP; …, or -> ask");
    ApprovalRule rule;
    rule.text = without_blanks(text);
    if (const auto conditions = without_blanks(text.substr(0, arrow)); !conditions.empty())
        for (const std::string_view condition : split(conditions))
            if (auto why = read_condition(rule, condition)) return fail(std::move(*why));
    if (auto why = read_effect(rule, without_blanks(text.substr(arrow + 2))))
        return fail(std::move(*why));
    return rule;
}

std::uint64_t approvals_of(std::span<const ApprovalRule> rules, const CertificateFacts& facts) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < rules.size() && i < approval_rules_max; ++i)
        if (rules[i].meets(facts)) bits |= std::uint64_t{1} << i;
    return bits;
}

std::optional<Approval> approve_by_rule(
    std::span<const ApprovalRule> rules, std::uint64_t approvals, const Claims* claims
) {
    for (std::size_t i = 0; i < rules.size() && i < approval_rules_max; ++i) {
        const ApprovalRule& rule = rules[i];
        if ((approvals & (std::uint64_t{1} << i)) == 0) continue;
        const bool names_device = rule.has(Kind::Device);
        const bool looks_at_claims = names_device || rule.has(Kind::Group);
        if (looks_at_claims && claims == nullptr) return Approval{false, {}, rule.text};
        if (looks_at_claims &&
            (!rule.meets_groups(claims->groups) || !rule.meets_device(claims->device)))
            continue;
        Approval approval{!rule.asks, rule.groups, rule.text, names_device};
        if (rule.gives_wished)
            approval.groups.insert(
                approval.groups.end(), claims->groups.begin(), claims->groups.end()
            );
        return approval;
    }
    return std::nullopt;
}

}   // namespace grid::controller
