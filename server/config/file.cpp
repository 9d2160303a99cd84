// server/config/file.cpp: the file, the environment and --set, and where each option was given.
#include "server/config/file.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <variant>

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

/// The name that the operator may have meant, or where all of them are. `names`: of the options;
/// `quote` stands around a name.
std::string advice(
    const std::vector<std::string>& names, const std::string& given, const std::string& quote
) {
    const std::string* meant = nullptr;
    std::size_t least = std::max<std::size_t>(2, given.size() / 3) + 1;
    for (const std::string& name : names) {
        const bool lacks_section = name.ends_with("." + given);
        const std::size_t away = lacks_section ? 0 : distance(name, given);
        if (away >= least) continue;
        meant = &name;
        least = away;
    }
    if (meant == nullptr) return "; gridd.toml(5) has all of them";
    return "; did you mean " + quote + *meant + quote + "?";
}

std::string unknown_key(const std::vector<Option>& options, const std::string& key) {
    std::vector<std::string> keys;
    for (const Option& option : options) keys.push_back(option.key);
    return "there is no option '" + key + "'" + advice(keys, key, "'");
}

std::string where(const std::string& file, const toml::source_region& region) {
    return file + ":" + std::to_string(region.begin.line) + ":" +
           std::to_string(region.begin.column);
}

/// Of one option each, or of the file as a whole.
using Mistakes = Findings;

void read_table(
    std::vector<Option>& options,
    const toml::table& table,
    const std::string& prefix,
    const std::string& file,
    Config::Origin& origin,
    Mistakes& mistakes
) {
    for (const auto& [name, node] : table) {
        std::string key = prefix + std::string(name.str());
        if (auto inner = node.as_table()) {
            read_table(options, *inner, key + ".", file, origin, mistakes);
            continue;
        }
        auto option = find(options, key);
        if (!option) {
            mistakes.push_back({key, unknown_key(options, key), false, where(file, name.source())});
            continue;
        }
        origin.places[key] = where(file, node.source());
        if (auto failure = set_toml(option->target, node))
            mistakes.push_back({key, "'" + key + "' " + *failure});
    }
}

/// False: nothing of it was read.
bool read_file(
    std::vector<Option>& options,
    const std::string& file,
    Config::Origin& origin,
    Mistakes& mistakes
) {
    origin.files.push_back(file);
    const auto text = read_regular_file(file);
    if (!text) {
        mistakes.push_back({"", text.error()});
        return false;
    }
    try {
        const toml::table table = toml::parse(std::string_view(*text), file);
        read_table(options, table, "", file, origin, mistakes);
        return true;
    } catch (const toml::parse_error& error) {
        mistakes.push_back(
            {"", std::string(error.description()), false, where(file, error.source())}
        );
        return false;
    }
}

void read_set(
    std::vector<Option>& options, const std::string& set, Config::Origin& origin, Mistakes& mistakes
) {
    const auto at = set.find('=');
    const std::string key = set.substr(0, at);
    const auto fail = [&](const std::string& why) { mistakes.push_back({key, why}); };
    auto option = find(options, key);
    if (at == std::string::npos || !option) {
        const std::string why =
            at == std::string::npos ? "must be KEY=VALUE" : unknown_key(options, key);
        mistakes.push_back({"", why, false, "--set " + set});
        return;
    }
    origin.places[key] = "--set " + key;
    std::string value = set.substr(at + 1);
    if (value.starts_with('@')) {
        origin.files.push_back(value.substr(1));
        auto content = read_regular_file(value.substr(1));
        if (!content) return fail("cannot read " + content.error());
        value = std::move(*content);
        while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
    }
    if (auto failure = set_text(option->target, value)) fail(*failure);
}

std::string environment_name(std::string key) {
    for (char& c : key)
        c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "GRIDD_" + key;
}

void read_environment(
    std::vector<Option>& options,
    const ConfigSources& sources,
    Config::Origin& origin,
    Mistakes& mistakes
) {
    if (!sources.environment) return;
    for (auto& option : options) {
        auto name = environment_name(option.key);
        auto value = sources.environment(name);
        if (!value) continue;
        origin.places[option.key] = name;
        if (auto failure = set_text(option.target, *value))
            mistakes.push_back({option.key, *failure});
    }
}

/// For what the operator may have meant, and not for what the system or a container's host sets.
void note_unknown_variables(
    const std::vector<Option>& options, const ConfigSources& sources, Config& config
) {
    std::vector<std::string> known;
    for (const Option& option : options) known.push_back(environment_name(option.key));
    for (const std::string& name : sources.environment_names) {
        if (!name.starts_with("GRIDD_") || name == "GRIDD_DATA") continue;
        // Of a service called gridd, by Kubernetes and by Docker's links.
        if (name.starts_with("GRIDD_SERVICE_") || name.starts_with("GRIDD_PORT")) continue;
        if (std::ranges::find(known, name) != known.end()) continue;
        config.origin.remarks.push_back(
            name + " in the environment means nothing: there is no such option" +
            advice(known, name, "")
        );
    }
}

}   // namespace

ConfigRead read_config(const ConfigSources& sources) {
    ConfigRead read;
    Config& config = read.config;
    auto options = options_of(config);
    Mistakes mistakes;
    if (!sources.file.empty())
        read.is_whole = read_file(options, sources.file, config.origin, mistakes);
    read_environment(options, sources, config.origin, mistakes);
    for (const auto& set : sources.sets) read_set(options, set, config.origin, mistakes);
    note_unknown_variables(options, sources, config);
    read.findings = mistakes;
    if (!read.is_whole) return read;
    auto found = prepare_names(config);
    read.is_whole =
        std::ranges::none_of(found, [](const Finding& one) { return one.key == "domain"; });
    for (auto& finding : check_values(config)) found.push_back(std::move(finding));
    for (auto& finding : found)
        if (!finding.is_warning && !is_said(finding, mistakes))
            read.findings.push_back(std::move(finding));
    return read;
}

}   // namespace grid::server
