// controller/accounts/event.cpp: account notifications (protocol B.4, B.12) and ended streams
// (B.1).
#include "controller/accounts/event.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller {

std::string encode(const AccountEvent& event) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Account)).text(event.account);
    out.u8(static_cast<std::uint8_t>(event.before)).u8(static_cast<std::uint8_t>(event.after));
    out.boolean(event.groups_changed).boolean(event.has_expired).varint(event.groups.size());
    for (const std::string& group : event.groups) out.text(group);
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
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return event;
}

namespace {

/// `<grid type='notification'><AccountNotification>…`, with the username where it is not the
/// reader's.
xml::Element notification(const AccountEvent& event, bool for_administrators) {
    xml::Element body("AccountNotification", xml::ns::gi_controller);
    body.add(xml::Element::with_text("state", to_string(event.after)));
    if (for_administrators) body.add(xml::Element::with_text("username", event.account));
    for (const std::string& group : event.groups) body.add(xml::Element::with_text("group", group));
    return {"grid", xml::ns::gi, {{"type", "notification"}}, std::move(body)};
}

/// What stands behind `<message to='…'`. The id is the revision: unique, and the same on every
/// node.
xml::Bytes message(
    const Settings& settings, std::string id, std::string_view text, const xml::Element& grid
) {
    std::string out = " from='";
    xml::append_escaped_attr(out, settings.address.str());
    out += "' id='" + id + "' type='normal'>";
    if (!text.empty()) {
        out += "<body>";
        xml::append_escaped_text(out, text);
        out += "</body>";
    }
    xml::write(out, grid, xml::ns::client.uri());
    out += "</message>";
    return std::make_shared<const std::string>(std::move(out));
}

void tell_administrators(
    const AccountEvent& event,
    const std::string& id,
    const Settings& settings,
    const Accounts& accounts,
    SessionControl& control
) {
    const auto* members = accounts.members(administrators_group);
    if (members == nullptr) return;
    pubsub::Notification out;
    for (std::string_view name : *members) {
        const Account* member = accounts.find(name);
        if (member != nullptr && member->state == AccountState::Enabled)
            out.to.push_back(xml::Jid::from_canonical(std::string(name)));
    }
    if (out.to.empty()) return;
    out.rest = message(
        settings, id + "-admin", event.account + " asks to join the grid and waits for approval.",
        notification(event, true)
    );
    control.notify(std::move(out));
}

/// B.1: which streams end, and how they are told.
std::optional<xml::StreamError> ending(const AccountEvent& event) {
    if (event.has_expired) return std::nullopt;
    if (event.after == AccountState::Disabled && event.before != AccountState::Disabled)
        return xml::StreamError{
            "policy-violation", "this account was disabled by an administrator", std::nullopt
        };
    // RFC 6120 §4.9.3.12: there is nobody any more on whose behalf this stream could act. (Not
    // `reset`, which invites the client to come back at once.)
    if (event.after == AccountState::Init && event.before != AccountState::Init)
        return xml::StreamError{
            "not-authorized", "this account was deleted by an administrator", std::nullopt
        };
    // S39, RFC 6120 §4.9.3.16: the security context changed.
    if (event.groups_changed && event.before == AccountState::Enabled)
        return xml::StreamError{
            "reset", "the groups of this account changed: log in again", std::nullopt
        };
    return std::nullopt;
}

}   // namespace

void notify_account(
    const AccountEvent& event,
    storage::Revision revision,
    const Settings& settings,
    const Accounts& accounts,
    const Sessions& sessions,
    SessionControl& control
) {
    const bool has_changed = event.before != event.after || event.groups_changed;
    if (!has_changed) return;
    const xml::Jid jid = xml::Jid::from_canonical(event.account);
    const std::string id = "account-" + std::to_string(revision);
    pubsub::Notification out;
    out.to = sessions.resources(jid);
    if (!out.to.empty()) {
        out.rest = message(settings, id, {}, notification(event, false));
        control.notify(std::move(out));
    }
    if (event.after == AccountState::Pending && event.before == AccountState::Init)
        tell_administrators(event, id, settings, accounts, control);
    if (event.before == AccountState::Enabled || event.after == AccountState::Enabled)
        control.rights_changed();
    if (auto error = ending(event)) control.close_account(jid, std::move(*error));
}

}   // namespace grid::controller
