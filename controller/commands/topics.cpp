// controller/commands/topics.cpp: topics-list, topic-subscribers, topic-enable, topic-disable,
// topic-delete, topic-schema.
#include <array>

#include "controller/administration/schema_acts.hpp"
#include "controller/administration/topic_acts.hpp"
#include "controller/commands/forms.hpp"
#include "controller/topics/subscribers.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::string_view topics_list_node = "com.domain.gi.gcl.controller#topics-list";
constexpr std::string_view subscribers_node = "com.domain.gi.gcl.controller#topic-subscribers";
constexpr std::string_view topic_enable_node = "com.domain.gi.gcl.controller#topic-enable";
constexpr std::string_view topic_disable_node = "com.domain.gi.gcl.controller#topic-disable";
constexpr std::string_view topic_schema_node = "com.domain.gi.gcl.controller#topic-schema";
constexpr std::string_view topic_delete_node = "com.domain.gi.gcl.controller#topic-delete";

Step list_topics(const Call& call) {
    const auto asked = page_of(call);
    if (!asked) return asked.error();
    const auto found = asked->max == 0 ? std::vector<pubsub::NodeView>{}
                                       : call.state.directory.nodes(asked->after, asked->max);
    Table table(
        topics_list_node, "Topics",
        {{"pubsub#node", "text-single", "Topic"},
         {"pubsub#title", "text-single", "Title"},
         {"pubsub#type", "text-single", "Type"},
         {"pubsub#access_model", "text-single", "Access"},
         {"x-grid#enabled", "boolean", "Enabled"},
         {"x-grid#items", "text-single", "Items"},
         {"x-grid#subscriptions", "text-single", "Subscriptions"},
         {"x-grid#publishers", "text-single", "Publishers"},
         {"pubsub#creator", "jid-single", "Creator"},
         {"pubsub#creation_date", "text-single", "Created"}}
    );
    for (const pubsub::NodeView& node : found)
        table.add(
            {{node.name},
             {node.title},
             {node.type},
             {node.access_model},
             {node.is_enabled ? "1" : "0"},
             {std::to_string(node.items)},
             {std::to_string(node.subscriptions)},
             {std::to_string(node.publishers)},
             {node.creator},
             {xml::to_datetime(node.created)}}
        );
    const pubsub::Broker* broker = call.state.directory.broker();
    Done done;
    done.payloads.push_back(table.take());
    done.payloads.push_back(page_element(
        found.empty() ? "" : found.front().name, found.empty() ? "" : found.back().name,
        broker == nullptr ? 0 : broker->node_count()
    ));
    return done;
}

Ask ask_for_topic(std::string_view node, const char* title) {
    Ask ask{form(node, title)};
    add_field(ask.form, "pubsub#node", "text-single", "Topic");
    return ask;
}

Step switch_to(const Call& call, bool is_enabled) {
    if (call.is_first())
        return is_enabled ? ask_for_topic(topic_enable_node, "Enable a topic")
                          : ask_for_topic(topic_disable_node, "Disable a topic");
    const std::string name = call.value("pubsub#node");
    if (name.empty()) return bad_payload("the form must name a topic in pubsub#node");
    return done_with(administration::switch_topic(call, name, is_enabled));
}

Step enable(const Call& call) { return switch_to(call, true); }
Step disable(const Call& call) { return switch_to(call, false); }

Step remove(const Call& call) {
    if (call.is_first())
        return ask_for_topic(topic_delete_node, "Delete a topic with all its items");
    const std::string name = call.value("pubsub#node");
    if (name.empty()) return bad_payload("the form must name a topic in pubsub#node");
    return done_with(administration::delete_topic(call, name));
}

Step list_subscribers(const Call& call) {
    if (call.is_first()) return ask_for_topic(subscribers_node, "Subscribers of a topic");
    const std::string name = call.value("pubsub#node");
    if (name.empty()) return bad_payload("the form must name a topic in pubsub#node");
    const auto node = call.state.directory.node(name);
    if (!node) return refusal({Errc::UnknownTopic, "no topic " + name, {}});
    const auto asked = page_of(call);
    if (!asked) return asked.error();
    const auto page =
        subscribers_of(*call.state.directory.broker(), name, asked->after, asked->max);
    if (!page) return bad_payload("after is the cursor of an earlier page");
    Table table(
        subscribers_node, "Subscribers of a topic",
        {{"pubsub#subscriber_jid", "jid-single", "Subscriber"},
         {"pubsub#subscription", "text-single", "State"},
         {"x-grid#filter", "text-single", "Filter"},
         {"pubsub#node", "text-single", "Topic"},
         {"pubsub#subid", "text-single", "Subscription"}}
    );
    for (const auto& view : page->subscribers)
        table.add({{view.jid}, {view.state}, {view.filter}, {view.node}, {view.subid}});
    const auto& found = page->subscribers;
    Done done;
    done.payloads.push_back(table.take());
    done.payloads.push_back(page_element(
        found.empty() ? "" : subscriber_cursor(found.front()),
        found.empty() ? "" : subscriber_cursor(found.back()), node->subscriptions
    ));
    return done;
}

Step set_schema(const Call& call) {
    if (call.is_first()) {
        Ask ask = ask_for_topic(topic_schema_node, "Schema of a topic's payloads");
        add_field(
            ask.form, "x-grid#validation", "list-single", "Validation", {"strict"},
            {"off", "lax", "strict"}
        );
        std::vector<std::string> locations;
        for (const auto& [location, stored] : call.state.schemas.library()->documents())
            locations.push_back(location);
        add_field(
            ask.form, "x-grid#schema_document", "list-single", "Schema document", {}, locations
        );
        return ask;
    }
    const std::string name = call.value("pubsub#node");
    const auto mode = schemas::parse_mode(call.value("x-grid#validation"));
    if (name.empty() || !mode)
        return bad_payload(
            "the form must name a topic in pubsub#node, and off, lax or strict in x-grid#validation"
        );
    const std::string location = call.value("x-grid#schema_document");
    if (auto work = administration::work_before_topic_schema(call.state, name, location))
        return First{std::move(work)};
    return done_with(administration::set_topic_schema(call, name, *mode, location));
}

}   // namespace

std::span<const Command> topic_commands() {
    static constexpr std::array commands{
        Command{topics_list_node, "List topics", Act::ReadTopics, list_topics},
        Command{subscribers_node, "List subscribers of a topic", Act::ReadTopics, list_subscribers},
        Command{topic_enable_node, "Enable a topic", Act::SwitchTopics, enable},
        Command{topic_disable_node, "Disable a topic", Act::SwitchTopics, disable},
        Command{topic_schema_node, "Schema of a topic", Act::SetSchemasOfTopics, set_schema},
        Command{topic_delete_node, "Delete a topic", Act::DeleteTopics, remove},
    };
    return commands;
}

}   // namespace grid::controller::commands
