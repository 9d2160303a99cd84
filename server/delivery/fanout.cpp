// server/delivery/fanout.cpp: from a notification to outboxes.
#include "server/delivery/fanout.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "pubsub/delivery/copies.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

/// How many deliveries pass between two looks at the clock.
constexpr std::size_t deliveries_per_look = 256;
/// Changes of presence that are kept for recipient lists not in use; older lists are made anew.
constexpr std::size_t changes_kept_max = 4096;

}   // namespace

void Fanout::notify(pubsub::Notification notification) {
    if (notification.revision == 0) notification.revision = applied_;
    queue_.push_back(std::move(notification));
}

bool Fanout::has_audience(std::uint64_t node) {
    return audience(node, pubsub::AudienceKind::Items)->present != 0;
}

void Fanout::node_removed(std::uint64_t node) {
    // Queued behind the events that its subscribers still get.
    pubsub::Notification end;
    end.node = node;
    end.revision = applied_;
    queue_.push_back(std::move(end));
}

storage::Revision Fanout::completed() const {
    if (queue_.empty()) return applied_;
    return std::max<storage::Revision>(queue_.front().revision, 1) - 1;
}

bool Fanout::is_logged_in(const Session& session) const {
    return session.is_active && !session.is_ended &&
           controller_.state(session.principal) == controller::AccountState::Enabled;
}

void Fanout::add_recipients(
    std::uint64_t node,
    const xml::Jid& to,
    const std::shared_ptr<const RecipientOptions>& special,
    std::vector<Recipient>& into
) const {
    // The account may have it; where the policy looks at sessions, may this one?
    const bool asks = node != 0 && controller_.asks_sessions();
    const auto wants = [&](const Session& session) {
        return may_receive(session) && (!special || (special->shows & session.show) != 0) &&
               (!asks || broker_.may_receive_here(session.principal, node));
    };
    if (!to.is_bare()) {
        auto session = sessions_.find(to);
        if (session && wants(*session)) into.push_back({session, Address::Full, special});
        return;
    }
    // RFC 6121 §8.5.2.1: never to a negative priority; all others that logged in.
    for (const auto& session : sessions_.of_account(to.str()))
        if (wants(*session) && session->priority >= 0)
            into.push_back({session, Address::Bare, special});
}

void Fanout::Recipients::index() {
    if (std::exchange(is_indexed, true)) return;
    for (std::size_t at = 0; at < list.size(); ++at) places[list[at].session->bare].push_back(at);
}

void Fanout::Recipients::remove(const xml::Jid& bare) {
    const auto found = places.find(bare);
    if (found == places.end()) return;
    for (const std::size_t at : found->second) {
        list[at] = {};
        free.push_back(at);
        --present;
    }
    places.erase(found);
}

void Fanout::Recipients::add(const xml::Jid& bare, Recipient recipient) {
    std::size_t at = list.size();
    if (free.empty()) {
        list.push_back(std::move(recipient));
    } else {
        at = free.back();
        free.pop_back();
        list[at] = std::move(recipient);
    }
    places[bare].push_back(at);
    ++present;
}

void Fanout::presence_changed(const xml::Jid& bare) {
    // A session that toggles between two publishes costs one entry.
    if (!changes_.empty() && changes_seen_ < change_count() && changes_.back() == bare) return;
    changes_.push_back(bare);
    if (changes_.size() <= changes_kept_max) return;
    changes_.pop_front();
    ++first_change_;
}

void Fanout::account_changed(std::uint64_t node, std::string_view bare) {
    // Items that were kept for other options go out now; of a subscription that ended they do not.
    for (const SessionPtr& session : sessions_.of_account(bare))
        for (const Address to : {Address::Bare, Address::Full})
            digests_.send_now(session, to, node, digest_sender());
    for (auto* audiences : {&audiences_, &node_audiences_}) {
        const auto found = audiences->find(node);
        if (found == audiences->end() || !found->second) continue;
        Recipients& recipients = *found->second;
        if (recipients.changed.size() >= recipients.changes_max())
            audiences->erase(found);
        else
            recipients.changed.push_back(xml::Jid::from_canonical(std::string(bare)));
    }
}

