// pubsub/engine.cpp: takes requests apart, sends each to what decides it. Dispatch only.
#include "pubsub/engine.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "pubsub/access.hpp"
#include "pubsub/audience.hpp"
#include "pubsub/background.hpp"
#include "pubsub/bounces.hpp"
#include "pubsub/broker.hpp"
#include "pubsub/concealment.hpp"
#include "pubsub/deeds.hpp"
#include "pubsub/leases.hpp"
#include "pubsub/node_config_form.hpp"
#include "pubsub/node_views.hpp"
#include "pubsub/notification.hpp"
#include "pubsub/publish_parts.hpp"
#include "pubsub/replay.hpp"
#include "pubsub/request_parse.hpp"
#include "pubsub/rights_walk.hpp"
#include "pubsub/subtopic.hpp"
#include "pubsub/subtopic_upkeep.hpp"
#include "pubsub/sweep.hpp"
#include "pubsub/use_cases.hpp"
#include "pubsub/walk_beneath.hpp"

namespace grid::pubsub {

struct Engine::State {
    State(Settings settings, const AccessPolicy& policy, const Contacts& contacts)
        : broker(std::make_unique<Broker>(std::move(settings), policy, contacts)) {}

    std::unique_ptr<Broker> broker;
    BackgroundCursor background;
    Leases leases;
    Bounces bounces;
    SweepCursor sweep;
    SubtopicUpkeep subtopics;
};

namespace {

Prepared prepare_request(const Broker& broker, Request request) {
    Prepared prepared;
    const auto* publish = std::get_if<Publish>(&request);
    prepared.order = publish ? Order::Pipelined : Order::Barrier;
    prepared.bytes = sizeof(Request) + (publish ? publish->payload.size() : 0);
    prepared.decide = [&broker, shared = std::make_shared<const Request>(std::move(request)
                                )](const Context& context) {
        return conceal(broker, context, *shared, decide_on_record(broker, context, *shared));
    };
    return prepared;
}

/// A publish that could not be parsed is on record like one that the policy refused, though nothing
/// of it could be decided.
std::optional<Prepared> prepare_refusal(
    const Broker& broker, const IqRequest& request, const xml::StanzaError& error
) {
    const xml::Element* publish = request.payload ? request.payload->child("publish") : nullptr;
    if (publish == nullptr) return std::nullopt;
    Prepared prepared;
    prepared.order = Order::Pipelined;
    prepared.bytes = sizeof(xml::StanzaError) + error.text.size();
    const std::string node(publish->attr_or("node", ""));
    prepared.decide = [&broker, node, error](const Context& context) {
        return refuse_on_record(broker, context, node, error);
    };
    return prepared;
}

}   // namespace

Engine::Engine(Settings settings, const AccessPolicy& policy, const Contacts& contacts)
    : state_(std::make_unique<State>(std::move(settings), policy, contacts)) {}

Engine::~Engine() = default;

std::optional<Result<Prepared, xml::StanzaError>> Engine::prepare(const IqRequest& request) {
    const Broker& broker = *state_->broker;
    auto parsed = parse_request(request, broker.settings);
    if (!parsed) return std::nullopt;
    if (!*parsed) {
        if (auto refusal = prepare_refusal(broker, request, parsed->error()))
            return Result<Prepared, xml::StanzaError>(std::move(*refusal));
        return Result<Prepared, xml::StanzaError>(parsed->error());
    }
    if (auto* publish = std::get_if<Publish>(&**parsed))
        ask_about_payload(broker, request, *publish);
    return Result<Prepared, xml::StanzaError>(prepare_request(broker, std::move(**parsed)));
}

void Engine::attach(const ContentFilter& filter) { state_->broker->filter = &filter; }

void Engine::attach(const PayloadSchemas& schemas) { state_->broker->schemas = &schemas; }

void Engine::report_faults(PayloadFaults::Report report) {
    state_->broker->faults.report_to(std::move(report));
}

const PayloadFaults& Engine::payload_faults() const { return state_->broker->faults; }

std::optional<Prepared> Engine::prepare_message(const xml::Element& message) {
    if (auto bounce = parse_bounce(message))
        return prepare_request(*state_->broker, std::move(*bounce));
    if (is_approval_given_up(message)) {
        Prepared nothing;
        nothing.decide = [](const Context&) { return Decision(Reply{}); };
        return nothing;
    }
    auto approval = parse_approval(message);
    if (!approval) return std::nullopt;
    return prepare_request(*state_->broker, std::move(*approval));
}

void Engine::apply(const storage::KeyChange& change) { state_->broker->memory.apply(change); }

void Engine::notify(const storage::Committed& committed, Notifier& notifier) {
    Announcer announce(*state_->broker, committed, notifier);
    for (const Event& event : decode_events(committed.batch.event)) {
        std::visit(announce, event);
        if (const auto* gone = std::get_if<ItemsRetracted>(&event); gone && gone->hidden_up_to != 0)
            state_->broker->memory.told_of_hiding(
                gone->node, gone->hidden_after, gone->hidden_up_to
            );
        if (const auto* configured = std::get_if<NodeConfigured>(&event))
            state_->sweep.configured.insert(configured->node);
        if (const auto* bounced = std::get_if<Bounced>(&event))
            count_bounce(*bounced, committed.time);
    }
}

void Engine::scan_started() {
    state_->broker->memory.forget();
    state_->broker->filter_indexes = {};   // they point into memory
    state_->broker->extracts = {};
}

void Engine::count_bounce(const Bounced& bounced, storage::Millis now) {
    const Broker& broker = *state_->broker;
    if (!state_->bounces.count(bounced, now, broker.settings.bounces_max)) return;
    state_->leases.end_all(broker.memory, xml::Jid::from_canonical(bounced.jid), bounced.node);
}

void Engine::scan_finished() {
    state_->broker->memory.scan_finished();
    state_->leases.started(state_->broker->memory);
}

void Engine::session_ended(const xml::Jid& full, bool is_last_of_account) {
    state_->leases.session_ended(state_->broker->memory, full, is_last_of_account);
}

std::vector<storage::Batch> Engine::due(storage::Millis now, std::size_t batches_max) {
    auto batches = state_->leases.due(*state_->broker, now, batches_max);
    for (auto& batch :
         due_batches(*state_->broker, state_->background, now, batches_max - batches.size()))
        batches.push_back(std::move(batch));
    if (batches.size() < batches_max)
        for (auto& batch :
             state_->subtopics.due(*state_->broker, now, batches_max - batches.size()))
            batches.push_back(std::move(batch));
    return batches;
}

std::vector<WantedExtract> Engine::take_wanted() { return state_->broker->extracts.take_wanted(); }

std::vector<FoundExtract> Engine::look_up(
    const storage::Snapshot& snapshot, const std::vector<WantedExtract>& wanted
) const {
    std::vector<FoundExtract> found;
    for (const WantedExtract& one : wanted)
        found.push_back(find_extract(snapshot, one, *state_->broker->filter, state_->broker->faults)
        );
    return found;
}

void Engine::learn(std::vector<FoundExtract> found) {
    state_->broker->extracts.learn(std::move(found));
}

std::vector<Subscriber> Engine::audience(std::uint64_t node, AudienceKind kind) const {
    const Node* found = state_->broker->memory.find(node);
    return found ? audience_of(*state_->broker, *found, kind) : std::vector<Subscriber>();
}

std::vector<Subscriber> Engine::audience(
    std::uint64_t node, AudienceKind kind, std::string_view bare
) const {
    const Node* found = state_->broker->memory.find(node);
    return found ? audience_of_account(*state_->broker, *found, kind, bare)
                 : std::vector<Subscriber>();
}

storage::Revision Engine::position(std::string_view jid) const {
    const auto& positions = state_->broker->memory.positions();
    const auto found = positions.find(std::string(jid));
    return found == positions.end() ? 0 : found->second.told;
}

bool Engine::is_subscriber(const xml::Jid& jid) const {
    return !state_->broker->memory.subscribed_nodes(jid.bare_view()).empty();
}

Owed Engine::owed(
    const xml::Jid& full,
    Position after,
    const EarlierStarts& earlier,
    std::size_t items_max,
    std::size_t bytes_max
) const {
    return find_owed(*state_->broker, full, after, earlier, items_max, bytes_max);
}

std::optional<Notification> Engine::owed_message(
    const OwedItem& item, const xml::Jid& subscriber, std::string_view payload
) const {
    return pubsub::owed_message(*state_->broker, item, subscriber, payload);
}

std::vector<Notification> Engine::owed_messages(
    const std::vector<const OwedItem*>& sources,
    const xml::Jid& subscriber,
    std::string_view payload
) const {
    return pubsub::owed_messages(*state_->broker, sources, subscriber, payload);
}

std::vector<PresenceStart> Engine::starts_at_presence(const xml::Jid& full) const {
    return pubsub::starts_at_presence(*state_->broker, full);
}

std::vector<storage::Batch> Engine::note_positions(
    const std::vector<std::pair<std::string, storage::Revision>>& positions
) const {
    return position_batches(*state_->broker, positions);
}

std::optional<storage::Batch> Engine::switch_node(std::string_view name, bool is_enabled) const {
    return pubsub::switch_node(*state_->broker, name, is_enabled);
}

bool Engine::holds_anything_of(std::string_view bare) const {
    const Memory& memory = state_->broker->memory;
    return !memory.affiliated_nodes(bare).empty() || !memory.subscribed_nodes(bare).empty();
}

std::vector<std::uint64_t> Engine::subscribed_nodes(const xml::Jid& bare) const {
    const Memory& memory = state_->broker->memory;
    std::unordered_set<std::uint64_t> nodes;
    for (const auto& [uid, count] : memory.subscribed_nodes(bare.bare_view())) {
        nodes.insert(uid);
        const Node* node = memory.find(uid);
        if (!node) continue;
        if (node->config().is_collection())
            walk_beneath(memory.tree(), uid, [&](const Relative& relative) {
                return nodes.insert(relative.node->uid).second;
            });
        if (node->filtered.empty()) continue;
        for (const auto& [filter, subtopic] : node->subtopics) nodes.insert(subtopic->uid);
    }
    return {nodes.begin(), nodes.end()};
}

bool Engine::is_in_audience(const xml::Jid& subscriber, std::uint64_t node) const {
    return is_told(*state_->broker, subscriber, node);
}

bool Engine::may_be_told_of(const Principal& session, std::uint64_t node) const {
    const Node* found = state_->broker->memory.find(node);
    return found && pubsub::may_be_told_of(*state_->broker, session, *found);
}

bool Engine::may_receive_here(const Principal& session, std::uint64_t node) const {
    return may_hear_here(*state_->broker, session, node);
}

HolderPage Engine::holders(const HolderCursor& after, std::size_t max) const {
    return holders_after(*state_->broker, after, max);
}

std::vector<storage::Batch> Engine::sweep(std::size_t subscriptions_max) {
    return sweep_batches(*state_->broker, state_->sweep, subscriptions_max);
}

bool Engine::is_sweep_pending() const {
    return pubsub::is_sweep_pending(*state_->broker, state_->sweep);
}

bool Engine::is_sweep_at_start() const { return state_->sweep.is_at_start(); }
Decision Engine::join_subtopic(const Context& context, const JoinSubtopic& request) const {
    Telling telling{{Operation::Subscribe, "subscribe", {}, {}, {}}, {}, false, false};
    if (request.jid.bare_view() != context.actor.jid.bare_view())
        telling.deed.target = request.jid.bare_view();
    Telling* const outer = std::exchange(context.telling, &telling);
    Decision decision = decide(*state_->broker, context, request);
    context.telling = outer;
    return decision;
}

std::vector<SubtopicView> Engine::subtopics(std::string_view topic) const {
    return views_of_subtopics(*state_->broker, topic);
}

std::optional<storage::Batch> Engine::make_subtopic_collection(
    std::string_view topic, storage::Millis now
) const {
    return subtopic_collection(*state_->broker, topic, now);
}

std::vector<NodeView> Engine::nodes(std::string_view after, std::size_t max) const {
    const auto& nodes = state_->broker->memory.by_name();
    std::vector<NodeView> views;
    for (auto at = nodes.upper_bound(after); at != nodes.end() && views.size() < max; ++at)
        views.push_back(view_of(*state_->broker, *at->second));
    return views;
}

std::optional<NodeView> Engine::node(std::string_view name) const {
    const Node* node = state_->broker->memory.find(name);
    if (!node) return std::nullopt;
    return view_of(*state_->broker, *node);
}

std::vector<std::pair<std::string, std::string>> Engine::publishers(
    std::string_view name, std::size_t max
) const {
    std::vector<std::pair<std::string, std::string>> found;
    const Node* node = state_->broker->memory.find(name);
    if (!node) return found;
    for (const auto& [bare, entry] : node->affiliations) {
        if (found.size() >= max) break;
        const Affiliation affiliation = entry.record.affiliation;
        if (affiliation == Affiliation::Owner || is_publishing(affiliation))
            found.emplace_back(bare, to_string(affiliation));
    }
    return found;
}

std::string_view Engine::affiliation(std::string_view name, std::string_view bare) const {
    const Node* node = state_->broker->memory.find(name);
    return to_string(node ? node->affiliation(bare) : Affiliation::None);
}

bool Engine::publishes(std::uint64_t uid, std::string_view bare) const {
    const Node* node = state_->broker->memory.find(uid);
    if (!node || node->record.is_deleted) return false;
    const Affiliation affiliation = node->affiliation(bare);
    return affiliation == Affiliation::Owner || is_publishing(affiliation);
}

std::vector<std::string> Engine::published_by(std::string_view bare, std::size_t max) const {
    const Memory& memory = state_->broker->memory;
    std::vector<std::string> found;
    for (const std::uint64_t uid : memory.affiliated_nodes(bare)) {
        if (found.size() >= max) break;
        if (publishes(uid, bare)) found.push_back(memory.find(uid)->name());
    }
    return found;
}

std::uint64_t Engine::node_uid(std::string_view name) const {
    const Node* node = state_->broker->memory.find(name);
    return node ? node->uid : 0;
}

std::size_t Engine::node_count() const { return state_->broker->memory.by_name().size(); }
std::size_t Engine::item_count() const {
    // Purged items are erased a little later, and count no more.
    const Memory& memory = state_->broker->memory;
    return memory.item_count() - memory.old_item_count();
}
std::size_t Engine::subscription_count() const {
    return state_->broker->memory.subscription_count();
}
std::uint64_t Engine::item_index_bytes() const { return state_->broker->memory.index_bytes(); }

std::vector<Engine::SubscriberView> Engine::subscribers(
    std::string_view name, const SubscriberView& after, std::size_t max
) const {
    std::vector<SubscriberView> views;
    const Node* topic = state_->broker->memory.find(name);
    if (!topic) return views;
    std::map<std::string_view, const Node*> nodes{{topic->name(), topic}};
    for (const auto& [filter, subtopic] : topic->subtopics)
        if (subtopic->is_subtopic()) nodes[subtopic->name()] = subtopic;
    for (auto from = nodes.lower_bound(after.node); from != nodes.end(); ++from) {
        const Node& node = *from->second;
        auto at = node.name() == after.node
                      ? node.subscriptions.upper_bound(SubscriptionKeyView{after.jid, after.subid})
                      : node.subscriptions.begin();
        for (; at != node.subscriptions.end(); ++at) {
            if (views.size() >= max) return views;
            views.push_back(
                {node.name(), at->first.jid, at->first.subid,
                 std::string(to_string(at->second.state)),
                 node.is_subtopic() ? node.record.filter : options_of(at->second.options).filter}
            );
        }
    }
    return views;
}

std::string Engine::node_name(std::uint64_t uid) const {
    const Node* node = state_->broker->memory.find(uid);
    return node && !node->record.is_deleted ? node->name() : std::string();
}

std::size_t Engine::item_memory_bytes() const {
    return state_->broker->memory.memory_bytes_of_items();
}

}   // namespace grid::pubsub
