// server/presence/presence.hpp: rosters and presence of sessions (RFC 6121): who is told, and in
// which order. Core strand only.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/contacts/event.hpp"
#include "controller/contacts/roster_query.hpp"
#include "controller/controller.hpp"
#include "controller/messages/block_lists.hpp"
#include "server/delivery/fanout.hpp"
#include "server/pipeline/transaction.hpp"
#include "server/presence/interests.hpp"
#include "server/presence/last_items.hpp"
#include "server/presence/stanza.hpp"
#include "server/session/registry.hpp"

namespace grid::server {

/// Presence is soft state here; rosters are the controller's. A broadcast to
/// many contacts is done in slices, one session's after the other, so that what a session says is
/// heard in order. Presence that was overtaken before it went out is left out. In a cluster each
/// member broadcasts the presence of all sessions, wherever they are, to those that are its own:
/// what crosses the way between members is what a session said, once.
class Presence {
public:
    /// Puts work behind what the core strand has to do already. Any thread.
    using Post = std::function<void(std::function<void()> work)>;

    Presence(
        Post post,
        controller::Controller& controller,
        pubsub::Broker& broker,
        SessionRegistry& sessions,
        Fanout& fanout,
        Interests& interests,
        LastItems& last_items
    )
        : post_(std::move(post)),
          controller_(controller),
          broker_(broker),
          sessions_(sessions),
          fanout_(fanout),
          interests_(interests),
          last_items_(last_items) {}
    ~Presence();
    Presence(const Presence&) = delete;

    /// `hold` calls its function when the other members of a cluster know the presence that the
    /// session has said: it is broadcast then. Empty: at once.
    void attach(std::function<void(const Session& session, std::function<void()> go_on)> hold) {
        hold_ = std::move(hold);
    }

    /// The session is available, and says so to its contacts; when it was not before, it gets
    /// theirs, and the requests that wait for the account's answer (§4.2, §3.1.3).
    void announce(
        const SessionPtr& session, std::string rest, const std::optional<presence::Caps>& caps
    );
    /// The session's client has answered the question about its capabilities.
    void learned(const SessionPtr& session, const presence::Capabilities& answer);
    /// The session is not available any more (§4.5). `rest`: what it said; empty: nothing. A
    /// session that was not available is passed by.
    void withdraw(const SessionPtr& session, std::string rest = {});
    /// The session is gone. After `withdraw`.
    void forget(const Session& session) { said_.erase(session.id); }

    /// Presence for one addressee (§4.6): available or unavailable.
    std::optional<xml::StanzaError> direct(
        const SessionPtr& session, const xml::Jid& to, const presence::Stanza& stanza
    );
    /// The session sends something to the account: presence that it said before and which is still
    /// on its way goes there first (RFC 6120 §10.1).
    void tell_first(const Session& session, std::string_view account);
    /// The same of a stanza that a session elsewhere sent to that one.
    void tell_first_of(std::string_view stanza, const Session& target);
    /// Presence that another member of the cluster sent to a session here.
    void deliver(const SessionPtr& session, xml::Bytes stanza);
    /// The last words of a session, for other members of a cluster.
    struct Words {
        std::uint64_t number = 0;   // of all that it said; 0: it said nothing
        xml::Bytes rest;            // as a session's below
        bool is_available = false;
    };
    Words words_of(const Session& session) const;
    /// A session moves from one member of a cluster to another: what is to be known there of its
    /// presence. Contacts hear nothing of it.
    HandedPresence handed_over(const Session& session) const;
    /// The session has gone there, or come here, under the same number. `handed`: with that
    /// presence.
    void gone(const SessionPtr& there);
    void come(const SessionPtr& here, const HandedPresence& handed);
    /// How often anybody has said something: whether anything was missed that was said meanwhile.
    std::uint64_t said_count() const { return said_count_; }
    /// Roster items that changed behind that revision, and the presence of contacts where
    /// `is_missed`, are told to the session again.
    void tell_missed(const Session& session, storage::Revision told, bool is_missed);
    /// Whether that address knows the presence of the session, by a subscription or since it was
    /// directed there (§8.5.3.1). The session is here.
    bool is_shared(const Session& session, const xml::Jid& with) const;
    /// Whether that node is the version of abilities that the session's client has named
    /// (XEP-0115).
    bool has_named(const Session& session, std::string_view node) const;
    /// A client's own question (§4.3).
    void probe(const SessionPtr& session, const xml::Jid& to, const presence::Stanza& stanza);
    /// To one resource (§8.5.3): an error about presence that it sent.
    void relay_error(const SessionPtr& session, const xml::Jid& to, const presence::Stanza& stanza);

    /// The answer and the pushes go to the session; a get makes it an interested resource (§2.2).
    std::unique_ptr<Transaction> make_transaction(
        const SessionPtr& session,
        const xml::Element& iq,
        controller::contacts::RosterRequest request
    );
    /// A subscription stanza (§3). Only a refusal is answered.
    std::unique_ptr<Transaction> make_transaction(
        const SessionPtr& session, const xml::Jid& to, presence::Stanza stanza
    );

