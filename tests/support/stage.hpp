// tests/support/stage.hpp: the broker on a stage: clients send stanzas of the XEP and receive
// them.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "caller_pipeline.hpp"
#include "pubsub/broker.hpp"
#include "pubsub/model/memory.hpp"
#include "storage/memory_store.hpp"

namespace grid::test {

/// Allows everything until told otherwise.
class ScriptedPolicy final : public pubsub::AccessPolicy {
public:
    using Rule = std::function<bool(std::string_view actor, pubsub::Right, std::string_view node)>;

    Rule rule;   // nullptr: allow
    std::function<
        bool(std::string_view actor, pubsub::Right, std::string_view node, std::string_view type)>
        typed;   // asked besides
    std::function<bool(std::string_view subscriber, std::string_view node)> receives;
    std::set<std::string, std::less<>> administrators;
    std::uint64_t number = 1;
    mutable std::vector<std::string> refusals;   // "actor operation node"

    pubsub::Verdict check(
        const pubsub::Principal& actor,
        pubsub::Right operation,
        std::string_view node,
        std::string_view type
    ) const override;
    bool may_receive(const xml::Jid& subscriber, std::string_view node, std::string_view type)
        const override;
    bool is_administrator(const pubsub::Principal& actor) const override;
    std::uint64_t revision() const override { return number; }
    void record_allowed(
        storage::Batch& /*batch*/,
        const pubsub::Principal& /*actor*/,
        const std::vector<pubsub::Deed>& /*deeds*/,
        std::string_view /*node*/,
        const pubsub::Verdict& /*verdict*/
    ) const override {}
    void refused(
        const pubsub::Principal& actor,
        const pubsub::Deed& deed,
        std::string_view node,
        const pubsub::Verdict& verdict
    ) const override;
};

/// No account knows another until told otherwise. `is_there` counts from the next restart on.
struct ScriptedContacts final : pubsub::Contacts {
    bool is_there = false;
    std::set<std::pair<std::string, std::string>> known;   // owner, contact
    std::map<std::pair<std::string, std::string>, std::string> groups;

    bool has_presence_subscription(const xml::Jid& owner, const xml::Jid& contact) const override {
        return known.contains({owner.str(), contact.str()});
    }
    bool is_in_group(
        const xml::Jid& owner, const xml::Jid& contact, const std::vector<std::string>& wanted
    ) const override {
        const auto found = groups.find({owner.str(), contact.str()});
        return found != groups.end() &&
               std::find(wanted.begin(), wanted.end(), found->second) != wanted.end();
    }
    std::set<std::pair<std::string, std::string>> apart;    // owner, contact: no messages pass
    std::set<std::pair<std::string, std::string>> wishes;   // full JID, node

    bool may_reach(const xml::Jid& owner, const xml::Jid& contact) const override {
        return !apart.contains({owner.str(), contact.str()});
    }
    void each_interested(
        const xml::Jid& owner,
        std::string_view node,
        std::string_view account,
        const VisitSession& visit
    ) const override {
        for (const auto& [full, wanted] : wishes) {
            const auto jid = *xml::Jid::parse(full);
            const bool is_meant = account.empty() || account == jid.bare_view();
            if (wanted == node && is_meant &&
                (jid.bare() == owner || has_presence_subscription(owner, jid.bare())))
                visit(jid);
        }
    }
    bool is_available() const override { return is_there; }
};

/// A broker on the server's pipeline and a MemoryStore.
class Stage : public pubsub::NotificationSink {
public:
    static constexpr const char* service = "pubsub.grid.example";

    Stage();
    static pubsub::Settings default_settings();
    /// A new broker with other settings on the same store, as after a restart.
    void restart(pubsub::Settings settings);
    void restart() { restart(settings_); }
    void advance(storage::Millis by);
    /// Batches wait until run(), so that they meet in one group.
    void hold() { is_held_ = true; }
    void run();

