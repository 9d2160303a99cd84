// server/config_file.cpp: the file, the environment and --set, and what no type can check.
#include "server/config_file.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <fstream>
#include <sstream>

#include <variant>
#include "controller/accounts/account.hpp"
#include "controller/accounts/approval.hpp"
#include "server/config_options.hpp"

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

bool one_of(std::string_view value, std::initializer_list<std::string_view> allowed) {
    return std::ranges::find(allowed, value) != allowed.end();
}

/// Revocation, and who is approved by a rule.
Failure check_trust(const Config& c) {
    if (!one_of(c.tls.crl_policy, {"open", "closed"}))
        return "tls.crl_policy must be open or closed";
    if (!one_of(c.tls.ocsp, {"off", "open", "closed"}))
        return "tls.ocsp must be off, open or closed";
    for (const auto& [key, url] :
         {std::pair("tls.ocsp_responder", &c.tls.ocsp_responder),
          std::pair("tls.staple_responder", &c.tls.staple_responder)})
        if (!url->empty() && !url->starts_with("http://"))
            return std::string(key) + " must begin with http:// (answers are signed)";
    if (c.accounts.approve.size() > controller::approval_rules_max)
        return "accounts.approve has more than 64 rules";
    for (const auto& text : c.accounts.approve)
        if (auto rule = controller::parse_approval_rule(text); !rule)
            return "accounts.approve: '" + text + "': " + rule.error();
    // Nobody administers a grid because he came (design §6).
    if (std::ranges::find(c.accounts.default_groups, controller::administrators_group) !=
        c.accounts.default_groups.end())
        return "accounts.default_groups must not hold administrators: gridctl makes those";
    for (const std::string& group : c.accounts.default_groups)
        if (!controller::is_group_name(group))
            return "accounts.default_groups: '" + group +
                   "' is no name of a group: " + controller::group_name_rule;
    return {};
}

/// Values that no type can check.
Failure check(const Config& c) {
    if (!one_of(c.log.level, {"debug", "info", "warn", "error"}))
        return "log.level must be debug, info, warn or error";
    if (!one_of(c.log.format, {"text", "json"})) return "log.format must be text or json";
    if (!one_of(c.tls.min_version, {"1.2", "1.3"})) return "tls.min_version must be 1.2 or 1.3";
    if (!one_of(c.pubsub.default_access_model, {"whitelist", "authorize", "open"}))
        return "pubsub.default_access_model must be whitelist, authorize or open";
    if (c.pubsub.default_access_model == "open" && !c.pubsub.access_open)
        return "pubsub.default_access_model is open, but pubsub.access_open is false";
    if (!one_of(c.pubsub.address, {"pubsub", "broker"}))
        return "pubsub.address must be pubsub or broker";
    if (!one_of(c.pubsub.subscribe_again, {"same", "new"}))
        return "pubsub.subscribe_again must be same or new";
    if (c.pubsub.item_id_bytes_max < 36 || c.pubsub.item_id_bytes_max > 1023)
        return "pubsub.item_id_bytes_max must be from 36, the length of a UUID, to 1023";
    if (c.pubsub.item_index_bytes_per_account_max > c.pubsub.item_index_bytes_max)
        return "pubsub.item_index_bytes_per_account_max must not exceed "
               "pubsub.item_index_bytes_max";
    if (c.controller.subtopics_share_percent < 1 || c.controller.subtopics_share_percent > 100)
        return "controller.subtopics_share_percent must be from 1 to 100";
    if (c.pubsub.subscriptions_per_jid_max < 1 || c.pubsub.bounces_max < 1)
        return "pubsub.subscriptions_per_jid_max and pubsub.bounces_max must be at least 1";
    if (c.tls.certificate.empty() != c.tls.key.empty())
        return "tls.certificate and tls.key must be given together";
    if (!c.tls.certificate.empty() && c.tls.client_ca.empty())
        return "tls.client_ca is needed with tls.certificate: it says whose clients may log in";
    if (auto failure = check_trust(c)) return failure;
    if (c.limits.xml.stanza_bytes_max < 10'000)
        return "limits.stanza_bytes_max must be at least 10000 (RFC 6120 §13.12)";
    if (c.limits.pre_auth_stanza_bytes_max < 4'500)
        return "limits.pre_auth_stanza_bytes_max must be at least 4500: an <auth/> needs that much";
    if (c.limits.pre_auth_elements_max < 8 || c.limits.pre_auth_depth_max < 4 ||
        c.limits.pre_auth_attributes_max < 8)
        return "limits.pre_auth_elements_max and limits.pre_auth_attributes_max must be at least "
               "8, limits.pre_auth_depth_max at least 4: a login needs as many";
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
