// pubsub/ports/ports.hpp: the broker's ports: policy, contacts, notifications. controller/ and
// server/ implement these.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/principal.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"
#include "xml/writer.hpp"

namespace grid::xml {
struct Form;
}

namespace grid::pubsub {

enum class Right { Discover, Create, Publish, Subscribe, Retrieve, Manage };
std::string_view to_string(Right operation);

/// An act as the audit names it: finer than the operations that the policy distinguishes.
struct Deed {
    Right operation = Right::Discover;
    std::string name = std::string(to_string(operation));
    std::string target = {};   // the account that something is done to or for
    std::string detail = {};   // for a person; never a payload
    std::string node = {};     // where it is not the node of the request
};

struct Verdict {
    bool allowed = false;
    std::string rule;   // the rule that decided, for the audit; "default deny" when none did
    /// The subscription's account, where an owner or administrator acts for another one (§6.1.3.1);
    /// the rule is then about that account.
    std::string subject = {};
};

/// May this actor do that to this node? Asked on the core strand, answered from memory, in
/// microseconds.
class AccessPolicy {
public:
    virtual ~AccessPolicy() = default;
    /// `type` is the node's `pubsub#type`, empty when unknown.
    virtual Verdict check(
        const Principal& actor, Right operation, std::string_view node, std::string_view type
    ) const = 0;
    /// The same without the verdict, and not on record: for what a request only looks at.
    virtual bool allows(
        const Principal& actor, Right operation, std::string_view node, std::string_view type
    ) const {
        return check(actor, operation, node, type).allowed;
    }
    /// The same for the account behind a subscription, without a session: used before a delivery.
    virtual bool may_receive(
        const xml::Jid& subscriber, std::string_view node, std::string_view type
    ) const = 0;
    /// The same with the rule, for what an owner or administrator does on behalf of the subscriber.
    virtual Verdict check_subscriber(
        const xml::Jid& subscriber, std::string_view node, std::string_view type
    ) const {
        return {may_receive(subscriber, node, type), "right of the subscriber"};
    }
    /// Adds further facts about a node as fields of its meta-data (§5.4).
    virtual void describe(std::string_view /*node*/, xml::Form& /*meta_data*/) const {}
    /// Whether sessions of one account may differ in what they may receive. Then each session is
    /// asked about besides, when the list of those who are told is made.
    virtual bool asks_sessions() const { return false; }
    virtual bool may_receive_here(
        const Principal& session, std::string_view node, std::string_view type
    ) const {
        return may_receive(session.jid, node, type);
    }
    /// Administrators pass every affiliation check, and may act for another JID (§6.1.3.1).
    virtual bool is_administrator(const Principal& actor) const = 0;
    /// The same of an account, independent of its sessions.
    virtual bool is_administrator_account(const xml::Jid& /*account*/) const { return false; }
    /// Changes whenever an earlier answer may have become wrong.
    virtual std::uint64_t revision() const = 0;
    /// Adds to a batch what an allowed request rests on (the actor's account record, the policy
    /// head) and its audit records with the rule that decided: one for each deed, at least one.
    virtual void record_allowed(
        storage::Batch& batch,
        const Principal& actor,
        const std::vector<Deed>& deeds,
        std::string_view node,
        const Verdict& verdict
    ) const = 0;
    /// Puts a refusal on record, by a bounded queue that is not awaited (soft state).
    virtual void refused(
        const Principal& actor, const Deed& deed, std::string_view node, const Verdict& verdict
    ) const = 0;
    /// Whether that account may publish there, from some session at least: its publishers hear of a
    /// topic's subtopics whether they may read them or not.
    virtual bool may_publish(
        const xml::Jid& /*publisher*/, std::string_view /*node*/, std::string_view /*type*/
    ) const {
        return false;
    }
    /// Adds a durable notice for that account to a batch, for its next login, unless a resource is
    /// online here: that one is about to hear (Notification::notice). `inside`: of the <message/>;
    /// of one subject only the newest counts.
    virtual void store_notice(
        storage::Batch& /*batch*/,
        const xml::Jid& /*to*/,
        const std::string& /*subject*/,
        std::string /*inside*/
    ) const {}
};

/// Rosters of accounts: access models may rest on them.
class Contacts {
public:
    virtual ~Contacts() = default;
    virtual bool has_presence_subscription(const xml::Jid& owner, const xml::Jid& contact)
        const = 0;
    virtual bool is_in_group(
        const xml::Jid& owner, const xml::Jid& contact, const std::vector<std::string>& groups
    ) const = 0;
    /// Whether the policy lets messages pass from the one to the other, and neither has blocked the
    /// other.
    virtual bool may_reach(const xml::Jid& /*owner*/, const xml::Jid& /*contact*/) const {
        return false;
    }
    /// Takes the full JID of a session.
    using VisitSession = std::function<void(const xml::Jid& full)>;
    /// Visits the available sessions of the owner, and of the accounts that are subscribed to its
    /// presence, whose clients ask for the events of that node (XEP-0060 §9.2). `account`: of that
    /// account alone; empty: of all.
    virtual void each_interested(
        const xml::Jid& /*owner*/,
        std::string_view /*node*/,
        std::string_view /*account*/,
        const VisitSession& /*visit*/
    ) const {}
    /// Whether a session is logged in that a temporary subscription of that address hangs on: that
    /// one, or any of a bare JID's account. Also true where that is not known now.
    virtual bool is_logged_in(const xml::Jid& /*subscriber*/) const { return false; }
    /// Whether there is any presence to ask about: without, nodes cannot have an access model that
    /// rests on it. Does not change while the broker lives.
    virtual bool is_available() const { return false; }
};

/// The part of a node's subscribers that is meant: XEP-0248 tells apart what happens to items and
/// to child nodes.
enum class AudienceKind : std::uint8_t { Items, Nodes };

/// Additions to a subscriber's copy of a notification (§7.1.2.4, §12.6).
struct CopyOptions {
    bool has_body = false;
    std::string headers;   // a complete `<headers/>` element, or nothing
    std::string node;      // §12.20: told as of that node, the topic; empty: as it is

