// server/config_file.cpp: the table of options, and the three ways to set them.
#include "server/config_file.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <variant>

namespace grid::server {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Target = std::variant<
    std::string*,
    bool*,
    std::uint32_t*,
    std::size_t*,
    std::vector<std::string>*,
    Pairs*,
    std::vector<Config::Mapping>*>;

struct Option {
    std::string key;
    Target target;
};

/// The one list of keys. Names are those of the struct, so that config.hpp and gridd.toml read
/// alike.
std::vector<Option> options_of(Config& c) {
    auto& x = c.limits.xml;
    return {
        {"domain", &c.domain},
        {"listen.c2s", &c.listen.c2s},
        {"listen.c2s_tls", &c.listen.c2s_tls},
        {"listen.http", &c.listen.http},
        {"tls.certificate", &c.tls.certificate},
        {"tls.key", &c.tls.key},
        {"tls.client_ca", &c.tls.client_ca},
        {"tls.min_version", &c.tls.min_version},
        {"tls.ciphers", &c.tls.ciphers},
        {"tls.require_client_certificate", &c.tls.require_client_certificate},
        {"sasl.mappings", &c.sasl.mappings},
        {"sasl.attempts_max", &c.sasl.attempts_max},
        {"limits.stanza_bytes_max", &x.stanza_bytes_max},
        {"limits.depth_max", &x.depth_max},
        {"limits.attributes_max", &x.attributes_max},
        {"limits.declarations_max", &x.declarations_max},
        {"limits.elements_max", &x.elements_max},
        {"limits.name_bytes_max", &x.name_bytes_max},
        {"limits.header_bytes_max", &x.header_bytes_max},
        {"limits.pre_auth_seconds_max", &c.limits.pre_auth_seconds_max},
        {"limits.pre_auth_bytes_max", &c.limits.pre_auth_bytes_max},
        {"limits.pre_auth_stanzas_max", &c.limits.pre_auth_stanzas_max},
        {"limits.pre_auth_connections_max", &c.limits.pre_auth_connections_max},
        {"limits.pre_auth_per_address_max", &c.limits.pre_auth_per_address_max},
        {"limits.connections_max", &c.limits.connections_max},
        {"limits.connections_per_address_max", &c.limits.connections_per_address_max},
        {"limits.resources_per_account_max", &c.limits.resources_per_account_max},
        {"limits.idle_seconds_max", &c.limits.idle_seconds_max},
        {"limits.outbox_bytes_max", &c.limits.outbox_bytes_max},
        {"limits.process_bytes_max", &c.limits.process_bytes_max},
        {"limits.http_body_bytes_max", &c.limits.http_body_bytes_max},
        {"reactor.threads", &c.reactor.threads},
        {"storage.free_bytes_min", &c.storage.free_bytes_min},
        {"pubsub.access_open", &c.pubsub.access_open},
        {"pubsub.default_access_model", &c.pubsub.default_access_model},
        {"pubsub.nodes_max", &c.pubsub.nodes_max},
        {"pubsub.max_items_default", &c.pubsub.max_items_default},
        {"pubsub.max_items_max", &c.pubsub.max_items_max},
        {"pubsub.payload_bytes_max", &c.pubsub.payload_bytes_max},
        {"pubsub.subscriptions_per_node_max", &c.pubsub.subscriptions_per_node_max},
        {"pubsub.subscriptions_per_account_max", &c.pubsub.subscriptions_per_account_max},
        {"pubsub.page_max", &c.pubsub.page_max},
        {"pubsub.types", &c.pubsub.types},
        {"pubsub.strict_type", &c.pubsub.strict_type},
        {"controller.aliases", &c.controller.aliases},
        {"controller.implicit_login", &c.controller.implicit_login},
        {"accounts.auto_approve", &c.accounts.auto_approve},
        {"accounts.default_groups", &c.accounts.default_groups},
        {"accounts.accounts_max", &c.accounts.accounts_max},
        {"accounts.pending_per_anchor_max", &c.accounts.pending_per_anchor_max},
        {"accounts.pending_expire_days", &c.accounts.pending_expire_days},
        {"accounts.administrators", &c.accounts.administrators},
        {"policy.file", &c.policy.file},
        {"log.level", &c.log.level},
        {"log.format", &c.log.format},
    };
}

using Failure = std::optional<std::string>;   // nothing: it went well

template <class Number>
Failure set_number(Number& target, std::string_view text) {
    Number value{};
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return "must be a whole number from 0 to " +
               std::to_string(std::numeric_limits<Number>::max());
    target = value;
    return {};
}

Failure add_pair(Pairs& pairs, const std::string& text) {
    auto at = text.find('=');
    if (at == std::string::npos || at == 0) return "each entry must be \"NODE-PATTERN=NAMESPACE\"";
    pairs.emplace_back(text.substr(0, at), text.substr(at + 1));
    return {};
}

Failure add_mapping(std::vector<Config::Mapping>& mappings, const std::string& text) {
    auto at = text.find('@');
    Config::Mapping mapping{text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)};
    if (mapping.source != "cn" && mapping.source != "dns" && mapping.source != "email")
        return "each entry must be cn, dns or email, with @SHA-256 of the CA's key to limit it to "
               "one";
    mappings.push_back(std::move(mapping));
    return {};
}

