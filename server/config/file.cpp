// server/config/file.cpp: the file, the environment and --set, and where each option was given.
#include "server/config/file.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <variant>

#include "server/config/check.hpp"
#include "server/config/options.hpp"
#include "server/regular_file.hpp"

namespace grid::server {
namespace {

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

std::string where(const std::string& file, const toml::source_region& region) {
    return file + ":" + std::to_string(region.begin.line) + ":" +
           std::to_string(region.begin.column);
}

std::string place(const std::string& file, const toml::source_region& region) {
    return where(file, region) + ": ";
}

Failure read_table(
    std::vector<Option>& options,
    const toml::table& table,
    const std::string& prefix,
    const std::string& file,
    Config::Origin& origin
) {
    for (const auto& [name, node] : table) {
        std::string key = prefix + std::string(name.str());
        if (auto inner = node.as_table()) {
            if (auto failure = read_table(options, *inner, key + ".", file, origin)) return failure;
            continue;
        }
        auto option = find(options, key);
        if (!option) return place(file, name.source()) + unknown_key(options, key);
        if (auto failure = set_toml(option->target, node))
            return place(file, node.source()) + "'" + key + "' " + *failure;
        origin.places[key] = where(file, node.source());
    }
    return {};
}

Failure read_file(std::vector<Option>& options, const std::string& file, Config::Origin& origin) {
    const auto text = read_regular_file(file);
    if (!text) return text.error();
    try {
        return read_table(options, toml::parse(std::string_view(*text), file), "", file, origin);
    } catch (const toml::parse_error& error) {
        return place(file, error.source()) + std::string(error.description());
    }
}

Failure read_set(std::vector<Option>& options, const std::string& set, Config::Origin& origin) {
    auto at = set.find('=');
    if (at == std::string::npos) return "--set " + set + ": must be KEY=VALUE";
    std::string key = set.substr(0, at), value = set.substr(at + 1);
    auto option = find(options, key);
    if (!option) return "--set " + set + ": " + unknown_key(options, key);
    if (value.starts_with('@')) {
        auto content = read_regular_file(value.substr(1));
        if (!content) return "--set " + key + ": cannot read " + content.error();
        value = std::move(*content);
        while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
    }
    if (auto failure = set_text(option->target, value)) return "--set " + key + ": " + *failure;
    origin.places[key] = "--set " + key;
    return {};
}

std::string environment_name(std::string key) {
    for (char& c : key)
        c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "GRIDD_" + key;
}

Failure read_environment(
    std::vector<Option>& options, const ConfigSources& sources, Config::Origin& origin
) {
    if (!sources.environment) return {};
    for (auto& option : options) {
        auto name = environment_name(option.key);
        auto value = sources.environment(name);
        if (!value) continue;
        if (auto failure = set_text(option.target, *value)) return name + " " + *failure;
        origin.places[option.key] = name;
    }
    return {};
}

/// For what the operator may have meant, and not for what the system or a container's host sets.
void note_unknown_variables(
    const std::vector<Option>& options, const ConfigSources& sources, Config& config
) {
    for (const std::string& name : sources.environment_names) {
        if (!name.starts_with("GRIDD_") || name == "GRIDD_DATA") continue;
        // Of a service called gridd, by Kubernetes and by Docker's links.
        if (name.starts_with("GRIDD_SERVICE_") || name.starts_with("GRIDD_PORT")) continue;
        const auto nearest = std::ranges::min_element(options, {}, [&](const Option& option) {
            return distance(environment_name(option.key), name);
        });
        const std::string meant = environment_name(nearest->key);
        if (meant == name) continue;
        config.origin.remarks.push_back(
            name + " in the environment means nothing: there is no such option; did you mean " +
            meant + "?"
        );
    }
}

std::string errors_text(const Findings& findings, const Config& config) {
    std::string text;
    for (const Finding& finding : findings)
        if (!finding.is_warning) text += (text.empty() ? "" : "\n") + to_text(finding, config);
    return text;
}

}   // namespace

Result<Config, std::string> load_config(const ConfigSources& sources) {
    Config config;
    auto options = options_of(config);
    if (!sources.file.empty())
        if (auto failure = read_file(options, sources.file, config.origin))
            return {boost::system::in_place_error, *failure};
    if (auto failure = read_environment(options, sources, config.origin))
        return {boost::system::in_place_error, *failure};
    for (const auto& set : sources.sets)
        if (auto failure = read_set(options, set, config.origin))
            return {boost::system::in_place_error, *failure};
    note_unknown_variables(options, sources, config);
    auto findings = prepare_names(config);
    for (auto& finding : check_values(config)) findings.push_back(std::move(finding));
    if (has_errors(findings)) return {boost::system::in_place_error, errors_text(findings, config)};
    return config;
}

}   // namespace grid::server
