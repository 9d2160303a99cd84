// pubsub/broker.cpp: takes requests apart, sends each to what decides it. Dispatch only.
#include "pubsub/broker.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "pubsub/decide/concealment.hpp"
#include "pubsub/decide/deeds.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/publish.hpp"
#include "pubsub/decide/subtopics.hpp"
#include "pubsub/delivery/audience.hpp"
#include "pubsub/delivery/deletions.hpp"
#include "pubsub/delivery/event_renderer.hpp"
#include "pubsub/delivery/personal.hpp"
#include "pubsub/delivery/replay.hpp"
#include "pubsub/maintenance/due.hpp"
#include "pubsub/maintenance/endings.hpp"
#include "pubsub/maintenance/subtopics.hpp"
#include "pubsub/maintenance/sweep.hpp"
#include "pubsub/model/node_tree.hpp"
#include "pubsub/model/state.hpp"
#include "pubsub/pages/account_nodes.hpp"
#include "pubsub/requests/parse.hpp"
#include "pubsub/requests/personal.hpp"
#include "pubsub/requests/requests.hpp"
#include "pubsub/views.hpp"
#include "xml/contains.hpp"

namespace grid::pubsub {

struct Broker::Parts {
    Parts(Settings settings, const AccessPolicy& policy, const Contacts& contacts)
        : broker(std::make_unique<BrokerState>(std::move(settings), policy, contacts)) {}

    void admission_changed(std::uint64_t uid) {
        if (const Node* node = broker->memory.find(uid)) leases.admission_changed(*node);
    }