Failure set_list(Target& target, const std::vector<std::string>& values) {
    if (auto list = std::get_if<std::vector<std::string>*>(&target)) {
        **list = values;
    } else if (auto pairs = std::get_if<Pairs*>(&target)) {
        (*pairs)->clear();
        for (const auto& value : values)
            if (auto failure = add_pair(**pairs, value)) return failure;
    } else if (auto mappings = std::get_if<std::vector<Config::Mapping>*>(&target)) {
        (*mappings)->clear();
        for (const auto& value : values)
            if (auto failure = add_mapping(**mappings, value)) return failure;
    } else {
        return "must be one value, not a list";
    }
    return {};
}

std::vector<std::string> split_commas(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        auto at = text.find(',');
        parts.emplace_back(text.substr(0, at));
        text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    }
    return parts;
}

Failure set_text(Target& target, const std::string& text) {
    if (auto value = std::get_if<std::string*>(&target)) return **value = text, Failure{};
    if (auto value = std::get_if<std::uint32_t*>(&target)) return set_number(**value, text);
    if (auto value = std::get_if<std::size_t*>(&target)) return set_number(**value, text);
    if (auto value = std::get_if<bool*>(&target)) {
        if (text != "true" && text != "false") return "must be true or false";
        return **value = text == "true", Failure{};
    }
    return set_list(target, split_commas(text));
}

Failure set_toml(Target& target, const toml::node& node) {
    if (auto array = node.as_array()) {
        std::vector<std::string> values;
        for (const auto& entry : *array) {
            auto text = entry.value<std::string>();
            if (!text) return "must be a list of texts";
            values.push_back(*text);
        }
        return set_list(target, values);
    }
    if (auto text = node.as_string(); text && std::holds_alternative<std::string*>(target))
        return set_text(target, text->get());
    if (auto number = node.as_integer();
        number && (std::holds_alternative<std::uint32_t*>(target) ||
                   std::holds_alternative<std::size_t*>(target)))
        return set_text(target, std::to_string(number->get()));
    if (auto flag = node.as_boolean(); flag && std::holds_alternative<bool*>(target))
        return set_text(target, flag->get() ? "true" : "false");
    return std::string("is a ") +
           std::string(toml::impl::node_type_friendly_names[static_cast<std::size_t>(node.type())]
           ) +
           ", which this option is not";
}

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

Option* find(std::vector<Option>& options, std::string_view key) {
    auto found = std::ranges::find(options, key, &Option::key);
    return found == options.end() ? nullptr : &*found;
}

std::string unknown_key(std::vector<Option>& options, const std::string& key) {
    auto nearest = std::ranges::min_element(options, {}, [&](const Option& option) {
        return distance(option.key, key);
    });
    return "there is no option '" + key + "'; did you mean '" + nearest->key + "'?";
}

std::string place(const std::string& file, const toml::source_region& region) {
    return file + ":" + std::to_string(region.begin.line) + ":" +
           std::to_string(region.begin.column) + ": ";
}

