// controller/accounts/event.cpp: events of accounts, and the streams that end by them.
#include "controller/accounts/event.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

std::string encode(const AccountEvent& event) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Account)).text(event.account);
    out.u8(static_cast<std::uint8_t>(event.before)).u8(static_cast<std::uint8_t>(event.after));
    out.boolean(event.groups_changed).boolean(event.has_expired).varint(event.groups.size());
    for (const std::string& group : event.groups) out.text(group);
    out.boolean(event.is_pinned).boolean(event.device_changed);
    out.boolean(event.is_moved).boolean(event.is_own_wish).boolean(event.password_changed);
    return out.take();
}

std::optional<AccountEvent> decode_account_event(std::string_view bytes) {
    storage::Decoder in(bytes);
    if (in.u8() != static_cast<std::uint8_t>(storage::Tag::Account)) return std::nullopt;
    AccountEvent event;
    event.account = in.text();
    event.before = static_cast<AccountState>(in.u8() & 3);
    event.after = static_cast<AccountState>(in.u8() & 3);
    event.groups_changed = in.boolean();
    event.has_expired = in.boolean();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) event.groups.emplace_back(in.text());
    event.is_pinned = in.boolean();
    event.device_changed = in.boolean();
    if (!in.at_end()) {   // older ones end here
        event.is_moved = in.boolean();
        event.is_own_wish = in.boolean();
    }
    if (!in.at_end()) event.password_changed = in.boolean();
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return event;
}

}   // namespace grid::controller
