// controller/commands/topics.cpp: topics-list, topic-enable, topic-disable, topic-delete (S82).
#include <array>

#include "controller/commands/acts.hpp"
#include "controller/commands/forms.hpp"
#include "controller/topics/switch.hpp"
#include "xml/datetime.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::string_view list_node = "com.domain.gi.gcl.controller#topics-list";
constexpr std::string_view enable_node = "com.domain.gi.gcl.controller#topic-enable";
constexpr std::string_view disable_node = "com.domain.gi.gcl.controller#topic-disable";
constexpr std::string_view delete_node = "com.domain.gi.gcl.controller#topic-delete";

Step list_topics(const Call& call) {
    const auto asked = page_of(call);
    if (!asked) return asked.error();
    const auto found = asked->max == 0 ? std::vector<pubsub::NodeView>{}
                                       : call.state.directory.nodes(asked->after, asked->max);
    Table table(
        list_node, "Topics",
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
    const pubsub::Engine* broker = call.state.directory.broker();
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

Step done_with(Outcome<storage::Batch> batch) {
    if (!batch) return refusal(batch.error());
    return Done{std::move(*batch)};
}

Step switch_to(const Call& call, bool is_enabled) {
    if (call.is_first())
        return is_enabled ? ask_for_topic(enable_node, "Enable a topic")
                          : ask_for_topic(disable_node, "Disable a topic");
    const std::string name = call.value("pubsub#node");
    if (name.empty()) return bad_payload("the form must name a topic in pubsub#node");
    return done_with(switch_topic(call.state, name, is_enabled, call.context));
}

Step enable(const Call& call) { return switch_to(call, true); }
Step disable(const Call& call) { return switch_to(call, false); }

Step remove(const Call& call) {
    if (call.is_first()) return ask_for_topic(delete_node, "Delete a topic with all its items");
    const std::string name = call.value("pubsub#node");
    if (name.empty()) return bad_payload("the form must name a topic in pubsub#node");
    return done_with(delete_topic(call.state, name, call.context));
}

}   // namespace

std::span<const Command> topic_commands() {
    static constexpr std::array commands{
        Command{list_node, "List topics", Access::Administrators, list_topics},
        Command{enable_node, "Enable a topic", Access::Administrators, enable},
        Command{disable_node, "Disable a topic", Access::Administrators, disable},
        Command{delete_node, "Delete a topic", Access::Administrators, remove},
    };
    return commands;
}

}   // namespace grid::controller::commands