Failure read_table(
    std::vector<Option>& options,
    const toml::table& table,
    const std::string& prefix,
    const std::string& file
) {
    for (const auto& [name, node] : table) {
        std::string key = prefix + std::string(name.str());
        if (auto inner = node.as_table()) {
            if (auto failure = read_table(options, *inner, key + ".", file)) return failure;
            continue;
        }
        auto option = find(options, key);
        if (!option) return place(file, name.source()) + unknown_key(options, key);
        if (auto failure = set_toml(option->target, node))
            return place(file, node.source()) + "'" + key + "' " + *failure;
    }
    return {};
}

Failure read_file(std::vector<Option>& options, const std::string& file) {
    try {
        return read_table(options, toml::parse_file(file), "", file);
    } catch (const toml::parse_error& error) {
        return place(file, error.source()) + std::string(error.description());
    }
}

Failure read_set(std::vector<Option>& options, const std::string& set) {
    auto at = set.find('=');
    if (at == std::string::npos) return "--set " + set + ": must be KEY=VALUE";
    std::string key = set.substr(0, at), value = set.substr(at + 1);
    auto option = find(options, key);
    if (!option) return "--set " + set + ": " + unknown_key(options, key);
    if (value.starts_with('@')) {
        std::ifstream in(value.substr(1), std::ios::binary);
        std::ostringstream content;
        if (!in || !(content << in.rdbuf()))
            return "--set " + key + ": cannot read " + value.substr(1);
        value = content.str();
        while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
    }
    if (auto failure = set_text(option->target, value)) return "--set " + key + ": " + *failure;
    return {};
}

std::string environment_name(std::string key) {
    for (char& c : key)
        c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "GRIDD_" + key;
}

Failure read_environment(std::vector<Option>& options, const ConfigSources& sources) {
    if (!sources.environment) return {};
    for (auto& option : options) {
        auto name = environment_name(option.key);
        auto value = sources.environment(name);
        if (!value) continue;
        if (auto failure = set_text(option.target, *value)) return name + " " + *failure;
    }
    return {};
}

/// Values that no type can check.
Failure check(const Config& c) {
    auto one_of = [](std::string_view value, std::initializer_list<std::string_view> allowed) {
        return std::ranges::find(allowed, value) != allowed.end();
    };
    if (!one_of(c.log.level, {"debug", "info", "warn", "error"}))
        return "log.level must be debug, info, warn or error";
    if (!one_of(c.log.format, {"text", "json"})) return "log.format must be text or json";
    if (!one_of(c.tls.min_version, {"1.2", "1.3"})) return "tls.min_version must be 1.2 or 1.3";
    if (!one_of(c.pubsub.default_access_model, {"whitelist", "authorize", "open"}))
        return "pubsub.default_access_model must be whitelist, authorize or open";
    if (c.pubsub.default_access_model == "open" && !c.pubsub.access_open)
        return "pubsub.default_access_model is open, but pubsub.access_open is false";
    if (c.tls.certificate.empty() != c.tls.key.empty())
        return "tls.certificate and tls.key must be given together";
    if (!c.tls.certificate.empty() && c.tls.client_ca.empty())
        return "tls.client_ca is needed with tls.certificate: it says whose clients may log in";
    if (c.limits.xml.stanza_bytes_max < 10'000)
        return "limits.stanza_bytes_max must be at least 10000 (RFC 6120 §13.12)";
    if (c.pubsub.payload_bytes_max > 1024 * 1024)
        return "pubsub.payload_bytes_max must be at most 1048576, the bound of one commit";
    if (c.pubsub.payload_bytes_max > c.limits.xml.stanza_bytes_max)
        return "pubsub.payload_bytes_max must not exceed limits.stanza_bytes_max";
    return {};
}

}   // namespace

Result<Config, std::string> load_config(const ConfigSources& sources) {
    Config config;
    auto options = options_of(config);
    if (!sources.file.empty())
        if (auto failure = read_file(options, sources.file))
            return {boost::system::in_place_error, *failure};
    if (auto failure = read_environment(options, sources))
        return {boost::system::in_place_error, *failure};
    for (const auto& set : sources.sets)
        if (auto failure = read_set(options, set)) return {boost::system::in_place_error, *failure};
    if (auto failure = check(config)) return {boost::system::in_place_error, *failure};
    return config;
}

std::vector<std::string> config_keys() {
    Config config;
    std::vector<std::string> keys;
    for (const auto& option : options_of(config)) keys.push_back(option.key);
    return keys;
}

}   // namespace grid::server
