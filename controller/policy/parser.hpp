// controller/policy/parser.hpp: the policy language: text in, rules or errors with line and
// column out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/lexer.hpp"
#include "controller/policy/rule.hpp"

namespace grid::controller::policy {

inline constexpr std::size_t policy_bytes_max = 256 * 1024;
inline constexpr std::size_t rules_max = 10'000;
/// Sum over the rules of names × operations × topics: what the compiled policy has to hold.
inline constexpr std::size_t combinations_max = 200'000;
inline constexpr std::size_t errors_max = 20;

struct ParseError {
    std::uint32_t line = 0, column = 0;   // from 1; the column counts characters
    std::string text;                     // the text that was expected and the one found

    std::string to_text() const;
};

struct Parsed {
    Rules rules;
    std::vector<ParseError> errors;   // at most `errors_max`; then the text is no policy
    bool ok() const { return errors.empty(); }
};

/// One rule per line; the first that fits decides; when none does, the answer is no.
// clang-format off
///
///     policy     = *( [ rule ] [ "#" comment ] LF )         ; "#" at a word's start: a comment
///     rule       = effect who [ "to" ] operations [ "on" ] topics *condition
///                / effect who [ "to" ] exchanges [ "on" ] recipients *condition
///     effect     = "allow" / "deny"
///     who        = "any" / "group" names / "client" patterns
///     operations = "any" / operation *( "," operation )
///     operation  = "discover" / "create" / "publish" / "subscribe" / "retrieve" / "query" / "bulk"
///                / "manage"
///     exchanges  = "message" / "bulk" / "message" "," "bulk"
///     topics     = "any" / patterns                         ; may be left out before type, service
///     recipients = "any" / "group" names / "client" patterns
///     condition  = "type" patterns                          ; the topic's `pubsub#type`
///                / "service" patterns                       ; the service that is asked for
///                / "device" patterns                        ; the account's device type
///                / "issuer" patterns                        ; of the certificate, see below
///                / "network" network *( "," network )       ; where the session comes from
///                / "time" window *( "," window )            ; UTC
///                / "group" names / "client" patterns        ; both: in a group, and named so
///                                                           ; (neither is behind recipients)
///     network    = IPv4 [ "/" 0-32 ] / IPv6 [ "/" 0-128 ]
///     window     = days [ hours ] / hours                   ; no hours: the whole day
///     days       = dayrange *( "," dayrange )               ; hours count for all of them
///     dayrange   = "daily" / day [ "-" day ]                ; mon tue wed thu fri sat sun
///     hours      = HH:MM "-" HH:MM                          ; the end, up to 24:00, is not in it
///     names      = name *( "," name )
///     patterns   = pattern *( "," pattern )                 ; `*` any run, `?` one character, `\`
///     name, pattern = word / DQUOTE text DQUOTE             ; quotes for blanks, commas, "any"
///
// clang-format on
/// A client pattern is matched against the bare JID; without an "@" it means accounts of the grid's
/// own domain. Each condition stands once at most, and all of a rule must hold. Hours that end
/// before they begin ("22:00-06:00") end on the next day. An issuer is named by its distinguished
/// name as the account shows it, or by the SHA-256 fingerprint of the trust anchor's key: another
/// certificate authority that is trusted, too, may use the same name, but never the same key. An
/// unknown value (no device type, no address) fits no condition, not even `*`.
///
/// Words of the language are names only in quotes, so that a forgotten name does not turn the next
/// word into one. A text that is in force was accepted as it is, under rules that may have been
/// wider: `Spelling::Stored` still takes unquoted words of the language for names.
///
/// `any` as operation with `any` as topics is about messages and bulk data to clients, too; with
/// topics, a type or a service it is not. `bulk` with `any` is about topics and clients.
Parsed parse(std::string_view text, std::string_view domain, Spelling spelling = Spelling::Strict);

}   // namespace grid::controller::policy
