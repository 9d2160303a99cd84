// server/presence/capabilities.hpp: entity capabilities of clients (XEP-0115): what a presence
// claims, and what the client answers when it is asked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace grid::server::presence {

/// `<c/>` in a presence.
struct Caps {
    std::string hash, node, ver;

    bool operator==(const Caps&) const = default;
};
/// nullopt: there is none that could be verified, or one that is too long. Any thread.
std::optional<Caps> read_caps(const xml::Element& presence);

/// Names of nodes whose events the client asks for: features that end in `+notify` (XEP-0060
/// §9.2), without that.
using Wants = std::set<std::string, std::less<>>;
using WantsPtr = std::shared_ptr<const Wants>;
/// Of one client: those beyond are passed over.
inline constexpr std::size_t wants_bytes_max = 8 * 1024;

/// The answer to disco#info.
struct Capabilities {
    std::string id;   // of the question
    WantsPtr wants;   // null: an error was answered
    /// The claim of the presence is true of this answer, by the hash that the question's id names
    /// (XEP-0115 §5.4). Others may be told the same; else it counts for that session alone.
    std::string ver;   // empty: the answer has no hash
};

/// The id of a question: of a session, about what hash.
std::string question_id(std::uint64_t number, std::string_view hash);
bool is_question_id(std::string_view id);
/// `iq`: an answer with such an id. Any thread.
Capabilities read_answer(const xml::Element& iq);

/// XEP-0115 §5.1; empty: the answer is ill-formed (§5.4), or the hash is not known here.
std::string verification_of(const xml::Element& query, std::string_view hash);

}   // namespace grid::server::presence
