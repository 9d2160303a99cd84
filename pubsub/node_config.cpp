// pubsub/node_config.cpp: defaults, and the payload type that a NodeID implies.
#include "pubsub/node_config.hpp"

#include <algorithm>

#include "pubsub/engine.hpp"
#include "pubsub/node_config_form.hpp"

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

bool is_model_enabled(AccessModel model, const Settings& settings) {
    switch (model) {
        case AccessModel::Open:   // RFC 8600 §8.3.5 wants authorize or whitelist
            return settings.allow_open;
        case AccessModel::Presence:
        case AccessModel::Roster:
            return settings.has_contacts;
        default:
            return true;
    }
}

NodeConfig default_config(const Settings& settings, std::string_view node) {
    NodeConfig config;
    const auto model = parse_access_model(settings.default_access_model);
    if (model && is_model_enabled(*model, settings)) config.access_model = *model;
    config.admission = Admission::Policy;   // no access model was given (settle_admission)
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
