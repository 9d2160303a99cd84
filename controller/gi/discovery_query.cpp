// controller/gi/discovery_query.cpp: list, describe, find.
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "controller/gi/operation.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

/// The nodes that one listing looks at: a bound, so that it does not hold up other clients.
constexpr std::size_t looked_at_max = 10'000;

xml::Element capability_element(std::string_view topic) {
    const CapabilityName name = split_topic(topic);
    xml::Element element("capability", {{"name", std::string(name.name)}});
    if (!name.version.empty()) element.set("version", std::string(name.version));
    element.set("topic", std::string(topic));
    return element;
}

}   // namespace

namespace {

/// The attributes that subscribers may filter by, and their bound of subtopics.
void add_filters(
    const Call& call,
    const std::string& topic,
    const filters::Support& support,
    xml::Element& capability
) {
    if (!support.is_offered()) return;
    for (const filters::Attribute& attribute : support.attributes)
        capability.add(xml::Element(
            "filter", {{"attribute", attribute.name},
                       {"type", std::string(filters::to_string(attribute.type))},
                       {"match", filters::matches_text(attribute)}}
        ));
    const std::size_t limit = call.state.filters.subtopics_max(topic);
    const pubsub::Broker& broker = *call.state.directory.broker();
    xml::Element subtopics("subtopics", {{"limit", std::to_string(limit)}});
    // Only publishers and roles of administration may know how many filters are in use.
    if (call.state.may(call.actor(), Act::ReadTopics) ||
        broker.publishes(broker.node_uid(topic), call.actor().jid.bare_view()))
        subtopics.set("count", std::to_string(broker.subtopics(topic).size()));
    if (support.is_server_side) subtopics.set("serverSideFilter", "true");
    capability.add(std::move(subtopics));
}

}   // namespace

namespace {

/// A cursor that names no node, where a listing ends between names.
const std::string hidden_place = "place:";

}   // namespace

std::string place_of(const Call& call, std::string after) {
    std::uint64_t uid = 0;
    if (!after.starts_with(hidden_place) || call.state.directory.node(after)) return after;
    const char* const begin = after.data() + hidden_place.size();
    const auto [end, error] = std::from_chars(begin, after.data() + after.size(), uid);
    if (error != std::errc{} || end != after.data() + after.size()) return after;
    return call.state.directory.broker()->node_name(uid);
}

std::string next_place(const Call& call, const std::string& after) {
    return hidden_place + std::to_string(call.state.directory.broker()->node_uid(after));
}

TopicPage discoverable(const Call& call, std::string after) {
    TopicPage page;
    after = place_of(call, std::move(after));
    const std::size_t page_max = call.state.settings.page_max;
    for (std::size_t looked_at = 0; looked_at < looked_at_max;) {
        const auto nodes = call.state.directory.nodes(after, page_max);
        if (nodes.empty()) return page;
        for (const pubsub::NodeView& node : nodes) {
            ++looked_at;
            after = node.name;
            // Subtopics are their topic's business.
            if (!node.topic.empty()) continue;
            if (!call.state.decide(call.actor(), policy::Right::Discover, node.name).allowed)
                continue;
            page.topics.push_back(node);
            if (page.topics.size() < page_max) continue;
            page.next = after;
            return page;
        }
        if (nodes.size() < page_max) return page;
    }
    // The last one looked at may be one that the actor must not hear of.
    page.next = next_place(call, after);
    return page;
}

pubsub::Decision list(const Call& call) {
    TopicPage page = discoverable(call, call.request.one("after"));
    xml::Element value("value", xml::Ns{});
    for (const pubsub::NodeView& node : page.topics) value.add(capability_element(node.name));
    xml::Element answer = method_answer(call.request).add(std::move(value));
    // More than a page: ask again with <param name='after'>.
    if (!page.next.empty()) answer.set("next", page.next);
    return call.reply(std::move(answer));
}

namespace {

/// Whether a provider of the topic may serve that name (still).
bool is_served(const Call& call, const std::string& topic, const std::string& query) {
    const auto providers = call.state.directory.providers(topic, call.context.now);
    return std::ranges::any_of(providers, [&](const Provider& provider) {
        return call.state.may_serve(provider.account, topic, query);
    });
}

}   // namespace

