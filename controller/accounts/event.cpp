// controller/accounts/event.cpp: events of accounts, and the streams that end by them.
#include "controller/accounts/event.hpp"

#include "controller/accounts/notes.hpp"
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
    out.boolean(event.is_moved).boolean(event.is_own_wish);
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
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return event;
}

namespace {

/// The stream error with which an account's streams end by this event; nullopt: they go on.
std::optional<xml::StreamError> ending(const AccountEvent& event) {
    if (event.has_expired) return std::nullopt;
    if (event.after == AccountState::Disabled && event.before != AccountState::Disabled)
        return xml::StreamError{
            "policy-violation", "this account was disabled by an administrator", std::nullopt
        };
    // RFC 6120 §4.9.3.12: the account on whose behalf this stream acted is gone. (Not `reset`,
    // which invites the client to come back at once.)
    if (event.after == AccountState::Init && event.before != AccountState::Init)
        return xml::StreamError{
            "not-authorized",
            event.is_own_wish ? "this account was given up by its client"
                              : "this account was deleted by an administrator",
            std::nullopt
        };
    // RFC 6120 §4.9.3.16: the security context changed. The new groups count from the next login.
    if (event.groups_changed && event.before == AccountState::Enabled)
        return xml::StreamError{
            "reset", "the groups of this account changed: log in again", std::nullopt
        };
    if (event.is_pinned)
        return xml::StreamError{
            "reset", "this account was pinned to a key: log in again with it", std::nullopt
        };
    if (event.is_moved)
        return xml::StreamError{
            "reset",
            "this account was moved to another certificate authority: log in again with a "
            "certificate of that one",
            std::nullopt
        };
    return std::nullopt;
}

}   // namespace

void notify_account(
    const AccountEvent& event,
    storage::Revision revision,
    const Settings& settings,
    Accounts& accounts,
    const Sessions& sessions,
    SessionControl& control
) {
    const bool has_changed = event.before != event.after || event.groups_changed;
    if (event.device_changed && !has_changed) control.rights_changed();
    if (!has_changed && !event.is_pinned && !event.is_moved) return;
    const xml::Jid jid = xml::Jid::from_canonical(event.account);
    if (has_changed) {
        tell_account(event, revision, settings, accounts, sessions, control);
        if (event.before == AccountState::Enabled || event.after == AccountState::Enabled)
            control.rights_changed();
    }
    if (auto error = ending(event)) control.close_account(jid, std::move(*error));
}

}   // namespace grid::controller