    // A client's view. `stanza` is in jabber:client; `to` is the service unless it says otherwise.
    void sends(const std::string& from, const std::string& stanza);
    /// The next stanza for `who` that looks like that. Where the expected one has an element it
    /// must look the same; attributes and children that are not mentioned: attributes may be there,
    /// children only where the expected element contains the text `...`.
    void receives(const std::string& who, const std::string& stanza);
    void receives_nothing(const std::string& who);
    /// Forgets what was sent to anybody.
    void forget() { inboxes_.clear(); }
    /// The next stanza for `who`, whatever it is.
    xml::Element next(const std::string& who);

    // Shorthands: `<iq type id><pubsub xmlns=…>inner</pubsub></iq>`.
    void set(const std::string& from, const std::string& id, const std::string& inner);
    void get(const std::string& from, const std::string& id, const std::string& inner);
    void owner_set(const std::string& from, const std::string& id, const std::string& inner);
    void owner_get(const std::string& from, const std::string& id, const std::string& inner);
    void result(const std::string& who, const std::string& id, const std::string& inner = "");
    /// An error with these conditions in this order, and a text.
    void error(
        const std::string& who,
        const std::string& id,
        const std::string& type,
        const std::string& condition,
        const std::string& application = ""
    );
    /// `<message><event>inner</event></message>` for a subscriber.
    void event(const std::string& who, const std::string& inner);

    // Preparations: done, and the answers checked and taken.
    void creates(const std::string& who, const std::string& node, const std::string& fields = "");
    void configures(const std::string& who, const std::string& node, const std::string& fields);
    void subscribes(const std::string& who, const std::string& node, const std::string& jid);
    void affiliates(
        const std::string& owner,
        const std::string& node,
        const std::string& jid,
        const std::string& affiliation
    );
    void publishes(const std::string& who, const std::string& node, const std::string& id);

    /// Sends the items that this resource has not received after that position, as at its login.
    void replays(const std::string& full, pubsub::Position after = {});
    /// Commits what is due until nothing is.
    std::size_t work_off();
    void sweep();
    /// A batch of the service's own.
    void submit(storage::Batch batch);
    std::string subid(const std::string& who, const std::string& node, const std::string& jid);

    pubsub::Broker& engine() { return *engine_; }
    storage::MemoryStore& store() { return *store_; }
    /// Fed with the same changes as the broker; a dump of it can be compared.
    const pubsub::Memory& memory() const { return *memory_; }
    const pubsub::Settings& settings() const { return settings_; }
    std::size_t rounds() const { return rounds_; }   // decisions taken again after a conflict

    ScriptedPolicy policy;
    ScriptedContacts contacts;

    // pubsub::NotificationSink
    void notify(pubsub::Notification notification) override;
    void audience_changed(std::uint64_t) override {}
    void node_removed(std::uint64_t) override {}
    void replay_from(const xml::Jid& subscriber, std::uint64_t node, storage::Revision after)
        override;

private:
    void queue(const xml::Element& stanza, pubsub::PreparedRequest prepared);
    void answer(const xml::Element& stanza, std::variant<xml::StanzaError, pubsub::Reply> answer);
    void deliver_owed(
        const xml::Jid& full, pubsub::Position after, const pubsub::EarlierStarts& earlier
    );
    void apply(const storage::KeyChange& change);
    storage::Revision rescan();
    void deliver(const std::string& to, xml::Element stanza);
    bool take(const std::string& who, const xml::Element& expected);

    pubsub::Settings settings_;
    std::unique_ptr<pubsub::Broker> engine_;
    std::unique_ptr<pubsub::Memory> memory_;
    std::unique_ptr<storage::MemoryStore> store_;
    std::unique_ptr<CallerPipeline> pipeline_;
    std::map<std::string, std::deque<xml::Element>> inboxes_;
    std::uint64_t next_fresh_ = 1;
    std::size_t rounds_ = 0;
    storage::Millis now_ = storage::MemoryStore::time_at_start;
    bool is_held_ = false;
};

/// One stanza, in jabber:client.
xml::Element parse_stanza(const std::string& text);

inline const std::string pubsub_ns = "http://jabber.org/protocol/pubsub";

/// The same of pubsub#subscribe_options; a field that is named twice has two values.
std::string options_form(const std::string& fields);
/// `<x type='submit'>` of pubsub#node_config with `pubsub#name=value` fields, written "name=value
/// …".
std::string config_form(const std::string& fields);

}   // namespace grid::test
