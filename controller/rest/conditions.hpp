// controller/rest/conditions.hpp: changes on condition that nobody else was faster: ETag and
// If-Match (RFC 9110 §8.8.3, §13.1.1), where a condition is required (RFC 6585 §3), and answers to
// clients that have them already.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controller/rest/call.hpp"

namespace grid::controller::rest {

/// 412 when the resource is another by now, 428 when the route needs a condition and none was
/// given, 400 for an If-Match that is no list of tags. Decided together with the change, so that a
/// change which is decided again is compared again.
std::optional<HttpResponse> check_condition(const Call& call, const Route& route);
/// The answer of a GET gets its ETag, and is 304 where the client has what it says (If-None-Match).
HttpDecision with_tag(const Call& call, const Route& route, HttpDecision decision);

// Tags: by the revision where a record has one, else by what the resource says. Counters that move
// by themselves are no part of them.
std::string account_tag(const Call& call);
std::string administrators_tag(const Call& call);
std::string file_tag(const Call& call);
std::string group_tag(const Call& call);
std::string motd_tag(const Call& call);
std::string policy_tag(const Call& call);
std::string schema_tag(const Call& call);
std::string settings_tag(const Call& call);
std::string topic_tag(const Call& call);
std::string welcome_tag(const Call& call);

/// Whether an If-Match names the tag: nullopt when it is no list of tags. "*" names any that is
/// there. A weak one is none where tags are compared strongly (RFC 9110 §8.8.3.2).
enum class TagsAre : std::uint8_t { Strong, Weak };
std::optional<bool> names_tag(
    std::string_view list, std::string_view tag, TagsAre compared = TagsAre::Strong
);

}   // namespace grid::controller::rest
