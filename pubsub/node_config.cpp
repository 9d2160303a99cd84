// pubsub/node_config.cpp: defaults, and the payload type that a NodeID implies.
#include "pubsub/node_config.hpp"

#include <algorithm>

#include "pubsub/engine.hpp"

namespace grid::pubsub {

bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p, ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;   // the star takes one more
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

NodeConfig default_config(const Settings& settings, std::string_view node) {
    NodeConfig config;
    if (settings.default_access_model == "authorize")
        config.access_model = AccessModel::Authorize;
    else if (settings.default_access_model == "open" && settings.allow_open)
        config.access_model = AccessModel::Open;
    config.max_items = std::min(settings.max_items_default, settings.max_items_max);
    config.max_payload_size = settings.payload_bytes_max;
    for (const auto& [pattern, type] : settings.types) {
        if (!matches_glob(pattern, node)) continue;
        config.type = type;
        break;
    }
    return config;
}

}   // namespace grid::pubsub
