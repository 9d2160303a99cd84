// pubsub/options/node_kinds.cpp: see pubsub/options/node_kinds.hpp.
#include "pubsub/options/node_kinds.hpp"

#include <algorithm>
#include <charconv>

#include "pubsub/errors.hpp"
#include "pubsub/options/node_config.hpp"
#include "pubsub/settings.hpp"
#include "xml/form.hpp"
#include "xml/jid.hpp"

namespace grid::pubsub {

namespace {
using Values = ConfigField::Values;
using Error = ConfigField::Error;
}   // namespace

Error bad_value(std::string_view var, std::string_view wanted) {
    return refuse(Errc::NotAcceptable, std::string(var) + " must be " + std::string(wanted) + ".");
}

ConfigField boolean_field(
    std::uint8_t id, const char* var, const char* label, bool NodeConfig::* member
) {
    return {
        id,
        var,
        "boolean",
        label,
        {},
        [=](const NodeConfig& config) { return Values{config.*member ? "1" : "0"}; },
        [=](NodeConfig& config, const Values& values, const Settings*) -> Error {
            const auto value = xml::parse_boolean(first_value(values));
            if (!value) return bad_value(var, "0, 1, false or true");
            config.*member = *value;
            return std::nullopt;
        },
        ConfigField::Any
    };
}

ConfigField text_field(
    std::uint8_t id, const char* var, const char* label, std::string NodeConfig::* member
) {
    return {
        id,
        var,
        "text-single",
        label,
        {},
        [=](const NodeConfig& config) { return Values{config.*member}; },
        [=](NodeConfig& config, const Values& values, const Settings*) -> Error {
            if (first_value(values).size() > config_text_bytes_max)
                return bad_value(var, "at most 4096 bytes long");
            config.*member = std::string(first_value(values));
            return std::nullopt;
        },
        ConfigField::Any
    };
}

ConfigField number_field(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::uint64_t NodeConfig::* member,
    std::uint64_t (*limit)(const Settings&),
    std::uint64_t least
) {
    return {
        id,
        var,
        "text-single",
        label,
        {},
        [=](const NodeConfig& config) { return Values{limit_to_string(config.*member)}; },
        [=](NodeConfig& config, const Values& values, const Settings* settings) -> Error {
            const std::string_view digits = first_value(values);
            std::uint64_t value = 0;
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), value);
            const std::uint64_t most = settings ? limit(*settings) : no_limit;
            if (digits == "max")
                value = no_limit;
            else if (error != std::errc() || end != digits.data() + digits.size() ||
                     value < least || value > most)
                return bad_value(
                    var, "`max` or from " + std::to_string(least) + " to " + std::to_string(most)
                );
            config.*member = value;
            return std::nullopt;
        },
        ConfigField::Any,
        [=](const NodeConfig& config, const Settings& settings) {
            return Values{std::to_string(std::min(config.*member, limit(settings)))};
        }
    };
}

ConfigField list_field(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::vector<std::string> NodeConfig::* member,
    bool has_jids
) {
    return {
        id,
        var,
        has_jids ? "jid-multi" : "text-multi",
        label,
        {},
        [=](const NodeConfig& config) { return config.*member; },
        [=](NodeConfig& config, const Values& values, const Settings* settings) -> Error {
            Values list;
            for (const std::string& value : values) {
                if (value.empty()) continue;   // an empty form field has one empty value
                if (value.size() > config_text_bytes_max)
                    return bad_value(var, "a list of entries of at most 4096 bytes");
                if (!has_jids || !settings) {
                    list.push_back(value);
                    continue;
                }
                const auto jid = xml::Jid::parse(value);
                if (!jid) return bad_value(var, "a list of addresses");
                list.push_back(jid->str());
            }
            if (list.size() > config_list_max) return bad_value(var, "at most 32 entries long");
            config.*member = std::move(list);
            return std::nullopt;
        },
        ConfigField::Any,
        [=](const NodeConfig& config, const Settings&) {
            Values sorted = config.*member;
            std::ranges::sort(sorted);
            sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
            return sorted;
        }
    };
}

}   // namespace grid::pubsub
