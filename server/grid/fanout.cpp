// server/grid/fanout.cpp: from a notification to outboxes.
#include "server/grid/fanout.hpp"

#include <algorithm>

#include "pubsub/flavour.hpp"

namespace grid::server {
namespace {
/// How many deliveries pass between two looks at the clock.
constexpr std::size_t deliveries_per_look = 256;
}   // namespace

void Fanout::notify(pubsub::Notification notification) {
    if (notification.revision == 0) notification.revision = applied_;
    queue_.push_back(std::move(notification));
}

bool Fanout::has_audience(std::uint64_t node) {
    if (!stale_.empty()) forget_stale();
    return !audience(node, pubsub::AudienceKind::Items)->list.empty();
}

void Fanout::node_removed(std::uint64_t node) {
    // Behind what is still to be said to its subscribers.
    pubsub::Notification end;
    end.node = node;
    end.revision = applied_;
    queue_.push_back(std::move(end));
}

storage::Revision Fanout::completed() const {
    if (queue_.empty()) return applied_;
    return std::max<storage::Revision>(queue_.front().revision, 1) - 1;
}

bool Fanout::may_receive(const Session& session) const {
    return session.is_active && !session.is_ended &&
           controller_.state(session.principal) == controller::AccountState::Enabled;
}

void Fanout::add_recipients(
    std::uint64_t node, const xml::Jid& to, const Special* special, std::vector<Recipient>& into
) const {
    // The account may have it; where the policy looks at sessions, may this one?
    const bool asks = node != 0 && controller_.asks_sessions();
    const auto wants = [&](const Session& session) {
        return may_receive(session) && (!special || (special->shows & session.show) != 0) &&
               (!asks || broker_.may_receive_here(session.principal, node));
    };
    if (!to.is_bare()) {
        auto session = sessions_.find(to);
        if (session && wants(*session)) into.push_back({session, &session->head_full, special});
        return;
    }
    // RFC 6121 §8.5.2.1: never to a negative priority; all others that logged in.
    for (const auto& session : sessions_.of_account(to.str()))
        if (wants(*session) && session->priority >= 0)
            into.push_back({session, &session->head_bare, special});
}

Fanout::Audience Fanout::audience(std::uint64_t node, pubsub::AudienceKind kind) {
    auto& known = (kind == pubsub::AudienceKind::Items ? audiences_ : node_audiences_)[node];
    if (!known) {
        auto recipients = std::make_shared<Recipients>();
        for (auto& subscriber : broker_.audience(node, kind)) {
            const Special* special = nullptr;
            if (!subscriber.flavour.is_plain() || subscriber.shows != pubsub::every_show ||
                subscriber.digest_ms != 0)
                special = &recipients->specials.emplace_back(
                    Special{std::move(subscriber.flavour), subscriber.shows, subscriber.digest_ms}
                );
            add_recipients(node, subscriber.jid, special, recipients->list);
        }
        known = std::move(recipients);
    }
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
    if (!queue_.empty() && !stale_.empty()) forget_stale();
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
            tell(current_->list[next_++], notification);
        }
        current_ = nullptr;
        with_body_ = nullptr;
        queue_.pop_front();
    }
    return true;
}

void Fanout::tell(const Recipient& recipient, const pubsub::Notification& notification) {
    const auto& session = recipient.session;
    // Who is behind gets items from the store, and so did who has just caught up.
    if (notification.is_owed && (session->lag || notification.revision <= session->joined)) return;
    if (notification.joint && tell_jointly(recipient, notification)) return;
    if (recipient.special) return tell_special(recipient, notification);
    if (notification.item_end != 0)
        put_item(recipient, notification.rest, notification.revision);
    else
        send(session, {recipient.head, notification.rest});
    ++deliveries_;
}

/// Whom several notifications of this item reach gets the first of them, in the name of all.
bool Fanout::tell_jointly(const Recipient& recipient, const pubsub::Notification& notification) {
    const auto& [session, head, special] = recipient;
    const auto& jid = head == &session->head_bare ? session->bare : session->jid;
    const auto found = notification.joint->flavours.find(jid.str());
    if (found == notification.joint->flavours.end()) return false;
    if (!notification.joint->told.insert(head).second) return true;
    digests_.send_now(session, head, notification.node, digest_sender());
    put_item(recipient, pubsub::flavoured(notification, found->second), notification.revision);
    ++deliveries_;
    return true;
}

void Fanout::tell_special(const Recipient& recipient, const pubsub::Notification& notification) {
    const auto& [session, head, special] = recipient;
    const bool is_item = notification.item_end != 0;
    ++deliveries_;
    if (special->digest_ms != 0) {
        if (is_item)
            return digests_.add(
                session, head, notification, special->flavour, special->digest_ms, digest_sender()
            );
        digests_.send_now(session, head, notification.node, digest_sender());
    }
    auto body = copy_for(special->flavour, notification);
    if (is_item)
        put_item(recipient, std::move(body), notification.revision);
    else
        send(session, {head, std::move(body)});
}

xml::Bytes Fanout::copy_for(
    const pubsub::Flavour& flavour, const pubsub::Notification& notification
) {
    if (flavour.is_plain()) return notification.rest;
    if (!flavour.headers.empty()) return pubsub::flavoured(notification, flavour);
    if (!with_body_) with_body_ = pubsub::flavoured(notification, flavour);
    return with_body_;
}

void Fanout::put_item(const Recipient& recipient, xml::Bytes body, storage::Revision revision) {
    recipient.session->told = revision;
    send(recipient.session, {recipient.head, std::move(body), revision, true});
}

Digests::Send Fanout::digest_sender() {
    return {
        [this](const SessionPtr& session) { flush_now(session); },
        [this](Digests::Due digest) { put_digest(std::move(digest)); }
    };
}

bool Fanout::is_for(const Digests::Due& digest) const {
    const Session& session = *digest.session;
    const bool is_bare = digest.head == &session.head_bare;
    return may_receive(session) &&
           broker_.is_in_audience(is_bare ? session.bare : session.jid, digest.node) &&
           broker_.may_receive_here(session.principal, digest.node);
}

/// Not an item that may be left out: older ones than what the session was told last are in it. So
/// where there is no room it does not go out at all.
void Fanout::put_digest(Digests::Due digest) {
    // Design §2: a right that is gone by now is gone for what was kept back, too.
    if (!is_for(digest)) return;
    const SessionPtr& session = digest.session;
    const auto& budget = *session->budget;
    const std::size_t used = budget.used() + session->pending_bytes;
    if (used != 0 && used + digest.body->size() > budget.fair_bytes_max()) {
        // What is kept for who is behind is not in the store: items of nodes that keep none.
        if (session->lag) return;
        return laggards_->owes(
            session, digest.node, digest.head == &session->head_bare, digest.first - 1
        );
    }
    session->told = std::max(session->told, digest.last);
    send(session, {digest.head, std::move(digest.body), digest.first});
    flush_now(session);   // before anything that might be left out
}

bool Fanout::tick(std::chrono::steady_clock::time_point now) {
    return digests_.send_due(now, digest_sender());
}

void Fanout::forget_stale() {
    for (const auto& bare : std::exchange(stale_, {}))
        for (auto node : broker_.subscribed_nodes(bare)) forget_audience(node);
}

void Fanout::forget_audience(std::uint64_t node) {
    audiences_.erase(node);
    node_audiences_.erase(node);
}

void Fanout::forget_audiences() {
    audiences_.clear();
    node_audiences_.clear();
}

}   // namespace grid::server
