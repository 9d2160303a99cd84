// controller/contacts/roster_query.cpp: see roster_query.hpp.
#include "controller/contacts/roster_query.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "xml/jid.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller::contacts {

namespace {

/// Above that many changes the whole roster is sent: one stanza in place of many.
constexpr std::size_t pushes_max = 32;

xml::StanzaError not_acceptable(std::string text) {
    return {"modify", "not-acceptable", {}, std::move(text), {}};
}

std::string too_long(const char* what) {
    return std::string(what) + " has at most " + std::to_string(name_bytes_max) + " bytes";
}

Result<std::vector<std::string>, xml::StanzaError> parse_groups(const xml::Element& item) {
    std::vector<std::string> groups;
    for (const xml::Element* group : item.children("group")) {
        std::string name = group->text();
        if (name.empty()) return not_acceptable("a group has a name: leave out the empty <group/>");
        if (name.size() > name_bytes_max) return not_acceptable(too_long("the name of a group"));
        if (std::ranges::find(groups, name) != groups.end())
            return xml::bad_request("the item is in the group '" + name + "' twice");
        groups.push_back(std::move(name));
    }
    return groups;
}

std::string_view subscription_of(const Contact& item) {
    if (item.to) return item.from ? "both" : "to";
    return item.from ? "from" : "none";
}

void append_item(std::string& out, std::string_view jid, const Contact& item) {
    out += "<item";
    xml::append_attr(out, "jid", jid);
    if (!item.name.empty()) xml::append_attr(out, "name", item.name);
    xml::append_attr(out, "subscription", subscription_of(item));
    if (item.asks) out += " ask='subscribe'";
    if (item.is_approved) out += " approved='true'";
    if (item.groups.empty()) {
        out += "/>";
        return;
    }
    out += '>';
    for (const std::string& group : item.groups) {
        out += "<group>";
        xml::append_escaped_text(out, group);
        out += "</group>";
    }
    out += "</item>";
}

std::string begin_query(storage::Revision version) {
    return "<query xmlns='jabber:iq:roster' ver='" + std::to_string(version) + "'";
}

/// The version that the client has, where the roster still knows what changed since.
std::optional<storage::Revision> known_version(const Roster& roster, std::string_view text) {
    storage::Revision version = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    if (version < roster.removed || version > roster.version) return std::nullopt;
    return version;
}

}   // namespace

Result<RosterRequest, xml::StanzaError> parse_roster(xml::IqType type, const xml::Element& query) {
    RosterRequest request;
    if (query.name() != "query") return xml::bad_request("a roster is asked for by a <query/>");
    if (type == xml::IqType::Get) {
        if (query.child_count() != 0)
            return xml::bad_request("a request for the roster has no items");
        if (const std::string* version = query.attr("ver")) request.version = *version;
        return request;
    }
    request.is_set = true;
    if (query.child_count() != 1 || query.children("item").size() != 1)
        return xml::bad_request("a change of the roster has exactly one <item/>");
    const xml::Element& item = *query.first_child();
    const std::string* jid = item.attr("jid");
    if (!jid) return xml::bad_request("an item has a 'jid'");
    const auto contact = xml::Jid::parse(*jid);
    if (!contact) return xml::jid_malformed("'jid' is no address: " + contact.error().message());
    request.item.contact = contact->str();
    request.is_removal = item.attr_or("subscription", "") == "remove";
    if (request.is_removal) return request;
    request.item.name = item.attr_or("name", "");
    if (request.item.name.size() > name_bytes_max) return not_acceptable(too_long("a name"));
    auto groups = parse_groups(item);
    if (!groups) return groups.error();
    request.item.groups = std::move(*groups);
    return request;
}

RosterAnswer answer_get(const Roster& roster, const std::optional<std::string>& version) {
    RosterAnswer answer;
    if (const auto known = version ? known_version(roster, *version) : std::nullopt) {
        std::vector<std::pair<storage::Revision, std::string_view>> changed;
        for (const auto& [jid, item] : roster.items)
            if (item.revision > *known) changed.emplace_back(item.revision, jid);
        if (changed.size() <= pushes_max && changed.size() * 2 <= roster.items.size() + 1) {
            std::ranges::sort(changed);
            for (const auto& [revision, jid] : changed)
                answer.pushes.push_back(render_push(roster, jid, revision));
            return answer;
        }
    }
    answer.payload = begin_query(roster.version);
    if (roster.items.empty()) {
        answer.payload += "/>";
        return answer;
    }
    answer.payload += '>';
    for (const auto& [jid, item] : roster.items) append_item(answer.payload, jid, item);
    answer.payload += "</query>";
    return answer;
}

std::string render_push(const Roster& roster, std::string_view contact, storage::Revision version) {
    std::string out = " id='roster-" + std::to_string(version) + "' type='set'>";
    out += begin_query(version) + ">";
    if (const Contact* item = roster.find(contact)) {
        append_item(out, contact, *item);
    } else {
        out += "<item";
        xml::append_attr(out, "jid", contact);
        out += " subscription='remove'/>";
    }
    return out += "</query></iq>";
}

}   // namespace grid::controller::contacts