    /// A batch of the rosters was applied.
    void notify(const storage::Committed& committed);
    /// Batches behind that revision were applied without being told: sessions get the items that
    /// changed since, and their contacts' presence anew.
    void on_feed_gap(storage::Revision told);
    /// The clock: rights that changed, sessions with room for what was left out, broadcasts whose
    /// pause is over.
    void tick(std::chrono::steady_clock::time_point now);

private:
    using Effect = controller::contacts::Effect;
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Walk;
    struct Said;
    void push_changed(const Said& said, storage::Revision told);
    /// The presence of a session.
    struct Said {
        SessionPtr session;
        xml::Bytes rest;       // the last presence, behind `<presence to='…'`; null: not available
        xml::Bytes farewell;   // what it said instead, when it is not; null: nothing
        std::uint64_t number = 0;         // of all that it said
        std::set<std::string> directed;   // addressees of directed presence
        /// Contacts that the policy or a block list keeps its presence from; full JIDs: sessions of
        /// other contacts, that a block list does.
        std::set<std::string> withheld;
        bool is_interested = false;   // asked for the roster
        std::unique_ptr<Walk> next;   // begins when those before it are done
        TimePoint next_from;          // not before
        /// Walks that wait until other members know of what they tell, the oldest first.
        std::vector<std::shared_ptr<Walk>> held;
    };
    using SaidPtr = std::shared_ptr<Said>;

    /// A walk over the contacts of one session.
    struct Walk {
        SaidPtr said;
        xml::Bytes rest;             // is told to contacts; null: nothing is
        bool is_available = false;   // `rest` says that it is
        bool is_initial = false;     // it was not available before
        bool was_heard = false;      // contacts may have heard of it all the same
        /// Of an end: addressees of directed presence, and what each is told.
        std::map<std::string, xml::Bytes> directed = {};
        /// Accounts that were told before their turn, since the session sent them more; false: not
        /// yet of `rest`, which was another one then.
        std::map<std::string, bool> ahead = {};
        bool looks_at_rights = false;   // only contacts about whom the policy has changed are told
        bool is_refresh = false;        // contacts' presence is told again, absence too
        enum class Stage : std::uint8_t { Own, Contacts, Directed, Probes, Requests, Done };
        Stage stage = Stage::Own;
        std::string at;   // the last contact of the stage that was looked at
        std::size_t looked = 0;
        std::size_t told = 0;   // stanzas

        bool was_heard_by(const std::string& account) const {
            return !is_initial || was_heard || ahead.contains(account);
        }
        bool is_told_to(const std::string& account) const {
            const auto found = ahead.find(account);
            return found != ahead.end() && found->second;
        }
    };

    SaidPtr said_of(const SessionPtr& session);
    const Said* find(const Session& session) const;
    bool is_available(const Session& session) const;
    bool may_hear(const Session& session) const;

    void add(Walk walk);
    void add_when_told(Walk walk);
    void let_go(const std::shared_ptr<Walk>& held);
    void plan();
    void work();
    /// False: the deadline came first.
    bool go_on(Walk& walk, TimePoint deadline);
    bool is_telling() const {
        return walk_ || !waiting_.empty() || !pausing_.empty() || held_ != 0;
    }
    void tell_ahead(Walk& walk, const std::string& account);
    void tell_own(const Walk& walk);
    void tell_contact(const Walk& walk, const std::string& contact);
    void tell_directed(const Walk& walk, const std::string& to, const xml::Bytes& rest);
    void end_directed(const SessionPtr& session);
    void ask_contact(const Walk& walk, const std::string& contact);
    void deliver_request(const Walk& walk, const std::string& contact);
    bool begin_next();
    bool begin_looking_at_rights();
    void look_again(const SaidPtr& said);
    void look_again(const controller::BlockEvent& event);
    void take_step(const SessionPtr& session, Interests::Step step, bool is_initial);
    void look_at_nodes(const controller::BlockEvent& event);

    /// To all available resources of the account; false: there is none. Those that the presence of
    /// `teller` is withheld from are passed by.
    /// `is_directed`: those elsewhere, too; other presence each member tells its own.
    bool tell_account(
        std::string_view bare,
        const std::string& rest,
        const Said* teller = nullptr,
        bool is_directed = false
    );
    void tell_resources(const Walk& walk, const std::string& contact, bool was_withheld);
    void tell_session(
        const SessionPtr& target,
        std::string_view to,
        const std::string& rest,
        bool is_directed = false
    );
    void put(const SessionPtr& target, xml::Bytes bytes);
    void say(
        const SessionPtr& target, const xml::Jid& from, std::string_view type, std::string_view id
    );
    bool has_directed(const Session& session, const xml::Jid& to) const;
    void answer_stranger(
        const SessionPtr& asker, const SessionPtr& target, const xml::Jid& to, std::string_view id
    );
    void forget_directed(const Session& target, const xml::Jid& from);
    std::size_t tell_presence_of(std::string_view contact, const SessionPtr& target);

    void perform(const Effect& effect, storage::Revision revision);
    void push(const Effect& effect, storage::Revision revision);
    void tell_subscription(const Effect& effect);
    void show(const Effect& effect);
    void hide(const Effect& effect);

    Post post_;
    std::function<void(const Session&, std::function<void()>)> hold_;
    controller::Controller& controller_;
    pubsub::Broker& broker_;
    SessionRegistry& sessions_;
    Fanout& fanout_;
    Interests& interests_;
    LastItems& last_items_;
    std::map<std::uint64_t, SaidPtr> said_;     // by session
    std::optional<Walk> walk_;                  // under way
    std::deque<SaidPtr> waiting_;               // those with a `next`, in their order
    std::deque<SaidPtr> pausing_;               // those whose `next` has to wait for the clock
    std::set<std::uint64_t> behind_;            // sessions that presence was left out for
    std::uint64_t rights_ = 0;                  // revision of the rights that were looked at
    std::optional<std::uint64_t> looking_at_;   // the session behind which the look goes on
    bool is_planned_ = false;
    std::size_t held_ = 0;   // walks, of all sessions
    std::size_t told_ = 0;   // stanzas, to anybody
    std::uint64_t said_count_ = 0;
    TimePoint now_;   // of the last tick
};

}   // namespace grid::server
