// pubsub/decide/approval.cpp: approval requests: an owner answers one (XEP-0060 §8.6), or asks
// for those that wait (§8.7).
#include <algorithm>
#include <charconv>
#include <utility>

#include "pubsub/decide/grant.hpp"
#include "pubsub/decide/subscription_change.hpp"
#include "pubsub/errors.hpp"
#include "pubsub/model/events.hpp"
#include "pubsub/requests/requests.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

using storage::Batch;
using storage::Family;
using xml::Element;

namespace {

/// The pending subscription that is meant; subids may be left out while there is one only.
const Subscriptions::value_type* find_pending(const Node& node, const Approval& answer) {
    const auto [first, last] = node.subscriptions_of(answer.subscriber.str());
    for (auto at = first; at != last; ++at)
        if (at->second.state == SubscriptionState::Pending &&
            (answer.subid.empty() || at->first.subid == answer.subid))
            return &*at;
    return nullptr;
}

constexpr storage::Millis session_ms = 3600 * 1000;
constexpr const char* command_name = "Subscription requests that wait for approval";

/// §8.7.3.3: of type cancel, as commands have it, and not auth.
xml::StanzaError not_for_you(std::string text) {
    xml::StanzaError error = refuse(Errc::Forbidden, std::move(text));
    error.type = "cancel";
    return error;
}

/// A session id says when and for whom it was made; nothing is kept, and nothing rests on it.
std::string session_id(const Context& context, storage::Millis made) {
    return "get-pending:" + std::to_string(made) + ":" +
           first_subid(static_cast<std::uint64_t>(made), context.actor.jid.str());
}

std::optional<xml::StanzaError> check_session(const Context& context, const std::string& session) {
    constexpr std::string_view prefix = "get-pending:";
    storage::Millis made = 0;
    if (session.starts_with(prefix))
        std::from_chars(session.data() + prefix.size(), session.data() + session.size(), made);
    if (made <= 0 || session != session_id(context, made))
        return bad_command("bad-sessionid", "That is no session of yours.");
    if (made <= context.now && context.now - made < session_ms) return std::nullopt;
    xml::StanzaError expired = refuse(Errc::NotAllowed, "This session has expired; execute again.");
    expired.application = Element("session-expired", xml::ns::commands);
    return expired;
}

Element answer(const std::string& session, const char* status) {
    return Element(
        "command", xml::ns::commands,
        {{"node", std::string(get_pending_command)}, {"sessionid", session}, {"status", status}}
    );
}

/// Nodes whose requests this actor decides about.
struct Waiting {
    bool is_owner = false;   // of any node at all
    std::vector<const Node*> nodes;
};

Waiting waiting_for(const BrokerState& broker, const Context& context) {
    Waiting waiting;
    const std::string_view bare = context.actor.jid.bare_view();
    waiting.is_owner = is_trusted(broker, context.actor);
    const auto add = [&](std::uint64_t uid) {
        const Node* node = broker.memory.find(uid);
        if (node && !is_personal(node->name()) && !node->record.is_deleted && node->pending > 0)
            waiting.nodes.push_back(node);
    };
    if (waiting.is_owner) {
        for (std::uint64_t uid : broker.memory.pending()) add(uid);
    } else {
        for (std::uint64_t uid : broker.memory.affiliated_nodes(bare)) {
            const Node* node = broker.memory.find(uid);
            if (!node || is_personal(node->name())) continue;   // these ask by message
            if (node->affiliation(bare) != Affiliation::Owner) continue;
            waiting.is_owner = true;
            add(uid);
        }
    }
    std::sort(waiting.nodes.begin(), waiting.nodes.end(), [](const Node* a, const Node* b) {
        return a->name() < b->name();
    });
    return waiting;
}

/// §8.7.2: the nodes to choose from; only those with requests, as the XEP suggests.
Decision ask_for_node(const BrokerState& broker, const Context& context) {
    const Waiting waiting = waiting_for(broker, context);
    if (!waiting.is_owner) return not_for_you("You own no node.");
    xml::Form form;
    form.type = "form";
    form.title = command_name;
    form.set_form_type(xml::subscribe_authorization_form);
    xml::FormField field{"pubsub#node", "list-single", "The node", {}, {}};
    for (const Node* node : waiting.nodes) {
        if (field.options.size() == broker.settings.page_max) break;
        field.options.push_back({node->name(), node->config().title});
    }
    form.fields.push_back(std::move(field));
    Element command = answer(session_id(context, context.now), "executing");
    command.add(Element("actions", {{"execute", "complete"}}, Element("complete")));
    if (waiting.nodes.size() > broker.settings.page_max)
        command.add(Element::with_text(
            "note", "These are not all: answer them, and execute again.", {{"type", "info"}}
        ));
    command.add(form.to_element());
    return Reply(std::move(command));
}

/// §8.7.4: one message for each request, as if it had just come. No record is written: the batch
/// only carries the event to where messages are sent from, in its place among all others.
Decision list_requests(const BrokerState& broker, const Context& context, const Command& request) {
    const xml::FormField* field = request.form->field("pubsub#node");
    if (!field || field->value().empty())
        return bad_command("bad-payload", "The form must name a node: pubsub#node.");
    const std::string name(field->value());
    auto granted = grant_owner(broker, context, name);
    if (!granted) {
        if (!has_code(granted.error(), Errc::Forbidden)) return granted.error();
        return not_for_you(granted.error().text);
    }
    storage::Batch batch;
    batch.is_volatile = true;
    batch.event =
        encode(PendingListed{granted->node->uid, std::string(context.actor.jid.bare_view())});
    const std::string session =
        request.session.empty() ? session_id(context, context.now) : request.session;
    Element command = answer(session, "completed");
    if (granted->node->pending > broker.settings.page_max)
        command.add(Element::with_text(
            "note", "These are not all: answer them, and ask again.", {{"type", "info"}}
        ));
    return Decision::Change{std::move(batch), Reply(std::move(command))};
}

}   // namespace

