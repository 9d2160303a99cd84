// tests/stories/subtopic_stage.hpp: a provider, a reader, another reader, and a topic with
// filters.
#pragma once

#include <string>
#include <vector>

#include "grid_stage.hpp"

namespace grid::test {

class SubtopicStage : public GridStage {
public:
    static constexpr const char* maker = "maker@grid.example/m";
    static constexpr const char* reader = "reader@grid.example/r";
    static constexpr const char* other = "other@grid.example/o";
    static constexpr const char* topic = "Session-1.0";

    /// The policy speaks of the topic alone: whatever works at subtopics works by its rights.
    explicit SubtopicStage(std::string_view rules = "allow any any Session-1.0\n");
    /// Background work of controller and broker, a while later.
    void later(storage::Millis by);

    static std::string support(const std::string& limit = "8");
    /// Registers the maker; `more` in initPublishRequest, by default three attributes.
    xml::Element provides(const std::string& more = support(), const char* who = maker);
    static std::string server_side();

    static std::string grid_iq(const std::string& operation, const char* dialect = "xgrid");
    static std::string pubsub_iq(const std::string& inside, const char* type = "set");
    static std::string subscribe_request(const std::string& filter, const char* of = topic);
    static std::string leave_request(const std::string& more);
    /// Stock: with `x-grid#filter` in the options.
    static std::string stock_subscribe(const std::string& bare, const std::string& filter);
    static std::string publish(
        const std::string& node, const std::string& id, const std::string& payload
    );
    static std::string session(
        const std::string& location, const std::string& domain = "corp", int risk = 1
    );

    std::string type_of(const char* who, const std::string& iq);
    /// `modify bad-request invalid-filter`: type, condition, application condition.
    std::string refusal(const char* who, const std::string& iq);
    /// The subtopic's name in a subscribeResponse.
    std::string subtopic(const char* who, const std::string& filter);
    std::vector<pubsub::SubtopicView> subtopics() { return node.broker->subtopics(topic); }
    /// Messages that were told since the last look, in this address's own form; `forget` first.
    std::vector<std::string> told(const char* full);
    void forget() { control.sent.clear(); }
    /// The grace time passes, and what follows.
    void grace();

private:
    storage::Millis time_ = storage::MemoryStore::time_at_start;
};

}   // namespace grid::test