void Fanout::add_subscriber(
    std::uint64_t node, pubsub::Subscriber subscriber, std::vector<Recipient>& into
) const {
    std::shared_ptr<const RecipientOptions> special;
    if (!subscriber.copy.is_plain() || subscriber.shows != pubsub::every_show ||
        subscriber.digest_ms != 0)
        special = std::make_shared<const RecipientOptions>(
            RecipientOptions{std::move(subscriber.copy), subscriber.shows, subscriber.digest_ms}
        );
    add_recipients(node, subscriber.jid, special, into);
}

Fanout::Audience Fanout::make_audience(std::uint64_t node, pubsub::AudienceKind kind) {
    auto recipients = std::make_shared<Recipients>();
    for (auto& subscriber : broker_.audience(node, kind)) {
        ++recipients->subscribers;
        add_subscriber(node, std::move(subscriber), recipients->list);
    }
    recipients->present = recipients->list.size();
    recipients->seen = changes_seen_ = change_count();
    return recipients;
}

bool Fanout::follow_changes(std::uint64_t node, pubsub::AudienceKind kind, Recipients& recipients) {
    if (recipients.seen < first_change_) return false;
    const std::uint64_t count = change_count() - recipients.seen;
    if (count + recipients.changed.size() > recipients.changes_max()) return false;
    std::unordered_set<xml::Jid> accounts(recipients.changed.begin(), recipients.changed.end());
    const auto from = static_cast<std::ptrdiff_t>(recipients.seen - first_change_);
    accounts.insert(changes_.begin() + from, changes_.end());
    recipients.changed.clear();
    recipients.seen = changes_seen_ = change_count();
    if (accounts.empty()) return true;
    recipients.index();
    std::vector<Recipient> added;
    for (const xml::Jid& bare : accounts) {
        recipients.remove(bare);
        added.clear();
        for (auto& subscriber : broker_.audience(node, kind, bare.str()))
            add_subscriber(node, std::move(subscriber), added);
        for (Recipient& recipient : added) recipients.add(bare, std::move(recipient));
    }
    return true;
}

Fanout::Audience Fanout::audience(std::uint64_t node, pubsub::AudienceKind kind) {
    auto& known = (kind == pubsub::AudienceKind::Items ? audiences_ : node_audiences_)[node];
    // An event that is going out goes to the recipients of its beginning.
    if (known && known == current_) return known;
    if (!known || !follow_changes(node, kind, *known)) known = make_audience(node, kind);
    return known;
}

Fanout::Audience Fanout::audience_of(const pubsub::Notification& notification) {
    if (notification.to.empty() && notification.node != 0)
        return audience(notification.node, notification.kind);
    auto recipients = std::make_shared<Recipients>();
    if (notification.node != 0) {
        const auto all = audience(notification.node, notification.kind);
        recipients->list = all->list;
        for (auto& recipient : recipients->list) recipient.special = nullptr;
    }
    for (const auto& to : notification.to) add_recipients(0, to, nullptr, recipients->list);
    return recipients;
}

bool Fanout::deliver(std::chrono::steady_clock::time_point deadline) {
    std::size_t since_look = 0;
    while (!queue_.empty()) {
        auto& notification = queue_.front();
        if (!notification.rest) {
            forget_audience(notification.node);
            queue_.pop_front();
            continue;
        }
        if (!current_) {
            current_ = audience_of(notification);
            next_ = 0;
        }
        while (next_ < current_->list.size()) {
            if (++since_look == deliveries_per_look) {
                since_look = 0;
                if (std::chrono::steady_clock::now() >= deadline) return false;
            }
            const Recipient& recipient = current_->list[next_++];
            if (recipient.session && may_be_told(*recipient.session, notification))
                tell(recipient, notification);
        }
        if (notification.notice) end_notice(notification, *current_);
        current_ = nullptr;
        with_body_ = nullptr;
        queue_.pop_front();
    }
    return true;
}

void Fanout::end_notice(const pubsub::Notification& notification, const Recipients& recipients)
    const {
    if (!on_notice_) return;
    for (const xml::Jid& account : notification.notice->accounts) {
        const bool has_heard = std::ranges::any_of(recipients.list, [&](const Recipient& one) {
            return one.session && !one.session->is_ended && one.session->bare == account;
        });
        on_notice_(*notification.notice, account, notification.revision, has_heard);
    }
}

bool Fanout::may_be_told(const Session& session, const pubsub::Notification& notification) const {
    if (notification.about == 0) return true;
    return broker_.may_be_told_of(session.principal, notification.about) !=
           notification.is_for_unaware;
}