pubsub::Decision describe(const Call& call) {
    const std::string topic = call.request.one("topic", true);
    if (topic.empty()) return call.fail(Errc::MalformedRequest, "expected the name of a topic");
    const auto node = call.node(topic);
    const policy::Match seen = call.match(policy::Right::Discover, topic);
    if (!node || !seen.allowed) return call.hide("describe", topic, seen);
    xml::Element capability = capability_element(topic);
    const Topic* declared = call.state.directory.topic(topic);
    std::string schema = node->type;
    if (declared != nullptr && !declared->schema_namespace.empty())
        schema = declared->schema_namespace;
    if (!schema.empty()) {
        xml::Element element("schema", {{"namespace", schema}});
        if (declared != nullptr && !declared->schema_location.empty())
            element.set("location", declared->schema_location);
        capability.add(std::move(element));
    }
    if (declared != nullptr) {
        for (const std::string& query : declared->queries)
            if (is_served(call, topic, query))
                capability.add(xml::Element("query", {{"name", query}}));
        for (const std::string& notification : declared->notifications)
            capability.add(xml::Element("notification", {{"name", notification}}));
        add_filters(call, topic, declared->filters, capability);
    }
    for (const Provider& provider : call.state.directory.providers(topic, call.context.now)) {
        for (const xml::Jid& jid : provider.online)
            capability.add(xml::Element("provider", {{"jid", jid.str()}, {"online", "true"}}));
        if (provider.online.empty())
            capability.add(
                xml::Element("provider", {{"jid", provider.account.str()}, {"online", "false"}})
            );
    }
    xml::Element value("value", xml::Ns{});
    value.add(std::move(capability));
    return call.reply(method_answer(call.request).add(std::move(value)));
}

Outcome<std::vector<xml::Jid>> providers_of(const Call& call, std::string_view service) {
    constexpr std::array rights{
        policy::Right::Discover, policy::Right::Query, policy::Right::Subscribe
    };
    std::vector<xml::Jid> found;
    bool is_served = false;
    std::string denied;
    const std::string name(service);
    const bool is_hidden = call.state.directory.node(name) && !call.node(name);
    for (const std::string& topic : call.state.directory.serving(service)) {
        if (std::ranges::none_of(rights, [&](policy::Right right) {
                return call.state.decide(call.actor(), right, policy::Object{topic, {}, service})
                    .allowed;
            })) {
            if (denied.empty()) denied = topic;
            continue;
        }
        // A topic of that name is there, whatever its providers; a name that is only declared is as
        // good as the right of the providers that declare it.
        is_served = is_served || topic == service || split_topic(topic).name == service;
        for (Provider& provider : call.state.directory.providers(topic, call.context.now)) {
            if (!call.state.may_serve(provider.account, topic, service)) continue;
            is_served = true;
            for (xml::Jid& jid : provider.online)
                if (std::ranges::find(found, jid) == found.end()) found.push_back(std::move(jid));
        }
    }
    // The same for a name that is not there and for one that the asker has no right to: asking does
    // not tell which services a grid has.
    if (!is_served || is_hidden) {
        if (!denied.empty())
            call.state.note(
                call.actor(), "find", denied, call.match(policy::Right::Discover, denied)
            );
        return Failure{Errc::UnknownCapability, "nobody serves " + std::string(service), {}};
    }
    // Spread the load: start anywhere, but at the same place when the request is decided again.
    if (found.size() > 1) {
        const std::size_t start = std::hash<std::string>{}(call.context.fresh_id) % found.size();
        std::ranges::rotate(found, found.begin() + static_cast<std::ptrdiff_t>(start));
    }
    return found;
}

pubsub::Decision find(const Call& call) {
    const std::string service = call.request.one("service", true);
    if (service.empty()) return call.fail(Errc::MalformedRequest, "expected the name of a service");
    auto found = providers_of(call, service);
    if (!found) return to_stanza_error(found.error());
    std::vector<std::string> items;
    for (const xml::Jid& jid : *found) items.push_back(jid.str());
    return call.reply(method_answer(call.request).add(string_array(items)));
}

}   // namespace grid::controller::gi
