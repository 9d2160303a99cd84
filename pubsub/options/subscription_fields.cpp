// pubsub/options/subscription_fields.cpp: the subscription options of XEP-0060 §16.4.2, all
// eight, and our own.
#include "pubsub/options/subscription_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "xml/datetime.hpp"

namespace grid::pubsub {

namespace {

using Options = SubscriptionOptions;

std::optional<std::uint32_t> parse_number(std::string_view digits) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

constexpr const char *digest_frequency_var = "pubsub#digest_frequency",
                     *expire_var = "pubsub#expire", *shows_var = "pubsub#show-values",
                     *depth_var = "pubsub#subscription_depth";

SubscriptionField digest_frequency() {
    const auto get = [](const Options& options) {
        return OptionValues{std::to_string(options.digest_frequency)};
    };
    const auto set = [](Options& options, const OptionValues& values,
                        const Settings*) -> OptionError {
        const auto value = parse_number(first_value(values));
        if (!value || *value > digest_ms_max)
            return SubscriptionField::bad_value(
                digest_frequency_var, "milliseconds, at most " + std::to_string(digest_ms_max)
            );
        // The option is a minimum: the service may take longer, and the form shows the interval in
        // use.
        options.digest_frequency = std::max(*value, digest_ms_min);
        return std::nullopt;
    };
    return {
        3,
        digest_frequency_var,
        "text-single",
        "The minimum number of milliseconds between sending any two notification digests",
        {},
        get,
        set
    };
}

SubscriptionField expire() {
    const auto get = [](const Options& options) {
        if (options.is_temporary) return OptionValues{"presence"};
        return OptionValues{options.expire == 0 ? std::string() : xml::to_datetime(options.expire)};
    };
    const auto set = [](Options& options, const OptionValues& values,
                        const Settings*) -> OptionError {
        const std::string_view value = first_value(values);
        const bool is_temporary = value == "presence";
        const auto time = xml::parse_datetime(value);
        if (!value.empty() && !is_temporary && (!time || *time <= 0))
            return SubscriptionField::bad_value(
                expire_var, "a dateTime such as 2026-12-31T23:59:59Z, `presence`, or empty"
            );
        options.is_temporary = is_temporary;
        options.expire = time.value_or(0);
        return std::nullopt;
    };
    return {
        4,
        expire_var,
        "text-single",
        "The DateTime at which a leased subscription will end or has ended",
        {},
        get,
        set
    };
}

constexpr std::array show_values{
    std::pair{"away", Show::Away},       std::pair{"chat", Show::Chat},
    std::pair{"dnd", Show::Dnd},         std::pair{"online", Show::Online},
    std::pair{"xa", Show::ExtendedAway},
};

SubscriptionField shows() {
    const auto get = [](const Options& options) {
        OptionValues values;
        for (const auto& [name, bit] : show_values)
            if ((options.shows & bit) != 0) values.emplace_back(name);
        return values;
    };
    const auto set = [](Options& options, const OptionValues& values,
                        const Settings*) -> OptionError {
        std::uint8_t shows = 0;
        for (const std::string& value : values) {
            const auto found =
                std::find_if(show_values.begin(), show_values.end(), [&](const auto& show) {
                    return show.first == value;
                });
            if (found == show_values.end())
                return SubscriptionField::bad_value(
                    shows_var, "some of away, chat, dnd, online, xa"
                );
            shows = static_cast<std::uint8_t>(shows | found->second);
            if (found->second == Show::Online) shows |= Show::Unannounced;
        }
        if (shows == 0)
            return SubscriptionField::bad_value(
                shows_var, "at least one of away, chat, dnd, online, xa (or deliver nothing)"
            );
        options.shows = shows;
        return std::nullopt;
    };
    return {
        6,
        shows_var,
        "list-multi",
        "The presence states for which an entity wants to receive notifications",
        {{"away", "XMPP Show Value of Away"},
         {"chat", "XMPP Show Value of Chat"},
         {"dnd", "XMPP Show Value of DND (Do Not Disturb)"},
         {"online", "Mere Availability in XMPP (No Show Value)"},
         {"xa", "XMPP Show Value of XA (Extended Away)"}},
        get,
        set
    };
}

/// Depths beyond this one mean all levels: `replay` tells the levels up to it apart.
constexpr std::uint32_t depth_max = 32;

SubscriptionField subscription_depth() {
    const auto get = [](const Options& options) {
        return OptionValues{options.depth == every_depth ? "all" : std::to_string(options.depth)};
    };
    const auto set = [](Options& options, const OptionValues& values,
                        const Settings*) -> OptionError {
        const bool is_all = first_value(values) == "all";
        const auto value = parse_number(first_value(values));
        if (!is_all && (!value || *value > depth_max))
            return SubscriptionField::bad_value(
                depth_var, "`all`, or how many levels, at most " + std::to_string(depth_max)
            );
        options.depth = is_all ? every_depth : *value;
        return std::nullopt;
    };
    // XEP-0248: any number; the list of XEP-0060's registration would not hold the current value.
    return {
        8,   depth_var, "text-single", "How far to traverse the node graph for notifications", {},
        get, set
    };
}

/// §12.20. The filter is validated where the node is known (pubsub/decide/subtopics.hpp).
SubscriptionField filter() {
    const auto get = [](const Options& options) { return OptionValues{options.filter}; };
    const auto set = [](Options& options, const OptionValues& values,
                        const Settings*) -> OptionError {
        options.filter = first_value(values);
        return std::nullopt;
    };
    return {9, "x-grid#filter", "text-single", "Only items that match this filter", {}, get, set};
}

}   // namespace

const std::vector<SubscriptionField>& subscription_fields() {
    static const std::vector<SubscriptionField> table{
        SubscriptionField::boolean(
            1, "pubsub#deliver", "Whether an entity wants to receive or disable notifications",
            &Options::deliver
        ),
        SubscriptionField::boolean(
            2, "pubsub#digest",
            "Whether an entity wants to receive digests (aggregations) of notifications or all "
            "notifications individually",
            &Options::digest
        ),
        digest_frequency(),
        expire(),
        SubscriptionField::boolean(
            5, "pubsub#include_body",
            "Whether an entity wants to receive an XMPP message body in addition to the payload "
            "format",
            &Options::include_body
        ),
        shows(),
        SubscriptionField::choice(
            7, "pubsub#subscription_type", "What an entity wants to receive notifications of",
            &Options::type,
            {{"", "", false},   // the node's kind decides
             {"items", "Receive notification of new items only"},
             {"nodes", "Receive notification of new nodes only"},
             {"all", "Receive notification of items and nodes"}}
        ),
        subscription_depth(),
        filter(),
    };
    return table;
}

std::string encode_options(const SubscriptionOptions& options) {
    const SubscriptionOptions defaults;
    storage::Encoder out;
    for (const SubscriptionField& field : subscription_fields()) {
        const OptionValues values = field.get(options);
        if (values != field.get(defaults)) write_field(out, field, values);
    }
    return out.take();
}

SubscriptionOptions decode_options(std::string_view bytes) {
    return read_fields(subscription_fields(), bytes);
}

}   // namespace grid::pubsub