    std::unique_ptr<BrokerState> broker;
    BackgroundCursor background;
    Leases leases;
    Bounces bounces;
    SweepCursor sweep;
    SubtopicUpkeep subtopics;
    std::array<std::uint64_t, std::variant_size_v<Event>> event_counts{};
};

namespace {

PreparedRequest prepare_request(const BrokerState& broker, Request request) {
    PreparedRequest prepared;
    const auto* publish = std::get_if<Publish>(&request);
    prepared.order = publish ? Order::Pipelined : Order::Barrier;
    prepared.decide = [&broker, shared = std::make_shared<const Request>(std::move(request)
                                )](const Context& context) {
        return conceal(broker, context, *shared, decide_on_record(broker, context, *shared));
    };
    return prepared;
}

/// The same decision in every state.
PreparedRequest decided(Decision decision) {
    PreparedRequest prepared;
    prepared.order = Order::Pipelined;
    prepared.decide = [decision = std::move(decision)](const Context&) { return decision; };
    return prepared;
}

/// A publish that could not be parsed is on record like one that the policy refused, though nothing
/// of it could be decided.
std::optional<PreparedRequest> prepare_refusal(
    const BrokerState& broker, const IqRequest& request, const xml::StanzaError& error
) {
    const xml::Element* publish = request.payload ? request.payload->child("publish") : nullptr;
    if (publish == nullptr) return std::nullopt;
    PreparedRequest prepared;
    prepared.order = Order::Pipelined;
    const std::string node(publish->attr_or("node", ""));
    prepared.decide = [&broker, node, error](const Context& context) {
        return refuse_on_record(broker, context, node, error);
    };
    return prepared;
}

/// A request that was placed at that account.
PreparedRequest prepare_at(const BrokerState& broker, const xml::Jid& owner, Request request) {
    PreparedRequest prepared;
    prepared.order = std::holds_alternative<Publish>(request) ? Order::Pipelined : Order::Barrier;
    prepared.decide =
        [&broker, owner,
         shared = std::make_shared<const Request>(std::move(request))](const Context& context) {
            return shown_by_account(
                decide_at_account(broker, context, owner.str(), *shared), owner.str()
            );
        };
    return prepared;
}

/// As administration knows nodes: those of the broker's own address.
const Node* find_topic(const BrokerState& broker, std::string_view name) {
    return is_personal(name) ? nullptr : broker.memory.find(name);
}

}   // namespace

Broker::Broker(Settings settings, const AccessPolicy& policy, const Contacts& contacts)
    : parts_(std::make_unique<Parts>(std::move(settings), policy, contacts)) {}

Broker::~Broker() = default;

std::optional<Result<PreparedRequest, xml::StanzaError>> Broker::prepare(const IqRequest& request) {
    const BrokerState& broker = *parts_->broker;
    auto parsed = parse_request(request, broker.settings);
    if (!parsed) return std::nullopt;
    if (!*parsed) {
        if (auto refusal = prepare_refusal(broker, request, parsed->error()))
            return Result<PreparedRequest, xml::StanzaError>(std::move(*refusal));
        return Result<PreparedRequest, xml::StanzaError>(parsed->error());
    }
    if (auto* publish = std::get_if<Publish>(&**parsed))
        ask_about_payload(broker, request, *publish);
    return Result<PreparedRequest, xml::StanzaError>(prepare_request(broker, std::move(**parsed)));
}

std::optional<Result<PreparedRequest, xml::StanzaError>> Broker::prepare_at_account(
    const IqRequest& request, const xml::Jid& owner
) const {
    using Prepared = Result<PreparedRequest, xml::StanzaError>;
    const BrokerState& broker = *parts_->broker;
    if (!broker.settings.personal.is_on) return std::nullopt;
    auto parsed = parse_request(request, broker.of_accounts);
    if (!parsed) return std::nullopt;
    if (!*parsed) return Prepared(parsed->error());
    if (auto error = place_at_account(**parsed, owner.str())) return Prepared(std::move(*error));
    return Prepared(prepare_at(broker, owner, std::move(**parsed)));
}

bool Broker::knows_account(const Principal& actor, const xml::Jid& owner) const {
    return pubsub::knows_account(*parts_->broker, actor, owner.str());
}

std::vector<std::uint64_t> Broker::nodes_of_account(std::string_view owner) const {
    std::vector<std::uint64_t> uids;
    for (const Node* node : pubsub::nodes_of_account(*parts_->broker, owner))
        uids.push_back(node->uid);
    return uids;
}

std::vector<OwedItem> Broker::last_items(
    const xml::Jid& owner,
    const xml::Jid& full,
    const std::function<bool(std::string_view node)>& wants
) const {
    return pubsub::last_items(*parts_->broker, owner, full, wants);
}

std::optional<Notification> Broker::last_item_message(
    const OwedItem& item, const xml::Jid& full, std::string_view payload
) const {
    return pubsub::last_item_message(*parts_->broker, item, full, payload);
}

void Broker::attach(const ContentFilter& filter) { parts_->broker->filter = &filter; }

void Broker::attach(const PayloadSchemas& schemas) { parts_->broker->schemas = &schemas; }

void Broker::report_faults(PayloadFaults::Report report) {
    parts_->broker->faults.report_to(std::move(report));
}

const PayloadFaults& Broker::payload_faults() const { return parts_->broker->faults; }

std::optional<PreparedRequest> Broker::prepare_message(const xml::Element& message) {
    const auto to = xml::Jid::parse(message.attr_or("to", ""));
    if (to && !to->local().empty()) {
        const BrokerState& broker = *parts_->broker;
        auto answer = broker.settings.personal.is_on ? parse_approval(message) : std::nullopt;
        if (!answer) return std::nullopt;
        if (!*answer) return decided(answer->error());
        (*answer)->node = personal_name(to->bare_view(), (*answer)->node);
        return prepare_at(broker, to->bare(), std::move(**answer));
    }
    if (auto bounce = parse_bounce(message))
        return prepare_request(*parts_->broker, std::move(*bounce));
    if (is_approval_given_up(message)) return decided(Reply{});
    auto approval = parse_approval(message);
    if (!approval) return std::nullopt;
    if (!*approval) return decided(approval->error());
    return prepare_request(*parts_->broker, std::move(**approval));
}

void Broker::apply(const storage::KeyChange& change) { parts_->broker->memory.apply(change); }

void Broker::notify(const storage::Committed& committed, NotificationSink& notifier) {
    EventRenderer announce(*parts_->broker, committed, notifier);
    for (const Event& event : decode_events(committed.batch.event)) {
        ++parts_->event_counts[event.index()];
        std::visit(announce, event);
        if (const auto* gone = std::get_if<ItemsRetracted>(&event); gone && gone->hidden_up_to != 0)
            parts_->broker->memory.announced_evictions(
                gone->node, gone->hidden_after, gone->hidden_up_to
            );
        if (const auto* configured = std::get_if<NodeConfigured>(&event)) {
            parts_->sweep.configured.insert(configured->node);
            parts_->admission_changed(configured->node);
        }
        if (const auto* changed = std::get_if<AffiliationChanged>(&event))
            parts_->admission_changed(changed->node);
        if (const auto* bounced = std::get_if<Bounced>(&event))
            count_bounce(*bounced, committed.time);
    }
}

std::vector<std::pair<std::string_view, std::uint64_t>> Broker::event_counts() const {
    std::vector<std::pair<std::string_view, std::uint64_t>> counts;
    for (std::size_t i = 0; i < parts_->event_counts.size(); ++i)
        counts.emplace_back(event_names[i], parts_->event_counts[i]);
    return counts;
}

void Broker::scan_started() {
    parts_->broker->memory.forget();
    parts_->broker->filter_indexes = {};   // they point into memory
    parts_->broker->extracts = {};
}

void Broker::count_bounce(const Bounced& bounced, storage::Millis now) {
    const BrokerState& broker = *parts_->broker;
    if (!parts_->bounces.count(bounced, now, broker.settings.bounces_max)) return;
    parts_->leases.end_all(broker.memory, xml::Jid::from_canonical(bounced.jid), bounced.node);
}

void Broker::scan_finished() {
    parts_->broker->memory.scan_finished();
    parts_->leases.started(parts_->broker->memory);
}

void Broker::logged_in(const xml::Jid& full, NotificationSink& sink) const {
    tell_of_deletions(*parts_->broker, full, sink);
}

void Broker::session_ended(const xml::Jid& full, bool is_last_of_account) {
    parts_->leases.session_ended(parts_->broker->memory, full, is_last_of_account);
}

void Broker::lead(bool is_leading) { parts_->leases.lead(is_leading); }

void Broker::look_for_orphans() { parts_->leases.look_for_orphans(); }

bool Broker::contact_changed(const xml::Jid& owner, const xml::Jid& contact) {
    return parts_->leases.contact_changed(*parts_->broker, owner, contact);
}

std::vector<storage::Batch> Broker::due(storage::Millis now, std::size_t batches_max, bool leads) {
    auto batches = parts_->leases.due(*parts_->broker, now, batches_max);
    if (!leads) return batches;
    for (auto& batch :
         due_batches(*parts_->broker, parts_->background, now, batches_max - batches.size()))
        batches.push_back(std::move(batch));
    if (batches.size() < batches_max)
        for (auto& batch :
             parts_->subtopics.due(*parts_->broker, now, batches_max - batches.size()))
            batches.push_back(std::move(batch));
    return batches;
}

std::vector<WantedExtract> Broker::take_wanted() { return parts_->broker->extracts.take_wanted(); }

std::vector<FoundExtract> Broker::look_up(
    const storage::Snapshot& snapshot, const std::vector<WantedExtract>& wanted
) const {
    std::vector<FoundExtract> found;
    for (const WantedExtract& one : wanted)
        found.push_back(find_extract(snapshot, one, *parts_->broker->filter, parts_->broker->faults)
        );
    return found;
}

void Broker::learn(std::vector<FoundExtract> found) {
    parts_->broker->extracts.learn(std::move(found));
}

std::vector<Subscriber> Broker::audience(std::uint64_t node, AudienceKind kind) const {
    const Node* found = parts_->broker->memory.find(node);
    return found ? audience_of(*parts_->broker, *found, kind) : std::vector<Subscriber>();
}

std::vector<Subscriber> Broker::audience(
    std::uint64_t node, AudienceKind kind, std::string_view bare
) const {
    const Node* found = parts_->broker->memory.find(node);
    return found ? audience_of_account(*parts_->broker, *found, kind, bare)
                 : std::vector<Subscriber>();
}

storage::Revision Broker::position(std::string_view jid) const {
    const auto& positions = parts_->broker->memory.positions();
    const auto found = positions.find(std::string(jid));
    return found == positions.end() ? 0 : found->second.told;
}

bool Broker::is_subscriber(const xml::Jid& jid) const {
    return !parts_->broker->memory.subscribed_nodes(jid.bare_view()).empty();
}

Owed Broker::owed(
    const xml::Jid& full,
    Position after,
    const EarlierStarts& earlier,
    std::size_t items_max,
    std::size_t bytes_max
) const {
    return find_owed(*parts_->broker, full, after, earlier, items_max, bytes_max);
}

std::optional<Notification> Broker::owed_message(
    const OwedItem& item, const xml::Jid& subscriber, std::string_view payload
) const {
    return pubsub::owed_message(*parts_->broker, item, subscriber, payload);
}

std::vector<Notification> Broker::owed_messages(
    const std::vector<const OwedItem*>& sources,
    const xml::Jid& subscriber,
    std::string_view payload
) const {
    return pubsub::owed_messages(*parts_->broker, sources, subscriber, payload);
}

std::vector<PresenceStart> Broker::starts_at_presence(const xml::Jid& full) const {
    return pubsub::starts_at_presence(*parts_->broker, full);
}

std::vector<storage::Batch> Broker::note_positions(
    const std::vector<std::pair<std::string, storage::Revision>>& positions
) const {
    return position_batches(*parts_->broker, positions);
}

std::optional<storage::Batch> Broker::switch_node(std::string_view name, bool is_enabled) const {
    if (is_personal(name)) return std::nullopt;
    return pubsub::switch_node(*parts_->broker, name, is_enabled);
}

bool Broker::holds_anything_of(std::string_view bare) const {
    const Memory& memory = parts_->broker->memory;
    return !memory.affiliated_nodes(bare).empty() || !memory.subscribed_nodes(bare).empty();
}

std::vector<std::uint64_t> Broker::subscribed_nodes(const xml::Jid& bare) const {
    const Memory& memory = parts_->broker->memory;
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

bool Broker::is_in_audience(const xml::Jid& subscriber, std::uint64_t node) const {
    return is_told(*parts_->broker, subscriber, node);
}

bool Broker::may_be_told_of(const Principal& session, std::uint64_t node) const {
    const Node* found = parts_->broker->memory.find(node);
    return found && pubsub::may_be_told_of(*parts_->broker, session, *found);
}

bool Broker::may_receive_here(const Principal& session, std::uint64_t node) const {
    return may_receive_events_here(*parts_->broker, session, node);
}

HolderPage Broker::holders(const HolderCursor& after, std::size_t max) const {
    return holders_after(*parts_->broker, after, max);
}

std::vector<storage::Batch> Broker::sweep(std::size_t subscriptions_max) {
    return sweep_batches(*parts_->broker, parts_->sweep, subscriptions_max);
}

bool Broker::is_sweep_pending() const {
    return pubsub::is_sweep_pending(*parts_->broker, parts_->sweep);
}

bool Broker::is_sweep_at_start() const { return parts_->sweep.is_at_start(); }
Checked<HistoryView> Broker::open_history(const Context& context, const HistoryWish& wish) const {
    return pubsub::open_history(*parts_->broker, context, wish);
}

HistorySlice Broker::slice_of_history(
    const HistoryView& view,
    storage::Revision after,
    std::size_t items_max,
    std::size_t bytes_max,
    storage::Millis now
) const {
    return pubsub::slice_of_history(*parts_->broker, view, after, items_max, bytes_max, now);
}

bool Broker::knows_node(const Principal& actor, std::string_view name) const {
    const Node* node = parts_->broker->memory.find(name);
    return node && is_known_subtopic(*parts_->broker, actor, *node) &&
           knows(*parts_->broker, actor, *node);
}

Decision Broker::join_subtopic(const Context& context, const JoinSubtopic& request) const {
    Telling telling{{Right::Subscribe, "subscribe", {}, {}, {}}, {}, false, false};
    if (request.jid.bare_view() != context.actor.jid.bare_view())
        telling.deed.target = request.jid.bare_view();
    return decide(*parts_->broker, noting(context, telling), request);
}

std::vector<SubtopicView> Broker::subtopics(std::string_view topic) const {
    return views_of_subtopics(*parts_->broker, topic);
}

std::optional<ShownItems> Broker::newest_items(
    std::string_view node, std::string_view after, std::size_t max
) const {
    return newest_items_of(*parts_->broker, node, after, max);
}

std::optional<storage::Batch> Broker::make_subtopic_collection(
    std::string_view topic, storage::Millis now
) const {
    return subtopic_collection(*parts_->broker, topic, now);
}

std::vector<NodeView> Broker::nodes(std::string_view after, std::size_t max) const {
    const auto& nodes = parts_->broker->memory.by_name();
    std::vector<NodeView> views;
    const std::string_view behind = std::max<std::string_view>(after, first_name_of_broker);
    for (auto at = nodes.upper_bound(behind); at != nodes.end() && views.size() < max; ++at)
        views.push_back(view_of(*parts_->broker, *at->second));
    return views;
}

Broker::TopicPage Broker::topics(
    std::string_view after, std::string_view part, std::size_t max, std::size_t looked_at_max
) const {
    const auto& nodes = parts_->broker->memory.by_name();
    TopicPage page;
    std::size_t looked_at = 0;
    const std::string_view behind = std::max<std::string_view>(after, first_name_of_broker);
    auto at = nodes.upper_bound(behind);
    for (; at != nodes.end() && page.topics.size() < max && looked_at < looked_at_max; ++at) {
        ++looked_at;
        const Node& node = *at->second;
        if (node.governing_name() == node.name() && xml::contains_any_case(node.name(), part))
            page.topics.push_back(view_of(*parts_->broker, node));
    }
    if (at != nodes.end() && looked_at > 0) page.next = std::prev(at)->first;
    return page;
}

std::optional<NodeView> Broker::node(std::string_view name) const {
    const Node* node = find_topic(*parts_->broker, name);
    if (!node) return std::nullopt;
    return view_of(*parts_->broker, *node);
}

std::vector<std::pair<std::string, std::string>> Broker::publishers(
    std::string_view name, std::size_t max
) const {
    std::vector<std::pair<std::string, std::string>> found;
    const Node* node = find_topic(*parts_->broker, name);
    if (!node) return found;
    for (const auto& [bare, entry] : node->affiliations) {
        if (found.size() >= max) break;
        const Affiliation affiliation = entry.record.affiliation;
        if (affiliation == Affiliation::Owner || is_publishing(affiliation))
            found.emplace_back(bare, to_string(affiliation));
    }
    return found;
}

std::string_view Broker::affiliation(std::string_view name, std::string_view bare) const {
    const Node* node = find_topic(*parts_->broker, name);
    return to_string(node ? node->affiliation(bare) : Affiliation::None);
}

bool Broker::publishes(std::uint64_t uid, std::string_view bare) const {
    const Node* node = parts_->broker->memory.find(uid);
    if (!node || node->record.is_deleted) return false;
    const Affiliation affiliation = node->affiliation(bare);
    return affiliation == Affiliation::Owner || is_publishing(affiliation);
}

std::vector<std::string> Broker::published_by(std::string_view bare, std::size_t max) const {
    const Memory& memory = parts_->broker->memory;
    std::vector<std::string> found;
    for (const std::uint64_t uid : memory.affiliated_nodes(bare)) {
        if (found.size() >= max) break;
        const Node* node = memory.find(uid);
        if (node && !is_personal(node->name()) && publishes(uid, bare))
            found.push_back(node->name());
    }
    return found;
}

std::uint64_t Broker::node_uid(std::string_view name) const {
    const Node* node = find_topic(*parts_->broker, name);
    return node ? node->uid : 0;
}

std::size_t Broker::node_count() const {
    const Memory& memory = parts_->broker->memory;
    return memory.by_name().size() - memory.personal_count();
}
std::size_t Broker::item_count() const {
    // Purged items are erased a little later, and count no more.
    const Memory& memory = parts_->broker->memory;
    return memory.item_count() - memory.old_item_count();
}
std::size_t Broker::subscription_count() const {
    return parts_->broker->memory.subscription_count();
}

std::vector<Broker::SubscriberView> Broker::subscribers(
    std::string_view name, const SubscriberView& after, std::size_t max
) const {
    std::vector<SubscriberView> views;
    const Node* topic = find_topic(*parts_->broker, name);
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

TopicTrace Broker::trace(
    std::string_view topic, std::string_view bare, std::string_view item, storage::Millis now
) const {
    if (find_topic(*parts_->broker, topic) == nullptr) return {};
    return trace_topic(*parts_->broker, topic, bare, item, now);
}

std::string Broker::node_name(std::uint64_t uid) const {
    const Node* node = parts_->broker->memory.find(uid);
    return node && !node->record.is_deleted ? node->name() : std::string();
}

std::size_t Broker::item_memory_bytes() const {
    return parts_->broker->memory.memory_bytes_of_items();
}

}   // namespace grid::pubsub
