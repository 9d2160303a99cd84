// server/router/delivery_table.cpp: see delivery_table.hpp.
#include "server/router/delivery_table.hpp"

#include <string_view>

namespace grid::server {

namespace {

DeliveryKind message_kind(std::string_view type) {
    if (type == "chat") return DeliveryKind::Chat;
    if (type == "headline") return DeliveryKind::Headline;
    if (type == "groupchat") return DeliveryKind::Groupchat;
    return type == "error" ? DeliveryKind::ErrorMessage : DeliveryKind::Normal;
}

DeliveryKind presence_kind(std::string_view type) {
    if (type == "subscribe") return DeliveryKind::Subscribe;
    if (type == "subscribed" || type == "unsubscribe" || type == "unsubscribed")
        return DeliveryKind::Subscription;
    return type == "probe" ? DeliveryKind::Probe : DeliveryKind::Presence;
}

/// §8.5.1.
Delivery to_nobody(DeliveryKind kind, bool is_bare) {
    switch (kind) {
        case DeliveryKind::Normal:
        case DeliveryKind::Chat:
        case DeliveryKind::Groupchat:
        case DeliveryKind::Request:
            return Delivery::Refuse;
        case DeliveryKind::Answer:
            // To a bare address it answers a question of the server's own.
            return is_bare ? Delivery::Account : Delivery::Ignore;
        default:
            return Delivery::Ignore;
    }
}

/// §8.5.2.
Delivery to_account(DeliveryKind kind, const Addressee& to) {
    switch (kind) {
        case DeliveryKind::Normal:
        case DeliveryKind::Chat:
            return to.willing == 0 ? Delivery::Store : Delivery::Willing;
        case DeliveryKind::Groupchat:
            return Delivery::Refuse;
        case DeliveryKind::Headline:
            return to.willing == 0 ? Delivery::Ignore : Delivery::Willing;
        case DeliveryKind::ErrorMessage:
            return Delivery::Ignore;
        case DeliveryKind::Presence:
            return to.available == 0 ? Delivery::Ignore : Delivery::Available;
        default:
            return Delivery::Account;
    }
}

/// §8.5.3.1.
Delivery to_resource(DeliveryKind kind) {
    switch (kind) {
        case DeliveryKind::Subscribe:
        case DeliveryKind::Subscription:
        case DeliveryKind::Probe:
            return Delivery::Account;
        default:
            return Delivery::Resource;
    }
}

/// §8.5.3.2: most stanzas are for that resource and for no other.
Delivery to_gone_resource(DeliveryKind kind, const Addressee& to) {
    switch (kind) {
        case DeliveryKind::Chat:
            return to.willing == 0 ? Delivery::Store : Delivery::Willing;
        case DeliveryKind::Normal:
        case DeliveryKind::Groupchat:
        case DeliveryKind::Request:
            return Delivery::Refuse;
        case DeliveryKind::Subscribe:
        case DeliveryKind::Probe:
            return Delivery::Account;
        default:
            return Delivery::Ignore;
    }
}

}   // namespace

DeliveryKind delivery_kind(const xml::Element& stanza) {
    const std::string_view type = stanza.attr_or("type", "");
    if (stanza.name() == "message") return message_kind(type);
    if (stanza.name() == "presence") return presence_kind(type);
    return type == "result" || type == "error" ? DeliveryKind::Answer : DeliveryKind::Request;
}

bool is_refusal_told(DeliveryKind kind) {
    return kind == DeliveryKind::Normal || kind == DeliveryKind::Chat ||
           kind == DeliveryKind::Groupchat || kind == DeliveryKind::Request;
}

Delivery delivery_of(DeliveryKind kind, const Addressee& to) {
    if (!to.is_reachable) return to_nobody(kind, to.is_bare);
    if (to.is_bare) return to_account(kind, to);
    return to.matches ? to_resource(kind) : to_gone_resource(kind, to);
}

}   // namespace grid::server
