// server/router/delivery_table.cpp: see delivery_table.hpp.
#include "server/router/delivery_table.hpp"

#include <string_view>

namespace grid::server {

namespace {

StanzaKind message_kind(std::string_view type) {
    if (type == "chat") return StanzaKind::Chat;
    if (type == "headline") return StanzaKind::Headline;
    if (type == "groupchat") return StanzaKind::Groupchat;
    return type == "error" ? StanzaKind::ErrorMessage : StanzaKind::Normal;
}

StanzaKind presence_kind(std::string_view type) {
    if (type == "subscribe") return StanzaKind::Subscribe;
    if (type == "subscribed" || type == "unsubscribe" || type == "unsubscribed")
        return StanzaKind::Subscription;
    return type == "probe" ? StanzaKind::Probe : StanzaKind::Presence;
}

/// §8.5.1.
Delivery to_nobody(StanzaKind kind, bool is_bare) {
    switch (kind) {
        case StanzaKind::Normal:
        case StanzaKind::Chat:
        case StanzaKind::Groupchat:
        case StanzaKind::Request:
            return Delivery::Refuse;
        case StanzaKind::Answer:
            // To a bare address it answers a question of the server's own.
            return is_bare ? Delivery::Account : Delivery::Ignore;
        default:
            return Delivery::Ignore;
    }
}

/// §8.5.2.
Delivery to_account(StanzaKind kind, const Addressee& to) {
    switch (kind) {
        case StanzaKind::Normal:
        case StanzaKind::Chat:
            return to.willing == 0 ? Delivery::Store : Delivery::Willing;
        case StanzaKind::Groupchat:
            return Delivery::Refuse;
        case StanzaKind::Headline:
            return to.willing == 0 ? Delivery::Ignore : Delivery::Willing;
        case StanzaKind::ErrorMessage:
            return Delivery::Ignore;
        case StanzaKind::Presence:
            return to.available == 0 ? Delivery::Ignore : Delivery::Available;
        default:
            return Delivery::Account;
    }
}

/// §8.5.3.1.
Delivery to_resource(StanzaKind kind) {
    switch (kind) {
        case StanzaKind::Subscribe:
        case StanzaKind::Subscription:
        case StanzaKind::Probe:
            return Delivery::Account;
        default:
            return Delivery::Resource;
    }
}

/// §8.5.3.2: most stanzas are for that resource and for no other.
Delivery to_gone_resource(StanzaKind kind, const Addressee& to) {
    switch (kind) {
        case StanzaKind::Chat:
            return to.willing == 0 ? Delivery::Store : Delivery::Willing;
        case StanzaKind::Normal:
        case StanzaKind::Groupchat:
        case StanzaKind::Request:
            return Delivery::Refuse;
        case StanzaKind::Subscribe:
        case StanzaKind::Probe:
            return Delivery::Account;
        default:
            return Delivery::Ignore;
    }
}

}   // namespace

StanzaKind stanza_kind(const xml::Element& stanza) {
    const std::string_view type = stanza.attr_or("type", "");
    if (stanza.name() == "message") return message_kind(type);
    if (stanza.name() == "presence") return presence_kind(type);
    return type == "result" || type == "error" ? StanzaKind::Answer : StanzaKind::Request;
}

bool is_refusal_told(StanzaKind kind) {
    return kind == StanzaKind::Normal || kind == StanzaKind::Chat ||
           kind == StanzaKind::Groupchat || kind == StanzaKind::Request;
}

Delivery delivery_of(StanzaKind kind, const Addressee& to) {
    if (!to.is_reachable) return to_nobody(kind, to.is_bare);
    if (to.is_bare) return to_account(kind, to);
    return to.matches ? to_resource(kind) : to_gone_resource(kind, to);
}

}   // namespace grid::server
