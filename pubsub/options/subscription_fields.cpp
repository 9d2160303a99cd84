// pubsub/options/subscription_fields.cpp: the subscription options of XEP-0060 §16.4.2, all
// eight, and our own.
#include "pubsub/options/subscription_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "storage/codec.hpp"
#include "xml/datetime.hpp"
#include "xml/form.hpp"

namespace grid::pubsub {

namespace {

using Options = SubscriptionOptions;
using OptionValues = OptionField::Values;
using WantedText = OptionField::Wanted;

std::string_view first_text(const OptionValues& values) {
    return values.empty() ? std::string_view{} : std::string_view(values.front());
}

std::optional<std::uint32_t> parse_number(std::string_view digits) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

OptionField boolean(std::uint8_t id, const char* var, const char* label, bool Options::* member) {
    const auto get = [=](const Options& options) {
        return OptionValues{options.*member ? "1" : "0"};
    };
    const auto set = [=](Options& options, const OptionValues& values) -> WantedText {
        const auto value = xml::parse_boolean(first_text(values));
        if (!value) return "0, 1, false or true";
        options.*member = *value;
        return std::nullopt;
    };
    return {id, var, "boolean", label, {}, get, set};
}

OptionField digest_frequency() {
    const auto get = [](const Options& options) {
        return OptionValues{std::to_string(options.digest_frequency)};
    };
    const auto set = [](Options& options, const OptionValues& values) -> WantedText {
        const auto value = parse_number(first_text(values));
        if (!value || *value > digest_ms_max)
            return "milliseconds, at most " + std::to_string(digest_ms_max);
        // The option is a minimum: the service may take longer, and the form shows the interval in
        // use.
        options.digest_frequency = std::max(*value, digest_ms_min);
        return std::nullopt;
    };
    return {
        3,
        "pubsub#digest_frequency",
        "text-single",
        "The minimum number of milliseconds between sending any two notification digests",
        {},
        get,
        set
    };
}

OptionField expire() {
    const auto get = [](const Options& options) {
        if (options.is_temporary) return OptionValues{"presence"};
        return OptionValues{options.expire == 0 ? std::string() : xml::to_datetime(options.expire)};
    };
    const auto set = [](Options& options, const OptionValues& values) -> WantedText {
        const std::string_view value = first_text(values);
        const bool is_temporary = value == "presence";
        const auto time = xml::parse_datetime(value);
        if (!value.empty() && !is_temporary && (!time || *time <= 0))
            return "a dateTime such as 2026-12-31T23:59:59Z, `presence`, or empty";
        options.is_temporary = is_temporary;
        options.expire = time.value_or(0);
        return std::nullopt;
    };
    return {
        4,
        "pubsub#expire",
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

OptionField shows() {
    const auto get = [](const Options& options) {
        OptionValues values;
        for (const auto& [name, bit] : show_values)
            if ((options.shows & bit) != 0) values.emplace_back(name);
        return values;
    };
    const auto set = [](Options& options, const OptionValues& values) -> WantedText {
        std::uint8_t shows = 0;
        for (const std::string& value : values) {
            const auto found =
                std::find_if(show_values.begin(), show_values.end(), [&](const auto& show) {
                    return show.first == value;
                });
            if (found == show_values.end()) return "some of away, chat, dnd, online, xa";
            shows = static_cast<std::uint8_t>(shows | found->second);
        }
        if (shows == 0) return "at least one of away, chat, dnd, online, xa (or deliver nothing)";
        options.shows = shows;
        return std::nullopt;
    };
    return {
        6,
        "pubsub#show-values",
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

constexpr std::array<const char*, 4> type_names{"", "items", "nodes", "all"};

OptionField subscription_type() {
    const auto get = [](const Options& options) {
        return OptionValues{type_names.at(static_cast<std::size_t>(options.type))};
    };
    const auto set = [](Options& options, const OptionValues& values) -> WantedText {
        const auto found = std::find(type_names.begin(), type_names.end(), first_text(values));
        if (found == type_names.end()) return "items, nodes or all";
        options.type = static_cast<SubscriptionType>(found - type_names.begin());
        return std::nullopt;
    };
    return {
        7,
        "pubsub#subscription_type",
        "list-single",
        "What an entity wants to receive notifications of",
        {{"items", "Receive notification of new items only"},
         {"nodes", "Receive notification of new nodes only"},
         {"all", "Receive notification of items and nodes"}},
        get,
        set
    };
}

/// Depths beyond this one mean all levels: `replay` tells the levels up to it apart.
constexpr std::uint32_t depth_max = 32;

OptionField subscription_depth() {
    const auto get = [](const Options& options) {
        return OptionValues{options.depth == every_depth ? "all" : std::to_string(options.depth)};
    };
    const auto set = [](Options& options, const OptionValues& values) -> WantedText {
        const bool is_all = first_text(values) == "all";
        const auto value = parse_number(first_text(values));
        if (!is_all && (!value || *value > depth_max))
            return "`all`, or how many levels, at most " + std::to_string(depth_max);
        options.depth = is_all ? every_depth : *value;
        return std::nullopt;
    };
    // XEP-0248: any number; the list of XEP-0060's registration would not hold the current value.
    return {
        8,
        "pubsub#subscription_depth",
        "text-single",
        "How far to traverse the node graph for notifications",
        {},
        get,
        set
    };
}

/// §12.20. The filter is validated where the node is known (pubsub/decide/subtopics.hpp).
OptionField filter() {
    const auto get = [](const Options& options) { return OptionValues{options.filter}; };
    const auto set = [](Options& options, const OptionValues& values) -> WantedText {
        options.filter = first_text(values);
        return std::nullopt;
    };
    return {9, "x-grid#filter", "text-single", "Only items that match this filter", {}, get, set};
}

}   // namespace

const std::vector<OptionField>& option_fields() {
    static const std::vector<OptionField> table{
        boolean(
            1, "pubsub#deliver", "Whether an entity wants to receive or disable notifications",
            &Options::deliver
        ),
        boolean(
            2, "pubsub#digest",
            "Whether an entity wants to receive digests (aggregations) of notifications or all "
            "notifications individually",
            &Options::digest
        ),
        digest_frequency(),
        expire(),
        boolean(
            5, "pubsub#include_body",
            "Whether an entity wants to receive an XMPP message body in addition to the payload "
            "format",
            &Options::include_body
        ),
        shows(),
        subscription_type(),
        subscription_depth(),
        filter(),
    };
    return table;
}

std::string encode_options(const SubscriptionOptions& options) {
    const SubscriptionOptions defaults;
    storage::Encoder out;
    for (const OptionField& field : option_fields()) {
        const OptionField::Values values = field.get(options);
        if (values == field.get(defaults)) continue;
        out.u8(field.id).varint(values.size());
        for (const std::string& value : values) out.text(value);
    }
    return out.take();
}

SubscriptionOptions decode_options(std::string_view bytes) {
    SubscriptionOptions options;
    storage::Decoder in(bytes);
    while (in.ok() && !in.at_end()) {
        const std::uint8_t id = in.u8();
        const std::uint64_t count = in.varint();
        OptionField::Values values;
        for (std::uint64_t i = 0; i < count && in.ok(); ++i) values.emplace_back(in.text());
        for (const OptionField& field : option_fields())
            if (field.id == id) (void)field.set(options, values);
    }
    return options;
}

}   // namespace grid::pubsub
