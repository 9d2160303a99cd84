// controller/gi/publishing.cpp: register as publisher.
#include <algorithm>
#include <iterator>

#include "controller/gi/broker_call.hpp"
#include "pubsub/model/node.hpp"
#include "pubsub/reply.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

/// The answer to a registration: the topic, the lease, and the existing subtopics with their
/// filters.
xml::Element init_answer(
    const Call& call, const std::string& topic, const std::string& registration
) {
    const std::uint32_t lease = call.state.settings.publisher_lease_seconds;
    xml::Element answer(
        "initPublishResponse", xml::ns::gi_grid, {}, xml::Element::with_text("topicName", topic),
        xml::Element::with_text("registrationId", registration),
        xml::Element::with_text("leaseSeconds", std::to_string(lease))
    );
    if (const pubsub::Broker* broker = call.state.directory.broker())
        for (const pubsub::SubtopicView& subtopic : broker->subtopics(topic))
            answer.add(xml::Element(
                "subtopic", {}, xml::Element::with_text("name", subtopic.name),
                xml::Element::with_text("filter", subtopic.filter)
            ));
    return respond(call.request, std::move(answer));
}

/// Adds names that are new; false when there are too many or one is too long.
bool merge(std::vector<std::string>& into, const xml::Element& body, std::string_view element) {
    for (const xml::Element* child : body.children()) {
        if (child->name() != element) continue;
        const std::string name = trimmed(child->attr_or("name", ""));
        if (name.empty() || name.size() > declared_bytes_max) return false;
        const auto at = std::ranges::lower_bound(into, name);
        if (at == into.end() || *at != name) into.insert(at, name);
    }
    return into.size() <= declared_max;
}

filters::Declarer declarer_of(const Call& call, const std::string& topic) {
    return {std::string(call.actor().jid.bare_view()), [&call, &topic](const std::string& other) {
                return call.state.directory.is_provider(
                    topic, xml::Jid::from_canonical(other), call.context.now
                );
            }};
}

/// Takes the filter attributes, the bound of subtopics and the side that filters from the request.
/// The side stays the same while the topic has subtopics.
Outcome<Topic> with_filters(const Call& call, const std::string& topic, Topic next) {
    auto declared = filters::declare(
        next.filters, call.request.body, call.state.settings.subtopics_max, declarer_of(call, topic)
    );
    if (!declared) return declared.error();
    const pubsub::Broker* broker = call.state.directory.broker();
    const bool is_switch = declared->is_server_side != next.filters.is_server_side;
    if (is_switch && broker != nullptr && !broker->subtopics(topic).empty())
        return Failure{
            Errc::MalformedRequest,
            "this topic has subtopics: leave serverSideFilter as it is until they are gone",
            {}
        };
    next.filters = std::move(*declared);
    return next;
}

/// The publisher hears of subtopics from the collection of them, too (XEP-0248 §5.3.2). Where there
/// is none yet, it is made with its publishers in it (Controller::due).
void add_collection(const Call& call, const std::string& topic, storage::Batch& batch) {
    const std::string collection = topic + "#subtopics";
    if (!call.state.directory.node(collection)) return;
    const xml::Element subscribe(
        "pubsub", xml::ns::pubsub, {},
        xml::Element(
            "subscribe", {{"node", collection}, {"jid", std::string(call.actor().jid.bare_view())}}
        )
    );
    auto decision = ask_broker(call, xml::IqType::Set, subscribe, as_system(call.context));
    if (decision.change() == nullptr) return;   // is there
    audit::join(batch, std::move(decision.change()->batch));
}

/// Adds the request's declarations (schema, queries, notifications) to those of the topic.
Outcome<Topic> declared(const Call& call, const std::string& topic) {
    const Topic* known = call.state.directory.topic(topic);
    Topic next = known != nullptr ? *known : Topic{};
    const xml::Element& body = call.request.body;
    bool is_good =
        merge(next.queries, body, "query") && merge(next.notifications, body, "notification");
    if (const xml::Element* schema = body.child_any_ns("schema")) {
        const std::pair before(next.schema_namespace, next.schema_location);
        next.schema_namespace = trimmed(schema->attr_or("namespace", ""));
        next.schema_location = trimmed(schema->attr_or("location", ""));
        if (before != std::pair(next.schema_namespace, next.schema_location)) {
            if (!declarer_of(call, topic).may_change(next.schema_by))
                return Failure{
                    Errc::MalformedRequest,
                    "the schema of this topic is the one that " + next.schema_by +
                        " declared, who provides it: declare the same, or leave it out",
                    {}
                };
            next.schema_by = call.actor().jid.bare_view();
        }
        is_good = is_good && next.schema_namespace.size() <= declared_bytes_max &&
                  next.schema_location.size() <= declared_bytes_max;
    }
    // Names of queries and notifications stay in memory for each topic.
    constexpr std::size_t names_bytes_max = 16 * 1024;
    std::size_t bytes = 0;
    for (const auto* names : {&next.queries, &next.notifications})
        for (const std::string& name : *names) bytes += name.size();
    if (is_good && bytes <= names_bytes_max) return with_filters(call, topic, std::move(next));
    return Failure{
        Errc::MalformedRequest,
        "queries and notifications have a name of 1 to 512 bytes, at most 64 of each and 16384 "
        "bytes together; a schema's namespace and location have at most 512 bytes",
        {}
    };
}

