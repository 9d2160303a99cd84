// pubsub/options/field.hpp: a row in a table of options, of nodes or of subscriptions: how an
// option stands in forms and in records. Rows are made by kind: boolean, text, number, list,
// choice.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pubsub/errors.hpp"
#include "pubsub/options/node_config.hpp"
#include "storage/codec.hpp"
#include "xml/form.hpp"
#include "xml/jid.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

using OptionValues = std::vector<std::string>;
using OptionError = std::optional<xml::StanzaError>;

inline std::string_view first_value(const OptionValues& values) {
    return values.empty() ? std::string_view{} : std::string_view(values.front());
}

struct OptionChoice {
    const char *value, *label;
    /// Whether forms offer it and refusals name it. One that is not is taken all the same.
    bool is_offered = true;
};

inline constexpr std::size_t option_text_bytes_max = 4096, option_list_max = 32;

/// An option of `Options`. A value that it cannot have is refused with `bad`.
template <class Options_, Errc bad>
struct OptionField {
    using Options = Options_;
    using Get = std::function<OptionValues(const Options&)>;
    /// Gets the settings to check against, or null when it reads a record.
    using Set = std::function<OptionError(Options&, const OptionValues&, const Settings*)>;

    std::uint8_t id;   // in records: DO NOT CHANGE
    const char *var, *type, *label;
    std::vector<OptionChoice> choices;
    Get get;
    Set set;
    /// In whose nodes' forms it stands; a leaf refuses what only collections have.
    enum Where : std::uint8_t { Any, Leaf, Collection } where = Any;
    /// The value's meaning, where several spellings mean the same; else `get` gives it.
    std::function<OptionValues(const Options&, const Settings&)> meaning = {};

    /// The refusal of a value, with what would be right.
    static OptionError bad_value(std::string_view var, std::string_view wanted) {
        return refuse(bad, std::string(var) + " must be " + std::string(wanted) + ".");
    }

    static OptionField boolean(
        std::uint8_t id, const char* var, const char* label, bool Options::* member
    );
    static OptionField text(
        std::uint8_t id, const char* var, const char* label, std::string Options::* member
    );
    /// A number from `least` to what the settings allow, or `max`.
    static OptionField number(
        std::uint8_t id,
        const char* var,
        const char* label,
        std::uint64_t Options::* member,
        std::uint64_t (*limit)(const Settings&),
        std::uint64_t least = 1
    );
    /// Addresses, or texts where `has_jids` is false.
    static OptionField list(
        std::uint8_t id,
        const char* var,
        const char* label,
        std::vector<std::string> Options::* member,
        bool has_jids
    );
    /// An enum whose values are the places of the choices.
    template <class Enum>
    static OptionField choice(
        std::uint8_t id,
        const char* var,
        const char* label,
        Enum Options::* member,
        const std::vector<OptionChoice>& choices
    );
};

template <class Options, Errc bad>
OptionField<Options, bad> OptionField<Options, bad>::boolean(
    std::uint8_t id, const char* var, const char* label, bool Options::* member
) {
    const auto get = [=](const Options& options) {
        return OptionValues{options.*member ? "1" : "0"};
    };
    const auto set = [=](Options& options, const OptionValues& values,
                         const Settings*) -> OptionError {
        const auto value = xml::parse_boolean(first_value(values));
        if (!value) return bad_value(var, "0, 1, false or true");
        options.*member = *value;
        return std::nullopt;
    };
    return {id, var, "boolean", label, {}, get, set};
}

template <class Options, Errc bad>
OptionField<Options, bad> OptionField<Options, bad>::text(
    std::uint8_t id, const char* var, const char* label, std::string Options::* member
) {
    const auto get = [=](const Options& options) { return OptionValues{options.*member}; };
    const auto set = [=](Options& options, const OptionValues& values,
                         const Settings*) -> OptionError {
        if (first_value(values).size() > option_text_bytes_max)
            return bad_value(var, "at most 4096 bytes long");
        options.*member = std::string(first_value(values));
        return std::nullopt;
    };
    return {id, var, "text-single", label, {}, get, set};
}