Decision decide(const BrokerState& broker, const Context& context, const Approval& answer) {
    // A message that is not an owner's is dropped without an answer, and on record.
    auto granted = grant_owner(broker, context, answer.node);
    if (!granted) return Reply{};
    const Node& node = *granted->node;
    const auto* pending = find_pending(node, answer);
    if (!pending) return Reply{};   // answered already, or withdrawn
    Batch batch = start_batch(*granted);
    const std::string_view bare = answer.subscriber.bare_view();
    if (!answer.is_allowed || is_shut_out(node.affiliation(bare)) ||
        !is_contact_or_listed(broker.contacts, node, bare)) {
        erase_subscription(broker, batch, node, *pending, true);
    } else {
        const SubscriptionKey& key = pending->first;
        Subscription next = pending->second;
        next.state = SubscriptionState::Subscribed;
        put_subscription(broker, context, batch, node, key, std::move(next));
        batch.expect(
            Family::Control, affiliation_key(node.rights().uid, bare),
            node.affiliation_revision(bare)
        );
        tell_state(broker, batch, node, key, SubscriptionState::Subscribed);
    }
    return commit(broker, context, *granted, std::move(batch));
}

// An owner asks for what waits for approval, by an ad-hoc command (XEP-0060 §8.7, XEP-0050).

bool is_command_node(std::string_view node) {
    return node == xml::ns::commands.uri() || node == get_pending_command;
}

Decision decide(const BrokerState& broker, const Context& context, const Command& request) {
    if (request.node != get_pending_command)
        return refuse(Errc::ItemNotFound, "There is no command '" + request.node + "'.");
    const std::string& action = request.action;
    const bool is_default = action == "execute" || action == "complete";
    if (!is_default && action != "cancel" && action != "next" && action != "prev")
        return bad_command("malformed-action", "'" + action + "' is no action of XEP-0050.");
    if (!request.session.empty())
        if (auto error = check_session(context, request.session)) return *error;
    if (action == "cancel") {
        if (request.session.empty()) return bad_command("bad-sessionid", "There is no session.");
        return Reply(answer(request.session, "canceled"));
    }
    if (!is_default) return bad_command("bad-action", "This command has one stage.");
    if (request.form) return list_requests(broker, context, request);
    if (!request.session.empty())
        return bad_command("bad-payload", "The submitted form is missing.");
    if (action == "complete") return bad_command("bad-action", "Execute the command first.");
    return ask_for_node(broker, context);
}

Decision decide(const BrokerState& broker, const Context&, const DiscoverCommands& request) {
    Element query("query", xml::ns::disco_items, {{"node", request.node}});
    if (request.node != xml::ns::commands.uri()) return Reply(std::move(query));
    query.add(Element(
        "item", {{"jid", broker.settings.service.str()},
                 {"node", std::string(get_pending_command)},
                 {"name", command_name}}
    ));
    return Reply(std::move(query));
}

Decision decide(const BrokerState&, const Context&, const DiscoverCommand& request) {
    const bool is_list = request.node == xml::ns::commands.uri();
    Element query("query", xml::ns::disco_info, {{"node", request.node}});
    query.add(Element(
        "identity", {{"category", "automation"},
                     {"type", is_list ? "command-list" : "command-node"},
                     {"name", is_list ? "Commands" : command_name}}
    ));
    for (const xml::Ns& ns : {xml::ns::commands, xml::ns::data})
        query.add(Element("feature", {{"var", std::string(ns.uri())}}));
    return Reply(std::move(query));
}

}   // namespace grid::pubsub
