// pubsub/model/filter_indexes.hpp: the filters of each topic, compiled for asking all of them at
// once: answers remembered, found again from the nodes at any time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "pubsub/model/node.hpp"
#include "pubsub/ports/content_filter.hpp"

namespace grid::pubsub {

class FilterIndexes {
public:
    /// The topic's subtopics whose filter lets that through. Only what came and went since the last
    /// time is compiled.
    std::vector<const Node*> match(
        const ContentFilter& filter, const Node& topic, const std::string& extracted
    );

private:
    struct OfTopic {
        std::uint64_t version = 0;
        std::unique_ptr<FilterIndex> index;
        std::map<std::uint64_t, const Node*> known;
    };
    static void follow(OfTopic& of_topic, const Node& topic);

    std::unordered_map<std::uint64_t, OfTopic> topics_;
};

}   // namespace grid::pubsub
