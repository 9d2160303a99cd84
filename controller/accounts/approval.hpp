// controller/accounts/approval.hpp: rules by which a registration is approved without a person.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/text/glob.hpp"
#include "xml/result.hpp"

namespace grid::controller {

/// The parts of a certificate that a rule can look at. Texts are as they stand in its ASN.1.
struct CertificateFacts {
    std::vector<std::string> authorities;   // SHA-256 of the key of each CA of its path, hex
    std::vector<std::string> issuers;       // common names of the CA that issued it
    std::vector<std::string> organizations, units;
    std::vector<std::string> names;   // `xmpp:a@b`, `dns:host`, `email:a@b`, `uri:…`
};

/// One of [accounts] approve:
///
///     rule      = [condition *(";" condition)] "->" effect
///     condition = ("ca" / "issuer" / "o" / "ou" / "san" / "group" / "device") "=" pattern
///     effect    = "ask" / group *(";" group)       ; "*" as a group: those it asked for
///
/// All conditions must hold; of several of one kind any one is enough, except that each group that
/// the client asks for must match one of the rule's. A rule with `device` also takes the device
/// type that the client says it is: without one it stays what the client says, and is none for the
/// policy.
struct ApprovalRule {
    struct Condition {
        enum class Kind { Authority, Issuer, Organization, Unit, Name, Group, Device } kind;
        Glob pattern;
    };
    std::string text;   // for the record: which rule approved
    std::vector<Condition> conditions;
    std::vector<std::string> groups;
    bool asks = false;           // an administrator decides
    bool gives_wished = false;   // `*`

    bool has(Condition::Kind kind) const;
    bool meets(const CertificateFacts& facts) const;
    bool meets_groups(std::span<const std::string> wished) const;
    bool meets_device(std::string_view claimed) const;
};
inline constexpr std::size_t approval_rules_max = 64;   // bits of Identity::approvals

/// The error is for the operator.
Result<ApprovalRule, std::string> parse_approval_rule(std::string_view text);
/// Bit i: the certificate's part of rule i holds. Worked out once, when it is shown.
std::uint64_t approvals_of(std::span<const ApprovalRule> rules, const CertificateFacts& facts);

/// A client's own words when it registers, as far as rules look at them.
struct Claims {
    std::vector<std::string> groups;
    std::string device;
};

/// The verdict of the rules on a registration.
struct Approval {
    bool is_approved = false;
    std::vector<std::string> groups;
    std::string rule;
    bool takes_device = false;   // the rule names the device type
};
/// First match wins; nothing when no rule is about it. `claims` is null at a login, before the
/// client could say anything: a rule that looks at it, and whose certificate part holds, then waits
/// for what the client says.
std::optional<Approval> approve_by_rule(
    std::span<const ApprovalRule> rules, std::uint64_t approvals, const Claims* claims
);

}   // namespace grid::controller