    bool is_plain() const { return !has_body && headers.empty() && node.empty(); }
};

/// Subscribers whom several notifications of one item reach, by a topic and by their filters: the
/// first that reaches them is for all of these (§6.1.6).
struct Joint {
    std::unordered_map<std::string, CopyOptions> copies;   // by address, as subscribed
    std::set<const void*> told;   // by what stands for a session's address at the server
};

/// A message that accounts are to hear at their next login where no session of theirs has heard it.
struct Notice {
    /// Of one subject only the newest counts, and the <message/> without its start tag.
    std::string subject, inside;
    std::vector<xml::Jid> accounts;
    /// The batch is this member's own, so this member sees to it.
    bool is_own = false;
};

/// One notification, serialized once. The server writes `<message to='…'` and then `rest`.
struct Notification {
    /// The node whose subscribers get it (0: none). See Broker::audience.
    std::uint64_t node = 0;
    AudienceKind kind = AudienceKind::Items;
    /// Single addressees, besides.
    std::vector<xml::Jid> to;
    /// ` from='pubsub.D' id='…' type='…'>…</message>`, in jabber:client, without `to`.
    xml::Bytes rest;
    /// The item is in the store: sessions that cannot take it now get it later, by replay.
    bool is_owed = false;
    /// The batch that it tells of.
    storage::Revision revision = 0;
    /// Where in `rest` the `<event/>` begins, and from where to where the `<item/>` is (0, 0: there
    /// is none): for copies with a body, with headers, or with several items. See
    /// pubsub/delivery/copies.hpp.
    std::uint32_t event_at = 0, item_at = 0, item_end = 0;
    /// The text of `<body/>` in copies for subscribers who asked for one.
    std::string body;
    std::shared_ptr<Joint> joint;   // null: it reaches no subscriber jointly with others
    /// Another node that is named in it (0: none). Only sessions that may hear of that node get it,
    /// or only the others where `is_for_unaware` says so. See Broker::may_be_told_of.
    std::uint64_t about = 0;
    bool is_for_unaware = false;
    std::shared_ptr<const Notice> notice;   // null: for those who are there alone
};

/// Takes notifications, on the core strand, in commit order.
class NotificationSink {
public:
    virtual ~NotificationSink() = default;
    virtual void notify(Notification notification) = 0;
    /// Whether any session would get this node's items now; if not, no text is made.
    virtual bool has_audience(std::uint64_t /*node*/) { return true; }
    /// The subscribers of a node changed, or their options did.
    virtual void audience_changed(std::uint64_t node) = 0;
    /// The subscriptions of one account there did, or its affiliation.
    virtual void account_changed(std::uint64_t node, std::string_view /*bare*/) {
        audience_changed(node);
    }
    /// A node is gone; its audience will not be asked for again.
    virtual void node_removed(std::uint64_t node) = 0;
    /// A new subscription starts with items that are there already: those of the node after that
    /// revision. They come before anything that follows (§6.1.7).
    virtual void replay_from(
        const xml::Jid& /*subscriber*/, std::uint64_t /*node*/, storage::Revision /*after*/
    ) {}
};

}   // namespace grid::pubsub
