// controller/messages/message.cpp: see controller/messages/message.hpp.
#include "controller/messages/message.hpp"

#include <algorithm>
#include <array>

#include "xml/datetime.hpp"
#include "xml/jid.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller {

namespace {

const xml::Ns hints_ns{"urn:xmpp:hints"};
const xml::Ns chat_states_ns{"http://jabber.org/protocol/chatstates"};
const xml::Ns muc_user_ns{"http://jabber.org/protocol/muc#user"};

/// Says nothing by itself.
bool is_about_message(const xml::Element& child) {
    return child.ns() == chat_states_ns || child.ns() == hints_ns || child.ns() == carbons_ns ||
           child.ns() == stanza_id_ns || child.is("thread", xml::ns::client);
}

/// XEP-0280 §6.1: "payload elements typically used in IM", and invitations.
bool is_instant_messaging(const xml::Element& child) {
    constexpr std::array<std::string_view, 3> all{
        "urn:xmpp:receipts", "urn:xmpp:chat-markers:0", "jabber:x:conference"
    };
    if (child.ns() == chat_states_ns || std::ranges::find(all, child.ns().uri()) != all.end())
        return true;
    return child.is("x", muc_user_ns) && child.child("invite") != nullptr;
}

std::string begin_of_delay(std::string_view from) {
    std::string out = "<delay xmlns='urn:xmpp:delay'";
    xml::append_single_quoted_attr(out, "from", from);
    return out + " stamp='";
}

}   // namespace

MessageTraits traits_of(const xml::Element& message) {
    MessageTraits traits;
    const std::string_view type = message.attr_or("type", "normal");
    if (type == "error" || type == "groupchat" || type == "headline") return traits;
    const auto hint = [&](const char* name) { return message.child(name, hints_ns) != nullptr; };
    const bool is_private = message.child("private", carbons_ns) != nullptr || hint("no-copy");
    const bool has_body = message.child("body", xml::ns::client) != nullptr;
    bool is_for_people = type == "chat" || has_body;
    for (const xml::Element* child : message.children()) {
        traits.has_content = traits.has_content || !is_about_message(*child);
        is_for_people = is_for_people || is_instant_messaging(*child);
    }
    traits.is_copied = is_for_people && !is_private;
    traits.may_wait = (traits.has_content || hint("store")) && !hint("no-store");
    traits.is_archived =
        (has_body || hint("store")) && !hint("no-store") && !hint("no-permanent-store");
    return traits;
}

void strip_forged(xml::Element& message, std::string_view domain) {
    const auto is_ours = [&](std::string_view text) {
        const auto jid = xml::Jid::parse(text);
        if (!jid) return false;
        std::string_view host = jid->domain();   // or a service's: pubsub.D
        if (host.size() > domain.size() && host.ends_with(domain)) {
            host.remove_suffix(domain.size());
            return host.ends_with('.');
        }
        return host == domain;
    };
    std::erase_if(message.mutable_nodes(), [&](const xml::Element& child) {
        if (child.is_text()) return false;
        if (child.is("stanza-id", stanza_id_ns)) return is_ours(child.attr_or("by", ""));
        return child.is("delay", xml::ns::delay) && is_ours(child.attr_or("from", ""));
    });
}

std::string with_child(std::string_view message, std::string_view child) {
    constexpr std::string_view end = "</message>";
    std::string out;
    out.reserve(message.size() + child.size() + end.size());
    const bool is_empty = message.ends_with("/>");
    message.remove_suffix(is_empty ? 2 : end.size());
    out += message;
    if (is_empty) out += '>';
    return out.append(child).append(end);
}

std::string stanza_id(std::string_view by, std::string_view id) {
    std::string out = "<stanza-id xmlns='urn:xmpp:sid:0'";
    xml::append_single_quoted_attr(out, "by", by);
    xml::append_single_quoted_attr(out, "id", id);
    return out + "/>";
}

std::string delay(std::string_view from, storage::Millis since) {
    return begin_of_delay(from) + xml::to_datetime(since) + "'/>";
}

bool is_delayed(std::string_view message, std::string_view from) {
    constexpr std::string_view end = "'/></message>";
    const std::string begin = begin_of_delay(from);
    const auto at = message.rfind(begin);
    if (at == std::string_view::npos || !message.ends_with(end)) return false;
    return message.find('<', at + begin.size()) == message.size() - end.size() + 3;
}

std::string carbon(
    std::string_view way, std::string_view account, std::string_view type, std::string_view message
) {
    std::string out;
    out.reserve(message.size() + 320);
    xml::append_single_quoted_attr(out, "from", account);
    if (!type.empty()) xml::append_single_quoted_attr(out, "type", type);
    out.append("><").append(way).append(" xmlns='urn:xmpp:carbons:2'>");
    out += "<forwarded xmlns='urn:xmpp:forward:0'>";
    // The message is text for a stream of jabber:client: here it needs its namespace.
    constexpr std::string_view begin = "<message";
    out.append(begin).append(" xmlns='jabber:client'").append(message.substr(begin.size()));
    return out.append("</forwarded></").append(way).append("></message>");
}

}   // namespace grid::controller
