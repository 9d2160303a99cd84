// server/presence/stanza.cpp: see stanza.hpp.
#include "server/presence/stanza.hpp"

#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::presence {

namespace {

using Type = Stanza::Type;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto from = text.find_first_not_of(blanks);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

std::optional<xml::StanzaError> read_type(const xml::Element& element, Stanza& stanza) {
    const std::string* type = element.attr("type");
    if (!type) return std::nullopt;
    if (*type == "unavailable") {
        stanza.type = Type::Unavailable;
    } else if (*type == "probe") {
        stanza.type = Type::Probe;
    } else if (*type == "error") {
        stanza.type = Type::Error;
    } else if (const auto kind = controller::contacts::parse_kind(*type)) {
        stanza.type = Type::Subscription;
        stanza.kind = *kind;
    } else {
        return xml::bad_request("there is no presence of type '" + *type + "'");
    }
    return std::nullopt;
}

std::optional<xml::StanzaError> read_show(const xml::Element& element, Stanza& stanza) {
    const auto all = element.children("show");
    if (all.empty()) return std::nullopt;
    if (all.size() != 1 || all.front()->child_count() != 0)
        return xml::bad_request("a presence has at most one <show/>, which holds a word");
    const std::string text = all.front()->text();
    const std::string_view word = trimmed(text);
    if (word == "away") {
        stanza.show = pubsub::Show::Away;
    } else if (word == "chat") {
        stanza.show = pubsub::Show::Chat;
    } else if (word == "dnd") {
        stanza.show = pubsub::Show::Dnd;
    } else if (word == "xa") {
        stanza.show = pubsub::Show::ExtendedAway;
    } else {
        return xml::bad_request("<show/> is away, chat, dnd or xa");
    }
    return std::nullopt;
}

std::optional<xml::StanzaError> read_priority(const xml::Element& element, Stanza& stanza) {
    constexpr int lowest = -128, highest = 127;
    const auto all = element.children("priority");
    if (all.empty()) return std::nullopt;
    const std::string text = all.front()->text();
    std::string_view number = trimmed(text);
    if (number.starts_with('+')) number.remove_prefix(1);
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), stanza.priority);
    if (all.size() != 1 || all.front()->child_count() != 0 || number.empty() ||
        error != std::errc{} || end != number.data() + number.size() || stanza.priority < lowest ||
        stanza.priority > highest)
        return xml::bad_request("a presence has at most one <priority/>, from -128 to 127");
    return std::nullopt;
}

std::optional<xml::StanzaError> check_status(const xml::Element& element) {
    std::set<std::string_view> languages;
    for (const xml::Element* status : element.children("status")) {
        if (status->child_count() != 0) return xml::bad_request("<status/> holds text alone");
        if (!languages.insert(status->attr_or("xml:lang", "")).second)
            return xml::bad_request("a presence has one <status/> of a language");
    }
    return std::nullopt;
}

}   // namespace

std::string plain_unavailable(const xml::Jid& from) {
    std::string out;
    xml::append_attr(out, "from", from.str());
    return out += " type='unavailable'/>";
}

Result<Stanza, xml::StanzaError> read_stanza(
    xml::Element element, const xml::Jid& from, std::size_t bytes_max
) {
    Stanza stanza;
    if (auto error = read_type(element, stanza)) return *error;
    if (stanza.type == Type::Available || stanza.type == Type::Unavailable)
        for (auto& error :
             {read_show(element, stanza), read_priority(element, stanza), check_status(element)})
            if (error) return *error;
    if (stanza.type == Type::Available) stanza.caps = read_caps(element);
    stanza.id = element.attr_or("id", "");
    const bool is_from_bare = stanza.type == Type::Subscription;
    element.set("from", is_from_bare ? std::string(from.bare_view()) : from.str());
    element.remove_attr("to").set_prefix("");
    const std::string text = xml::to_string(element, xml::ns::client.uri());
    if (text.size() > bytes_max)
        return xml::StanzaError{
            "modify",
            "policy-violation",
            {},
            "a presence has at most " + std::to_string(bytes_max) +
                " bytes (contacts.presence_bytes_max)",
            {}
        };
    stanza.rest = text.substr(std::string_view("<presence").size());
    return stanza;
}

}   // namespace grid::server::presence
