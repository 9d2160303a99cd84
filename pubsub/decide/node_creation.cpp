// pubsub/decide/node_creation.cpp: see pubsub/decide/node_creation.hpp.
#include "pubsub/decide/node_creation.hpp"

#include "pubsub/decide/collections/collections.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/room_guard.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/options/node_form.hpp"
#include "pubsub/pages/account_nodes.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;

namespace {

/// How many creations may be in the queue at once.
constexpr std::size_t nodes_slack = 4096;

}   // namespace

/// Creations that are in the queue together must not pass a limit together: near it, they meet.
std::optional<xml::StanzaError> check_nodes_room(
    const BrokerState& broker, const Context& context, const std::string& name, Batch& batch
) {
    if (auto error = check_account_nodes(broker, name)) return error;
    if (is_personal(name)) meet(broker, account_guard("own-nodes", owner_in(name)), batch);
    const std::size_t share = broker.settings.nodes_per_account_max;
    const std::string_view bare = context.actor.jid.bare_view();
    const MadeBy made = broker.memory.made_by(bare);
    // A node takes the place of the name that it had left behind.
    const MovedName* moved = broker.memory.find_moved(name);
    const std::size_t freed = moved && moved->maker == bare ? 1 : 0;
    const std::size_t mine = made.nodes + made.moved_names - freed;
    const bool is_bounded = !is_trusted(broker, context.actor);
    if (is_bounded && mine >= share)
        return refuse(
            Errc::ResourceConstraint, "One account makes at most " + std::to_string(share) +
                                          " nodes, and names of nodes that moved "
                                          "(pubsub.nodes_per_account_max)."
        );
    if (is_bounded && mine + account_slack >= share)
        meet(broker, account_guard("nodes", bare), batch);
    const std::size_t nodes = broker.memory.by_name().size(), most = broker.settings.nodes_max;
    if (nodes >= most)
        return refuse(
            Errc::ResourceConstraint,
            "This service keeps at most " + std::to_string(most) + " nodes (pubsub.nodes_max)."
        );
    if (nodes + nodes_slack >= most) meet(broker, nodes_guard, batch);
    return std::nullopt;
}

void infer_admission(
    const BrokerState& broker, const Context& context, const xml::Form& form, NodeConfig& config
) {
    const bool is_given = form.field("pubsub#access_model") && !form.field("x-grid#admission");
    if (is_given && !is_trusted(broker, context.actor)) config.admission = Admission::Owner;
}

Checked<NodeConfig> configure_new(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    const std::optional<xml::Form>& form
) {
    const Settings& settings = broker.settings_of(name);
    NodeConfig config = default_config(settings, name);
    if (form && form->type != "cancel") {
        if (auto error = fill_in(config, *form, settings)) return *error;
        infer_admission(broker, context, *form, config);
    }
    return config;
}

Checked<Batch> start_creation(
    const BrokerState& broker,
    const Context& context,
    const std::string& name,
    const NodeConfig& config,
    const std::optional<xml::Form>& form,
    bool is_type_learned
) {
    if (broker.settings_of(name).strict_type && config.type.empty() && !config.is_collection())
        return refuse(
            Errc::ConfigurationRequired, "Say what the payloads are: configure pubsub#type."
        );
    NodeRecord record;
    record.name = name;
    record.creator = context.actor.jid.bare_view();
    record.created = context.now;
    record.is_type_learned = is_type_learned;
    record.config = config;
    const MovedName* moved = broker.memory.find_moved(name);
    Batch batch;
    if (auto error = check_nodes_room(broker, context, name, batch)) return *error;
    batch.expect(Family::Control, name_key(name), moved ? moved->revision : 0);
    batch.put(Family::Control, name_key(name), encode(NameRecord{}));
    batch.put_at_revision(Family::Control, node_key(uid_of_this_batch), uid_at, encode(record));
    if (!record.creator.empty())
        batch.put_at_revision(
            Family::Control, affiliation_key(uid_of_this_batch, record.creator), uid_at,
            encode(AffiliationRecord{Affiliation::Owner, false})
        );
    batch.event = encode(NodeCreated{uid_of_this_batch});
    if (!form) return batch;
    GraphChange graph(broker, context);
    if (auto error = graph.take_form({nullptr, &config}, *form)) return *error;
    if (auto error = graph.write(batch)) return *error;
    return batch;
}

}   // namespace grid::pubsub
