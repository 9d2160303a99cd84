// controller/policy/parser.hpp: the policy language: text in, rules or errors with line and column
// out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/rule.hpp"

namespace grid::controller::policy {

inline constexpr std::size_t policy_bytes_max = 256 * 1024;
inline constexpr std::size_t rules_max = 10'000;
/// Sum over the rules of names × operations × topics: what the compiled policy has to hold.
inline constexpr std::size_t combinations_max = 200'000;
inline constexpr std::size_t errors_max = 20;

struct ParseError {
    std::uint32_t line = 0, column = 0;   // from 1; the column counts characters
    std::string text;                     // what was expected and what was found

    std::string to_text() const;
};

struct Parsed {
    Rules rules;
    std::vector<ParseError> errors;   // at most `errors_max`; then the text is no policy
    bool ok() const { return errors.empty(); }
};

/// One rule per line; the first that fits decides; when none does, the answer is no.
///
///     policy     = *( [ rule ] [ "#" comment ] LF )        ; "#" starts a comment at a word's
///     start rule       = effect who [ "to" ] operations [ "on" ] topics effect     = "allow" /
///     "deny" who        = "any" / "group" names / "client" patterns operations = "any" / operation
///     *( "," operation ) operation  = "discover" / "create" / "publish" / "subscribe" / "retrieve"
///     / "query" / "bulk"
///                / "manage"
///     topics     = "any" / patterns
///     names      = name *( "," name )
///     patterns   = pattern *( "," pattern )                 ; `*` any run, `?` one character, `\`
///     name, pattern = word / DQUOTE text DQUOTE             ; quotes for blanks, commas, "any"
///
/// A client pattern is matched against the bare JID; without an "@" it means accounts of the grid's
/// own domain. Conditions (device type, issuer, network, time) will follow the topics.
Parsed parse(std::string_view text, std::string_view domain);

}   // namespace grid::controller::policy