/// A name that others look for is served only by clients whom the policy allows it: with any
/// publishing right a client could otherwise attract the queries that are meant for another
/// provider.
std::optional<pubsub::Decision> refuse_names(const Call& call, const std::string& topic) {
    for (const xml::Element* child : call.request.body.children()) {
        if (child->name() != "query") continue;
        const std::string name = trimmed(child->attr_or("name", ""));
        if (name.empty()) continue;   // refused for that
        const policy::Match match = call.state.decide_serving(call.actor(), topic, name);
        if (match.allowed) continue;
        audit::Record record = audit::by(call.actor(), audit::Outcome::Deny, "publish");
        record.topic = topic;
        record.detail = "service " + name;
        record.rule = *match.rule;
        call.state.audit.add(std::move(record));
        return call.fail(
            Errc::Denied, "the policy does not let this account serve '" + name +
                              "': it needs publish under service " + name
        );
    }
    return std::nullopt;
}

/// The broker's part: the topic is made, or the actor becomes its publisher. An empty batch when
/// nothing is to be done there.
struct AtBroker {
    std::optional<xml::StanzaError> error;
    storage::Batch batch;
};
AtBroker join_topic(const Call& call, const std::string& topic) {
    AtBroker result;
    std::optional<pubsub::Decision> decision;
    if (!call.state.directory.node(topic)) {
        const xml::Element create(
            "pubsub", xml::ns::pubsub, {}, xml::Element("create", {{"node", topic}})
        );
        decision = ask_broker(call, xml::IqType::Set, create, call.context);
    } else {
        const std::string affiliation = affiliation_of(call, topic);
        if (affiliation == "owner" || affiliation.starts_with("publish")) return result;
        if (affiliation == "outcast") {
            result.error = to_stanza_error(
                {Errc::Denied, "an owner of the topic has shut this account out", {}}
            );
            return result;
        }
        const xml::Element entry(
            "affiliation",
            {{"jid", std::string(call.actor().jid.bare_view())}, {"affiliation", "publisher"}}
        );
        const xml::Element set(
            "pubsub", xml::ns::pubsub_owner, {},
            xml::Element("affiliations", {{"node", topic}}, entry)
        );
        decision = ask_broker(call, xml::IqType::Set, set, as_system(call.context));
    }
    if (decision->error() != nullptr)
        result.error = *decision->error();
    else if (decision->reply() != nullptr && decision->reply()->error)
        result.error = xml::not_allowed("the broker did not take the affiliation of a publisher");
    else if (decision->change() != nullptr)
        result.batch = std::move(decision->change()->batch);
    return result;
}

}   // namespace

pubsub::Decision init_publish(const Call& call) {
    const std::string topic = topic_of_capability(call);
    if (topic.empty()) return call.fail(Errc::MalformedRequest, "expected a capability");
    const auto node = call.node(topic);
    // Before the policy, which is asked in the topic's name where there is such a subtopic.
    if (!node && !pubsub::topic_in(topic).empty())
        return xml::not_allowed(
            "names that end in '#subtopics', or in '/' and 16 of the digits 0-9 a-f, are kept for "
            "the subtopics that the broker makes: choose another name"
        );
    if (!node) {
        const policy::Match create = call.match(policy::Right::Create, topic);
        if (!create.allowed) return call.deny("create", topic, create);
    }
    const policy::Match publish = call.match(policy::Right::Publish, topic);
    if (!publish.allowed) return call.deny("publish", topic, publish);
    if (node && !node->is_enabled)
        return xml::not_allowed("an administrator disabled '" + topic + "': it is not in use now");
    if (auto refused = refuse_names(call, topic)) return std::move(*refused);
    auto next = declared(call, topic);
    if (!next) return to_stanza_error(next.error());
    AtBroker joined = join_topic(call, topic);
    if (joined.error) return *joined.error;
    add_collection(call, topic, joined.batch);
    const Topic* known = call.state.directory.topic(topic);
    const bool is_news = *next != (known != nullptr ? *known : Topic{});
    const std::string persistent = child_text(call.request.body, "persistent");
    const auto registration = call.state.directory.registrations.enter(
        joined.batch, call.context,
        {node ? node->uid : 0, topic, persistent == "true" || persistent == "1",
         call.state.settings.publisher_lease_seconds}
    );
    if (!registration)
        return xml::resource_constraint("too many streams of this account publish there");
    xml::Element answer = init_answer(call, topic, *registration);
    if (joined.batch.operations.empty() && !is_news) return pubsub::Reply(std::move(answer));
    if (is_news) {
        const std::string key = topic_key(topic);
        joined.batch.expect(
            storage::Family::Control, key, call.state.directory.record_revision(topic)
        );
        next->node = node ? node->uid : 0;
        joined.batch.put(storage::Family::Control, key, encode(*next));
    }
    record_allowed_for(call, joined.batch, "initPublish", topic, publish);
    return pubsub::Decision::Change{std::move(joined.batch), std::move(answer)};
}

pubsub::Decision finish_publish(const Call& call) {
    const std::string topic = topic_of_capability(call);
    if (topic.empty()) return call.fail(Errc::MalformedRequest, "expected a capability");
    const auto node = call.state.directory.node(topic);
    storage::Batch batch;
    if (!node || !call.state.directory.registrations.leave(batch, call.context, node->uid))
        return call.fail(Errc::UnknownCapability, "this stream is not registered at " + topic);
    xml::Element answer = respond(
        call.request, xml::Element(
                          "finishPublishResponse", xml::ns::gi_grid, {},
                          xml::Element::with_text("topicName", topic)
                      )
    );
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "finishPublish");
    record.topic = topic;
    audit::append(batch, std::move(record));
    return pubsub::Decision::Change{std::move(batch), std::move(answer)};
}

}   // namespace grid::controller::gi
