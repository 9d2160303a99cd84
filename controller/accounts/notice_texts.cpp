// controller/accounts/notice_texts.cpp: see controller/accounts/notice_texts.hpp.
#include "controller/accounts/notice_texts.hpp"

#include <set>

#include "pubsub/ports/personal.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller {

namespace {

/// `<grid type='notification'><AccountNotification>…`, with the username where it is not the
/// reader's.
std::string notification(AccountState state, const Groups& groups, std::string_view username) {
    xml::Element body("AccountNotification", xml::ns::gi_controller);
    body.add(xml::Element::with_text("state", to_string(state)));
    if (!username.empty()) body.add(xml::Element::with_text("username", username));
    for (const std::string& group : groups) body.add(xml::Element::with_text("group", group));
    const xml::Element grid("grid", xml::ns::gi, {{"type", "notification"}}, std::move(body));
    return xml::to_string(grid, xml::ns::client.uri());
}

/// A notice of the broker's comes from the address at which its node is.
std::string sender_of(std::string_view kind, const Settings& settings) {
    if (!kind.starts_with(subscription_notice_prefix)) return settings.address.str();
    const auto name = kind.find(pubsub::personal_mark);
    if (name == std::string_view::npos) return settings.broker.str();
    return std::string(pubsub::owner_in(kind.substr(name)));
}

/// The part of a message behind `<message to='…'`. The id is made from the revision: unique, the
/// same on every node, and the same again when a notice is repeated.
xml::Bytes message(
    const Settings& settings,
    std::string_view kind,
    storage::Revision revision,
    std::string_view inside,
    std::string_view delay = {}
) {
    std::string out = " from='";
    xml::append_escaped_attr(out, sender_of(kind, settings));
    out += "' id='";
    out += kind.substr(0, kind.find(' '));
    out += "-" + std::to_string(revision) + "' type='normal'>";
    out += inside;
    out += delay;
    out += "</message>";
    return std::make_shared<const std::string>(std::move(out));
}

/// XEP-0203: since when it has waited.
std::string delayed(const Settings& settings, storage::Millis time) {
    std::string out = "<delay xmlns='urn:xmpp:delay' from='";
    xml::append_escaped_attr(out, settings.address.str());
    return out + "' stamp='" + xml::to_datetime(time) + "'/>";
}

/// Administrators and operators: those who are here, as each member tells its own.
void tell_administrators(const std::string& account, const NoticeParts& parts) {
    Accounts& accounts = parts.accounts;
    std::set<std::string_view> told;
    for (const std::string_view group : {administrators_group, operators_group})
        if (const auto* members = accounts.members(group))
            told.insert(members->begin(), members->end());
    const std::string kind = pending_notice_prefix + account;
    for (const std::string_view name : told) {
        const Notices::OfAccount* mine = accounts.notices().find(name);
        const auto notice = mine ? mine->find(kind) : Notices::OfAccount::const_iterator{};
        if (mine == nullptr || notice == mine->end()) continue;
        const auto here =
            parts.sessions.active_resources_here(xml::Jid::from_canonical(std::string(name)));
        for (const xml::Jid& full : here)
            parts.control.tell(
                full, message(parts.settings, kind, notice->second.revision, notice->second.inside)
            );
        if (!here.empty()) accounts.notices().told(name, kind, notice->second.revision);
    }
}

/// The account's own resources, confined ones too; and the administrators, of one that waits.
void tell_account(const AccountEvent& event, storage::Revision revision, const NoticeParts& parts) {
    const xml::Jid jid = xml::Jid::from_canonical(event.account);
    const auto here = parts.sessions.resources_here(jid);
    const std::string inside = notification(event.after, event.groups, {});
    for (const xml::Jid& full : here)
        parts.control.tell(full, message(parts.settings, account_notice, revision, inside));
    if (!here.empty()) parts.accounts.notices().told(event.account, account_notice, revision);
    if (event.after == AccountState::Pending && event.before == AccountState::Init)
        tell_administrators(event.account, parts);
}

/// Visits the notices that a batch puts: account and kind.
template <typename Visit>
void each_notice(const storage::Committed& committed, Visit visit) {
    for (const storage::Write& operation : committed.batch.operations) {
        if (operation.family != storage::Family::Control || operation.erase) continue;
        storage::Decoder key(operation.key);
        if (key.u8() != static_cast<std::uint8_t>(storage::Tag::Notice)) continue;
        const std::string jid(key.text()), kind(key.text());
        if (key.ok()) visit(jid, kind);
    }
}

/// True for a notice whose matter is over: an account that waits no more.
bool is_stale(const Accounts& accounts, std::string_view kind) {
    if (!kind.starts_with(pending_notice_prefix)) return false;
    const Account* account = accounts.find(kind.substr(pending_notice_prefix.size()));
    return account == nullptr || account->state != AccountState::Pending;
}

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
    if (event.password_changed)
        return xml::StreamError{
            "reset", "the password of this account was changed: log in again", std::nullopt
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

std::string account_notice_inside(const Account& account) {
    return notification(account.state, account.groups, {});
}

std::string pending_notice_inside(const Account& account) {
    std::string text = account.jid + " asks to join the grid and waits for approval.";
    if (!account.claimed_device.empty())
        text += " It says that its device type is: " + account.claimed_device + ".";
    if (!account.description.empty()) text += " It says: " + account.description;
    std::string out = "<body>";
    xml::append_escaped_text(out, text);
    return out + "</body>" + notification(account.state, account.wished, account.jid);
}

void tell_what_is_owed(const xml::Jid& full, const NoticeParts& parts) {
    const Settings& settings = parts.settings;
    Accounts& accounts = parts.accounts;
    const Notices::OfAccount* mine = accounts.notices().find(full.bare_view());
    if (mine == nullptr) return;
    for (const auto& [kind, notice] : *mine) {
        if (accounts.notices().is_told(full.bare_view(), kind, notice.revision)) continue;
        if (!is_stale(accounts, kind))
            parts.control.tell(
                full,
                message(
                    settings, kind, notice.revision, notice.inside, delayed(settings, notice.time)
                )
            );
        accounts.notices().told(full.bare_view(), kind, notice.revision);
    }
}

void tell_notice(
    const xml::Jid& full,
    const pubsub::Notice& notice,
    storage::Revision revision,
    const NoticeParts& parts
) {
    parts.control.tell(full, message(parts.settings, notice.subject, revision, notice.inside));
}

void forget_what_was_told(const storage::Committed& committed, const NoticeParts& parts) {
    each_notice(committed, [&](const std::string& jid, const std::string& kind) {
        if (!kind.starts_with(subscription_notice_prefix)) return;
        const auto here =
            parts.sessions.active_resources_here(xml::Jid::from_canonical(std::string(jid)));
        if (!here.empty()) parts.accounts.notices().told(jid, kind, committed.revision);
    });
}

void tell_late_notices(const storage::Committed& committed, const NoticeParts& parts) {
    each_notice(committed, [&](const std::string& jid, const std::string&) {
        const auto here =
            parts.sessions.active_resources_here(xml::Jid::from_canonical(std::string(jid)));
        for (const xml::Jid& full : here) tell_what_is_owed(full, parts);
    });
}

void notify_account(
    const AccountEvent& event, storage::Revision revision, const NoticeParts& parts
) {
    const bool has_changed = event.before != event.after || event.groups_changed;
    if (event.device_changed && !has_changed) parts.control.rights_changed();
    if (!has_changed && !event.is_pinned && !event.is_moved && !event.password_changed) return;
    const xml::Jid jid = xml::Jid::from_canonical(event.account);
    if (has_changed) {
        tell_account(event, revision, parts);
        if (event.before == AccountState::Enabled || event.after == AccountState::Enabled)
            parts.control.rights_changed();
    }
    if (auto error = ending(event)) parts.control.close_account(jid, std::move(*error));
}

}   // namespace grid::controller