/// Of an item that the recipient had at another member of a cluster, which was ahead of this one.
bool Fanout::is_behind(const Recipient& recipient, const pubsub::Notification& notification) {
    const Session& session = *recipient.session;
    const bool is_bare = recipient.to == Address::Bare;
    return notification.item_end != 0 &&
           notification.revision <= (is_bare ? session.account_from : session.own_from);
}

void Fanout::tell(const Recipient& recipient, const pubsub::Notification& notification) {
    const auto& session = recipient.session;
    if (is_behind(recipient, notification)) return;
    // Skip sessions that are replaying from the store, and items that a finished replay has already
    // sent.
    if (notification.is_owed && (session->replay || notification.revision <= session->replayed_to))
        return;
    if (notification.joint && tell_jointly(recipient, notification)) return;
    tell_special(recipient, notification);
}

/// A subscriber that several notifications of this item reach gets the first, in the name of all.
bool Fanout::tell_jointly(const Recipient& recipient, const pubsub::Notification& notification) {
    const auto& [session, to, special] = recipient;
    const xml::Jid& jid = session->address(to);
    const auto found = notification.joint->copies.find(jid.str());
    if (found == notification.joint->copies.end()) return false;
    if (!notification.joint->told.insert(&jid).second) return true;
    // The copy speaks for the topic and for subtopics, and items may be kept for any of them.
    digests_.send_now(session, to, 0, digest_sender());
    auto body = pubsub::render_copy(notification, found->second);
    if (notification.item_end != 0)
        put_item(recipient, std::move(body), notification.revision);
    else
        send(session, Outgoing::message(to, std::move(body)));
    return true;
}

/// With what the recipient's options ask for, if it has any.
void Fanout::tell_special(const Recipient& recipient, const pubsub::Notification& notification) {
    const auto& [session, to, special] = recipient;
    const bool is_item = notification.item_end != 0;
    if (is_item && special && special->digest_ms != 0)
        return digests_.add(
            session, to, notification, special->copy, special->digest_ms, digest_sender()
        );
    // Older items may be kept, from when the recipient's options were others, too.
    if (notification.node != 0) digests_.send_now(session, to, notification.node, digest_sender());
    auto body = special ? copy_for(special->copy, notification) : notification.rest;
    if (is_item)
        put_item(recipient, std::move(body), notification.revision);
    else
        send(session, Outgoing::message(to, std::move(body)));
}

xml::Bytes Fanout::copy_for(
    const pubsub::CopyOptions& copy, const pubsub::Notification& notification
) {
    if (copy.is_plain()) return notification.rest;
    if (!copy.headers.empty()) return pubsub::render_copy(notification, copy);
    if (!with_body_) with_body_ = pubsub::render_copy(notification, copy);
    return with_body_;
}

void Fanout::put_item(const Recipient& recipient, xml::Bytes body, storage::Revision revision) {
    recipient.session->queued_to = revision;
    ++counts_.items;
    send(recipient.session, Outgoing::message(recipient.to, std::move(body), revision, true));
}

Digests::Send Fanout::digest_sender() {
    return {
        [this](const SessionPtr& session) { flush_now(session); },
        [this](Digests::Due digest) { put_digest(std::move(digest)); }
    };
}

bool Fanout::is_for(const Digests::Due& digest) const {
    const Session& session = *digest.session;
    return may_receive(session) &&
           broker_.is_in_audience(session.address(digest.to), digest.node) &&
           broker_.may_receive_here(session.principal, digest.node);
}

/// A digest contains items older than the last one sent, so that its loss would not show in the
/// session's position. When it does not fit, its items are left to the replay instead.
void Fanout::put_digest(Digests::Due digest) {
    // A right that was taken away meanwhile covers the items that were kept back, too.
    if (!is_for(digest)) return;
    const SessionPtr& session = digest.session;
    const auto& budget = *session->budget;
    const std::size_t used = budget.used() + session->pending_bytes;
    if (used != 0 && used + digest.body->size() > budget.fair_bytes_max()) {
        // For a replaying session only items of nodes that keep none in the store are kept back.
        if (session->replay) return;
        return replay_listener_->replay_from(
            session, digest.node, digest.to == Address::Bare, digest.first - 1
        );
    }
    session->queued_to = std::max(session->queued_to, digest.last);
    send(session, Outgoing::message(digest.to, std::move(digest.body), digest.first));
    flush_now(session);   // before anything that might be left out
}

