// pubsub/engine.hpp: the XEP-0060 service: requests in, decisions out; memory follows the store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pubsub/ports.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"
#include "storage/store.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

/// What the operator configures ([pubsub] in gridd.toml). Immutable while the engine lives.
struct Settings {
    xml::Jid service;          // canonical address, `pubsub.D`
    bool allow_open = false;   // pubsub.access_open
    std::string default_access_model = "whitelist";
    std::size_t nodes_max = 100'000;
    std::size_t node_name_bytes_max = 1023;
    std::size_t item_id_bytes_max = 1023;
    std::size_t max_items_max = 1'000'000;   // what `max` means
    std::size_t max_items_default = 1'000;
    std::size_t payload_bytes_max = 256 * 1024;
    std::size_t subscriptions_per_node_max = 200'000;
    std::size_t subscriptions_per_account_max = 10'000;
    std::size_t page_max = 500;
    /// Default `pubsub#type` by NodeID glob, first match wins.
    std::vector<std::pair<std::string, std::string>> types;
    bool strict_type = false;   // refuse creation without a type
    /// Payloads of overwritten and trimmed items stay on disk, for an archive that has retention.
    bool keep_history = false;
    std::size_t page_bytes_max = 1024 * 1024;   // payloads in one answer (at least one item)
    /// COMPAT(xmpp-grid-broker 2018): publish, retract and purge are taken as iq of type get too.
    bool write_by_get = false;
    /// Further `pubsub#…` features to advertise, for clients that insist on them.
    std::vector<std::string> advertise;
};

/// One subscriber as fan-out needs it.
struct Subscriber {
    xml::Jid jid;   // as subscribed: bare or full
};

/// A node as administration and disco show it.
struct NodeView {
    std::uint64_t uid = 0;
    std::string name, title, type, access_model, publish_model;
    std::size_t items = 0, subscriptions = 0, publishers = 0;
    storage::Millis created = 0;
    std::string creator;
};

/// All members on the grid strand, except prepare (any thread).
class Engine final : public IqService {
public:
    Engine(Settings settings, const AccessPolicy& policy, const Contacts& contacts);
    ~Engine() override;

    /// pubsub, pubsub#owner, disco#info and disco#items requests to the service address.
    std::optional<Result<Prepared, xml::StanzaError>> prepare(const IqRequest& request) override;
    /// A message to the service: answers to §8.6 approval requests. Nothing for any other message.
    std::optional<Prepared> prepare_message(const xml::Element& message);

    /// Memory follows one key change, in commit order or from a scan. Never notifies.
    void apply(const storage::KeyChange& change);
    /// Tells subscribers what a committed batch meant; after apply of all its operations.
    void notify(const storage::Committed& committed, Notifier& notifier);
    /// Called once after the scan at start.
    void scan_finished();
    /// After a gap in the feed: forgets everything, before the state is scanned again. Audiences
    /// that were asked for earlier must be asked for again.
    void scan_started();

    /// Background work that is due: trims, expiry, erasing what is unreachable. Each is one bounded
    /// batch, decided against the present state; empty when nothing is due.
    std::vector<storage::Batch> due(storage::Millis now, std::size_t batches_max);

    /// Who gets this node's notifications now: subscribed, delivering, and allowed by the policy in
    /// force. A removed node's last audience stays known until its trash is erased.
    std::vector<Subscriber> audience(std::uint64_t node) const;
    /// Nodes in which this bare JID has a subscription.
    std::vector<std::uint64_t> subscribed_nodes(const xml::Jid& bare) const;
    /// Whether the account has any subscription whose check is older than the policy in force; and
    /// a bounded batch of removals for those that fail now (design §2, authorization in time).
    std::vector<storage::Batch> sweep(std::size_t subscriptions_max);
    /// Whether a sweep for the policy in force is not finished: it may go on after an empty slice.
    bool is_sweep_pending() const;

    std::vector<NodeView> nodes(std::string_view after, std::size_t max) const;
    std::optional<NodeView> node(std::string_view name) const;
    std::size_t node_count() const;
    std::size_t item_count() const;
    std::size_t subscription_count() const;
    /// What the index of items holds in memory.
    std::size_t item_memory_bytes() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}   // namespace grid::pubsub
