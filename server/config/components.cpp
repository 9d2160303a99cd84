// server/config/components.cpp: see components.hpp.
#include "server/config/components.hpp"

#include <algorithm>
#include <array>

namespace grid::server {

namespace {

constexpr std::size_t secret_bytes_min = 16;

/// The next word, which is taken off.
std::string_view take_word(std::string_view& text) {
    constexpr std::string_view blanks = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

bool is_service(std::string_view label) {
    constexpr std::array<std::string_view, 5> ours{
        "pubsub", "broker", "controller", "proxy", "bulk"
    };
    return std::ranges::find(ours, label) != ours.end();
}

}   // namespace

Result<Component, std::string> parse_component(std::string_view text, std::string_view domain) {
    using Parsed = Result<Component, std::string>;
    // Not with the text: it has a secret in it.
    const auto fail = [](std::string why) {
        return Parsed(boost::system::in_place_error, std::move(why));
    };
    const std::string name(take_word(text)), account(take_word(text)), secret(take_word(text));
    if (secret.empty() || !take_word(text).empty())
        return fail("each entry is written DOMAIN ACCOUNT SECRET");
    const auto jid = xml::Jid::parse(name);
    if (!jid || !jid->is_bare() || !jid->local().empty())
        return fail("'" + name + "' is no domain name");
    const std::string below = "." + std::string(domain);
    if (!jid->str().ends_with(below) ||
        is_service(std::string_view(jid->str()).substr(0, jid->str().size() - below.size())))
        return fail(
            "'" + name + "' must be a name below " + std::string(domain) +
            " that is no service's of the grid"
        );
    const auto actor = xml::Jid::parse(account);
    if (!actor || !actor->is_bare() || actor->local().empty() || actor->domain() != domain)
        return fail("'" + account + "' is no account such as name@" + std::string(domain));
    if (secret.size() < secret_bytes_min)
        return fail("the secret of " + name + " has less than 16 bytes");
    return Parsed(boost::system::in_place_value, Component{*jid, *actor, secret});
}

}   // namespace grid::server
