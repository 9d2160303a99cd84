# tests/xep/mutants.py: the checks that mutations.py takes out, and the test that must notice.
"""`out` is what stands in place of the check: OUT is true while it is taken out, CHECK is the check
itself. Tests are given as the unit test program takes them."""

from collections import namedtuple

Mutant = namedtuple("Mutant", "row file check out test")


def never(row, file, condition, test):
    """`if (condition) refuse`: does not refuse."""
    return Mutant(row, file, f"if ({condition})", f"if (!OUT && ({condition}))", test)


def always(row, file, condition, test):
    """`if (condition) let through`: lets everything through."""
    return Mutant(row, file, f"if ({condition})", f"if (OUT || ({condition}))", test)


SUBSCRIBE, CHANGE = "pubsub/decide/subscribe.cpp", "pubsub/decide/subscription_change.cpp"
PUBLISH, RETRIEVE = "pubsub/decide/publish.cpp", "pubsub/decide/retrieve.cpp"
NODES, OWNER = "pubsub/decide/nodes.cpp", "pubsub/decide/owner.cpp"
ACCESS, GRAPH = "pubsub/decide/grant.cpp", "pubsub/decide/collections/collections_rules.cpp"
GRAPH_CHANGE = "pubsub/decide/collections/collections.cpp"
OPTIONS, PENDING = "pubsub/decide/options.cpp", "pubsub/decide/approval.cpp"
PIPELINE, QUEUE = "server/pipeline/pipeline.cpp", "server/pipeline/sender_queue.cpp"

MUTANTS = [
    never("6.1 invalid-jid", SUBSCRIBE, "!is_own && !granted.is_owner()",
          "subscriber-subscribe-error-nomatch"),
    never("6.1 unsupported subscribe", SUBSCRIBE, "!node.config().subscribe",
          "subscriber-subscribe-error-unsupported"),
    never("6.1 forbidden (outcast)", SUBSCRIBE, "is_shut_out(node.affiliation(jid.bare_view()))",
          "subscriber-subscribe-error-blocked"),
    always("6.1 closed-node", ACCESS,
           "model == AccessModel::Open || is_listed(granted.affiliation)",
           "subscriber-subscribe-error-whitelist"),
    never("6.1 pending-subscription", SUBSCRIBE, "has_pending(node, jid)",
          "subscriber-subscribe-error-pending"),
    never("6.1 too-many-subscriptions", CHANGE, "node.subscriptions.size() >= node_max",
          "subscriber-subscribe-error-toomany"),
    never("6.2 forbidden", SUBSCRIBE, "!is_own && !granted->is_owner()",
          "subscriber-unsubscribe-error-forbidden"),
    never("6.2 unexpected-request not-subscribed", CHANGE,
          "first == last", "subscriber-unsubscribe-error-nosub"),
    always("6.2 subid-required", CHANGE, "std::next(first) == last",
           "6.2 unsubscribe: subid-required*"),
    never("6.3 forbidden", OPTIONS, "!is_own && !granted->is_owner()",
          "6.3 options: forbidden*"),
    never("6.5 subid-required", RETRIEVE, "first != last && std::next(first) != last",
          "6.5 items: subid-required"),
    always("6.5 invalid-subid", RETRIEVE, "is_known", "subscriber-retrieve-error-badsubid"),
    always("6.5 not-authorized not-subscribed", ACCESS, "node.has_subscribed(granted.bare)",
           "subscriber-retrieve-error-notsubscribed"),
    never("6.5 closed-node", ACCESS,
          "node.rights().config().is_closed() && !is_listed(granted.affiliation) &&\n"
          "                !node.has_subscribed(granted.bare)",
          "subscriber-retrieve-error-whitelist"),
    never("6.5 forbidden (outcast)", ACCESS, "is_shut_out(granted.affiliation)",
          "subscriber-retrieve-error-blocked"),
    never("6.5 unsupported persistent-items", RETRIEVE, "!node.config().persist_items",
          "subscriber-retrieve-error-persistent"),
    never("7.1 forbidden", PUBLISH, "!right.is_given", "publisher-publish-error-forbidden"),
    never("7.1 payload-too-big", PUBLISH, "request.payload.size() > config.max_payload_size",
          "publisher-publish-error-bigpayload"),
    always("7.1 invalid-payload (namespace)", PUBLISH,
           "config.type.empty() || request.payload_ns == config.type",
           "publisher-publish-error-badpayload"),
    never("7.1 item-required", PUBLISH, "!request.has_item && config.persist_items",
          "publisher-publish-error-badrequest"),
    always("7.1 node-full", PUBLISH, "node.config().publish_node_full != NodeFull::Reject",
           "publisher-publish-error-nodefull"),
    Mutant("7.1.5 precondition-not-met", PUBLISH,
           "if (auto error = check_preconditions(", "if (!OUT)\n            CHECK",
           "publisher-publish-options"),
    never("7.2 forbidden (another's item)", PUBLISH,
          "!may_any && broker.memory.publisher(*item) != granted->bare",
          "publisher-delete-error-forbidden"),
    never("8.1 conflict", NODES, "broker.memory.find(name)",
          "owner-create-general: the name is taken"),
    never("8.5 unsupported persistent-items", NODES,
          "!node.config().persist_items || node.config().is_collection()",
          "owner-purge-error-nopersist"),
    always("8.2, 8.4, 8.5, 8.8, 8.9 forbidden", ACCESS, "!granted || granted->is_owner()",
           "owner-delete-error-forbidden"),
    Mutant("8.9 the last owner stays", OWNER, "(is_demotion && !leaves_owner)",
           "(!OUT && CHECK)", "owner-affiliations-multi: the last owner stays"),
    never("8.9 a ban ends subscriptions", OWNER, "is_cleaning",
          "who is banned loses his subscriptions in the same batch"),
    never("8.7 forbidden", PENDING, "!waiting.is_owner", "8.7 get-pending: forbidden"),
    never("0248 cycle", GRAPH, "reaches(child, parent.uid())", "*cycle*"),
    always("0248 max-nodes-exceeded", GRAPH, "children <= most", "*max-nodes-exceeded*"),
    never("0248 a child under a leaf", GRAPH_CHANGE, "!node->config().is_collection()", "*leaf*"),
    never("order of a session", QUEUE,
          "request.order == Order::Barrier ? !is_first : !only_publishes_before",
          "requests of a session take effect in the order in which they came"),
    never("conflicts without end", PIPELINE, "++request->rounds > decide_rounds_max",
          "conflicts are decided again*"),
]
