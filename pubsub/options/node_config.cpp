// pubsub/options/node_config.cpp: defaults, and the payload type that a NodeID implies.
#include "pubsub/options/node_config.hpp"

#include <algorithm>
#include <array>

#include "pubsub/settings.hpp"

namespace grid::pubsub {

namespace {

constexpr std::array<std::string_view, 5> access_models{
    "open", "authorize", "whitelist", "presence", "roster"
};

}   // namespace

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

Settings personal_settings(Settings settings) {
    const Personal& most = settings.personal;
    settings.is_personal = true;
    settings.allow_open = true;
    settings.auto_create = true;
    settings.strict_type = false;
    settings.types.clear();
    settings.default_access_model = "presence";
    settings.max_items_max = most.items_per_node_max;
    settings.max_items_default = 1;
    settings.payload_bytes_max = std::min(settings.payload_bytes_max, most.item_bytes_max);
    return settings;
}

NodeConfig default_config(const Settings& settings, std::string_view node) {
    NodeConfig config;
    if (settings.last_published) config.send_last_published_item = SendLast::OnSubAndPresence;
    if (settings.is_personal) {   // XEP-0163 §3, §4.3
        config.send_last_published_item = SendLast::OnSubAndPresence;
        config.notification_type = NotificationType::Headline;
        // The older item is replaced: no client needs to hear that it is gone.
        config.publish_node_full = NodeFull::DiscardOldest;
    }
    const auto model = parse_access_model(settings.default_access_model);
    if (model && is_model_enabled(*model, settings)) config.access_model = *model;
    // The list of an account's node is its own.
    config.admission = settings.is_personal
                           ? Admission::Owner
                           : Admission::Policy;   // no access model was given (infer_admission)
    config.max_items = std::min(settings.max_items_default, settings.max_items_max);
    config.max_payload_size = settings.payload_bytes_max;
    for (const auto& [pattern, type] : settings.types) {
        if (!matches_glob(pattern, node)) continue;
        config.type = type;
        break;
    }
    return config;
}

std::string_view to_string(AccessModel model) {
    return access_models.at(static_cast<std::size_t>(model));
}

std::optional<AccessModel> parse_access_model(std::string_view text) {
    const auto found = std::find(access_models.begin(), access_models.end(), text);
    if (found == access_models.end()) return std::nullopt;
    return static_cast<AccessModel>(found - access_models.begin());
}

std::string_view to_string(PublishModel model) {
    constexpr std::array<std::string_view, 3> names{"publishers", "subscribers", "open"};
    return names.at(static_cast<std::size_t>(model));
}

std::string limit_to_string(std::uint64_t value) {
    return value == no_limit ? "max" : std::to_string(value);
}

}   // namespace grid::pubsub
