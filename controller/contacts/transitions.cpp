// controller/contacts/transitions.cpp: see transitions.hpp.
#include "controller/contacts/transitions.hpp"

#include <array>

namespace grid::controller::contacts {

namespace {
constexpr std::array<std::string_view, 4> names{
    "subscribe", "unsubscribe", "subscribed", "unsubscribed"
};
}   // namespace

std::string_view to_string(Kind kind) { return names.at(static_cast<std::size_t>(kind)); }

std::optional<Kind> parse_kind(std::string_view type) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names.at(i) == type) return static_cast<Kind>(i);
    return std::nullopt;
}

Sent send(Standing before, Kind kind) {
    Sent sent{before, true};
    Standing& after = sent.after;
    switch (kind) {
        case Kind::Subscribe:   // table 2
            after.asks = before.asks || !before.to;
            break;
        case Kind::Unsubscribe:   // table 3
            after.to = after.asks = false;
            break;
        case Kind::Subscribed:   // table 4
            sent.is_routed = before.is_asked;
            after.from = before.from || before.is_asked;
            after.is_asked = false;
            // §3.4.2: there is no request yet.
            after.is_approved = before.is_approved || !after.from;
            break;
        case Kind::Unsubscribed:   // table 5
            sent.is_routed = before.from || before.is_asked;
            after.from = after.is_asked = after.is_approved = false;
            break;
    }
    return sent;
}

Received receive(Standing before, Kind kind) {
    Received got{before, false, std::nullopt};
    Standing& after = got.after;
    switch (kind) {
        case Kind::Subscribe:   // table 6
            if (before.from || before.is_approved) {
                after.from = true;
                after.is_asked = false;
                got.reply = Kind::Subscribed;
            } else {
                after.is_asked = true;
                got.is_delivered = !before.is_asked;
            }
            break;
        case Kind::Unsubscribe:   // table 7
            got.is_delivered = before.from || before.is_asked;
            after.from = after.is_asked = false;
            if (got.is_delivered) got.reply = Kind::Unsubscribed;
            break;
        case Kind::Subscribed:   // table 8
            got.is_delivered = before.asks;
            after.to = before.to || before.asks;
            after.asks = false;
            break;
        case Kind::Unsubscribed:   // table 9
            got.is_delivered = before.to || before.asks;
            after.to = after.asks = false;
            break;
    }
    return got;
}

}   // namespace grid::controller::contacts