template <class Options, Errc bad>
OptionField<Options, bad> OptionField<Options, bad>::number(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::uint64_t Options::* member,
    std::uint64_t (*limit)(const Settings&),
    std::uint64_t least
) {
    const auto get = [=](const Options& options) {
        return OptionValues{limit_to_string(options.*member)};
    };
    const auto set = [=](Options& options, const OptionValues& values,
                         const Settings* settings) -> OptionError {
        const std::string_view digits = first_value(values);
        std::uint64_t value = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value);
        const std::uint64_t most = settings ? limit(*settings) : no_limit;
        if (digits == "max")
            value = no_limit;
        else if (error != std::errc() || end != digits.data() + digits.size() || value < least ||
                 value > most)
            return bad_value(
                var, "`max` or from " + std::to_string(least) + " to " + std::to_string(most)
            );
        options.*member = value;
        return std::nullopt;
    };
    const auto meaning = [=](const Options& options, const Settings& settings) {
        return OptionValues{std::to_string(std::min(options.*member, limit(settings)))};
    };
    return {id, var, "text-single", label, {}, get, set, Any, meaning};
}

template <class Options, Errc bad>
OptionField<Options, bad> OptionField<Options, bad>::list(
    std::uint8_t id,
    const char* var,
    const char* label,
    std::vector<std::string> Options::* member,
    bool has_jids
) {
    const auto get = [=](const Options& options) { return options.*member; };
    const auto set = [=](Options& options, const OptionValues& values,
                         const Settings* settings) -> OptionError {
        OptionValues list;
        for (const std::string& value : values) {
            if (value.empty()) continue;   // an empty form field has one empty value
            if (value.size() > option_text_bytes_max)
                return bad_value(var, "a list of entries of at most 4096 bytes");
            if (!has_jids || !settings) {
                list.push_back(value);
                continue;
            }
            const auto jid = xml::Jid::parse(value);
            if (!jid) return bad_value(var, "a list of addresses");
            list.push_back(jid->str());
        }
        if (list.size() > option_list_max) return bad_value(var, "at most 32 entries long");
        options.*member = std::move(list);
        return std::nullopt;
    };
    const auto meaning = [=](const Options& options, const Settings&) {
        OptionValues sorted = options.*member;
        std::ranges::sort(sorted);
        sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
        return sorted;
    };
    return {id, var, has_jids ? "jid-multi" : "text-multi", label, {}, get, set, Any, meaning};
}

template <class Options, Errc bad>
template <class Enum>
OptionField<Options, bad> OptionField<Options, bad>::choice(
    std::uint8_t id,
    const char* var,
    const char* label,
    Enum Options::* member,
    const std::vector<OptionChoice>& choices
) {
    const auto get = [=](const Options& options) {
        return OptionValues{choices.at(static_cast<std::size_t>(options.*member)).value};
    };
    const auto set = [=](Options& options, const OptionValues& values,
                         const Settings*) -> OptionError {
        std::string wanted;
        for (std::size_t i = 0; i < choices.size(); ++i) {
            if (choices[i].is_offered)
                wanted += (wanted.empty() ? "" : ", ") + std::string(choices[i].value);
            if (first_value(values) != choices[i].value) continue;
            options.*member = static_cast<Enum>(i);
            return std::nullopt;
        }
        return bad_value(var, "one of " + wanted);
    };
    return {id, var, "list-single", label, choices, get, set};
}

/// XEP-0004 §3.3: only fields of some types have several values.
template <class Field>
OptionError check_values(const Field& field, const OptionValues& values) {
    if (values.size() <= 1 || std::string_view(field.type).ends_with("-multi")) return std::nullopt;
    return Field::bad_value(field.var, "one value, not several");
}

/// Null for an option that the table does not have.
template <class Field>
const Field* find_field(const std::vector<Field>& table, std::string_view var) {
    for (const Field& field : table)
        if (field.var == var) return &field;
    return nullptr;
}

/// An option in a record.
template <class Field>
void write_field(storage::Encoder& out, const Field& field, const OptionValues& values) {
    out.u8(field.id).varint(values.size());
    for (const std::string& value : values) out.text(value);
}

/// Of a record. Unknown options are skipped: a later version may have written them.
template <class Field>
typename Field::Options read_fields(const std::vector<Field>& table, std::string_view bytes) {
    typename Field::Options options;
    storage::Decoder in(bytes);
    while (in.ok() && !in.at_end()) {
        const std::uint8_t id = in.u8();
        const std::uint64_t count = in.varint();
        OptionValues values;
        for (std::uint64_t i = 0; i < count && in.ok(); ++i) values.emplace_back(in.text());
        for (const Field& field : table)
            if (field.id == id) (void)field.set(options, values, nullptr);
    }
    return options;
}

}   // namespace grid::pubsub