void Fanout::keep_up() {
    constexpr std::size_t lists_max = 64;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(500);
    for (const auto kind : {pubsub::AudienceKind::Items, pubsub::AudienceKind::Nodes}) {
        const bool is_items = kind == pubsub::AudienceKind::Items;
        auto& lists = is_items ? audiences_ : node_audiences_;
        std::uint64_t& last = is_items ? kept_up_ : nodes_kept_up_;
        for (std::size_t i = 0; i < std::min(lists_max, lists.size()); ++i) {
            auto at = lists.upper_bound(last);
            if (at == lists.end()) at = lists.begin();
            last = at->first;
            const bool is_due =
                at->second && at->second != current_ && at->second->seen != change_count();
            if (!is_due) continue;
            if (!follow_changes(at->first, kind, *at->second)) lists.erase(at);
            if (std::chrono::steady_clock::now() >= deadline) return;
        }
    }
}

bool Fanout::tick(std::chrono::steady_clock::time_point now) {
    keep_up();
    return digests_.send_due(now, digest_sender());
}

void Fanout::forget_audience(std::uint64_t node) {
    audiences_.erase(node);
    node_audiences_.erase(node);
}

void Fanout::forget_audiences() {
    audiences_.clear();
    node_audiences_.clear();
}

// Messages and stream ends for one account, besides events. They follow from what was committed,
// which each member of a cluster sees: each does it for the sessions that are its own.

void Fanout::tell(const xml::Jid& full, xml::Bytes rest) {
    const auto session = sessions_.find(full);
    if (!session || session->other_member) return;
    // A session whose certificate does not belong to the account is not the addressee.
    using controller::AccountState;
    if (controller_.state(session->principal) == AccountState::Init &&
        controller_.state(session->bare) != AccountState::Init)
        return;
    send(session, Outgoing::message(Address::Full, std::move(rest)));
}

void Fanout::push(
    const xml::Jid& bare, controller::Interest interest, const xml::Element& payload
) {
    xml::Element iq(
        "iq", xml::ns::client, {{"type", "set"}, {"id", "push-" + std::to_string(++pushes_)}},
        payload
    );
    for (const auto& session : sessions_.of_account(bare.str())) {
        const bool is_interested =
            interest == controller::Interest::BlockList && session->knows_block_list;
        if (!is_interested || session->is_ended || session->other_member) continue;
        iq.set("to", session->jid.str());
        send(
            session,
            Outgoing::whole(
                StanzaKind::Iq,
                std::make_shared<const std::string>(xml::to_string(iq, xml::ns::client.uri()))
            )
        );
    }
}

/// The member of a session elsewhere ends it when it hears of this. It may be cut off: from now on
/// nothing goes there.
void Fanout::close_session(const xml::Jid& full, xml::StreamError error) {
    const SessionPtr session = sessions_.find(full);
    if (!session && on_absent_end_) on_absent_end_(full);
    if (session && session->other_member) ends_elsewhere(*session);
    if (session && !session->other_member) end(session, std::move(error));
}

void Fanout::close_account(const xml::Jid& bare, xml::StreamError error) {
    if (on_account_end_) on_account_end_(bare);
    for (const auto& session : sessions_.of_account(bare.str())) {
        if (session->other_member)
            ends_elsewhere(*session);
        else
            end(session, error);
    }
}

void Fanout::ends_elsewhere(Session& session) {
    if (!std::exchange(session.is_ended, true) && on_end_) on_end_(session);
}

void Fanout::end(const SessionPtr& session, xml::StreamError error) {
    if (!std::exchange(session->is_ended, true)) {
        presence_changed(session->bare);
        if (on_end_) on_end_(*session);
    }
    endings_.emplace_back(session, std::move(error));
}

/// Stanzas of this turn leave before the goodbye, and so does the answer to a request that ends its
/// own sender's stream (XEP-0077 §3.2); it may wait for other members of a cluster.
void Fanout::end_streams() {
    for (auto& [session, error] : std::exchange(endings_, {})) {
        flush_one(session);
        if (session->transport && session->answers_due != 0) {
            endings_.emplace_back(session, std::move(error));
            continue;
        }
        if (session->transport)
            session->transport->close(std::move(error));
        else if (session->state == Session::State::Hibernating)
            end_hibernating_(session, error.text);
    }
}

}   // namespace grid::server
