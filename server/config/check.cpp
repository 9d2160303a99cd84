// server/config/check.cpp: see check.hpp.
#include "server/config/check.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "controller/accounts/account.hpp"
#include "controller/accounts/approval.hpp"
#include "controller/credentials/scram.hpp"
#include "server/net/listener.hpp"
#include "server/tls/revocation/ocsp_fetch.hpp"
#include "storage/rocks_settings.hpp"
#include "xml/domain.hpp"
#include "xml/jid.hpp"
#include "xml/utf8.hpp"

namespace grid::server {
namespace {

bool one_of(std::string_view value, std::initializer_list<std::string_view> allowed) {
    return std::ranges::find(allowed, value) != allowed.end();
}

/// XEP-0157 §2: what a client can open.
bool is_contact(const std::string& text) {
    if (text.find_first_of(" \t\r\n") != std::string::npos || !xml::is_nameable(text)) return false;
    return std::ranges::any_of(
        std::array<std::string_view, 4>{"mailto:", "xmpp:", "https:", "http:"},
        [&](std::string_view scheme) {
            return text.starts_with(scheme) && text.size() > scheme.size();
        }
    );
}

void check_announced(const Config& c, Findings& out) {
    const Contact& contact = c.contact;
    for (const auto& [key, addresses] :
         {std::pair("contact.abuse", &contact.abuse), std::pair("contact.admin", &contact.admin),
          std::pair("contact.feedback", &contact.feedback),
          std::pair("contact.sales", &contact.sales),
          std::pair("contact.security", &contact.security),
          std::pair("contact.status", &contact.status),
          std::pair("contact.support", &contact.support)})
        for (const std::string& text : *addresses)
            if (!is_contact(text))
                out.push_back(
                    {key, std::string(key) + ": '" + text +
                              "' is no URI with mailto:, xmpp:, https: or http:"}
                );
    for (const std::string& text : c.external.services)
        if (!parse_external(text))
            out.push_back(
                {"external.services", "external.services: '" + text +
                                          "' is not like turn:HOST:PORT?transport=udp&name=TEXT"}
            );
    if (c.external.turn_seconds == 0)
        out.push_back({"external.turn_seconds", "external.turn_seconds must be 1 or more"});
}

/// In DNS, with the longest of the services' names before it.
constexpr std::size_t domain_bytes_max = 253 - std::string_view("controller.").size();

bool is_ip_address(const std::string& text) {
    std::array<unsigned char, 16> address{};
    return text.starts_with('[') || ::inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

void prepare_own_domain(Config& config, Findings& findings) {
    const std::string given = config.domain;
    const auto refuse = [&](const std::string& why) {
        findings.push_back({"domain", "domain is '" + given + "': " + why});
    };
    if (is_ip_address(given))
        return refuse("an IP address names no grid; give a host name such as grid.example");
    const auto prepared = xml::prepare_domain(given, false);
    if (!prepared || prepared->empty()) {
        std::string better = given;
        std::ranges::replace(better, '_', '-');
        const auto canonical = xml::prepare_domain(better, false);
        if (better != given && canonical)
            return refuse("a host name has no underscore; '" + *canonical + "' would be one");
        return refuse("that is no host name (RFC 5890): labels of letters, digits and hyphens");
    }
    if (xml::domain_to_ascii(*prepared).size() > domain_bytes_max)
        return refuse("with controller. before it, the name is too long for DNS");
    config.domain = *prepared;
}

void prepare_aliases(Config& config, Findings& findings) {
    for (std::string& alias : config.controller.aliases) {
        const auto prepared = xml::prepare_domain(alias, true);
        if (!prepared || prepared->empty()) {
            findings.push_back({"controller.aliases", "'" + alias + "' is no domain name"});
            continue;
        }
        alias = *prepared;
        for (const auto& [service, whose] :
             {std::pair("", "server"), std::pair("pubsub.", "broker"),
              std::pair("broker.", "broker"), std::pair("proxy.", "proxy of byte streams"),
              std::pair("bulk.", "bulk service")})
            if (alias == service + config.domain)
                findings.push_back(
                    {"controller.aliases", "'" + alias + "' is the address of the " + whose +
                                               ": the controller would never be reached there"}
                );
    }
}

void prepare_administrators(Config& config, Findings& findings) {
    for (std::string& text : config.accounts.administrators) {
        const auto jid = xml::Jid::parse(text);
        if (!jid || !jid->is_bare() || jid->local().empty()) {
            findings.push_back(
                {"accounts.administrators",
                 "'" + text + "' is no bare address such as admin@" + config.domain}
            );
        } else if (jid->domain() != config.domain) {
            findings.push_back(
                {"accounts.administrators", "'" + jid->str() +
                                                "' could never log in: accounts are "
                                                "in the domain " +
                                                config.domain}
            );
        } else {
            text = jid->str();
        }
    }
}

bool is_key_hash(const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Revocation, and approval by rules.
void check_trust(const Config& c, Findings& out) {
    if (!one_of(c.tls.crl_policy, {"open", "closed"}))
        out.push_back({"tls.crl_policy", "tls.crl_policy must be open or closed"});
    else if (c.tls.crl_policy == "closed" && c.tls.crl.empty())
        out.push_back(
            {"tls.crl_policy",
             "tls.crl_policy is closed, but tls.crl names no list: no certificate is asked about",
             true}
        );
    if (!one_of(c.tls.ocsp, {"off", "open", "closed"}))
        out.push_back({"tls.ocsp", "tls.ocsp must be off, open or closed"});
    for (const auto& [key, url] :
         {std::pair("tls.ocsp_responder", &c.tls.ocsp_responder),
          std::pair("tls.staple_responder", &c.tls.staple_responder)})
        if (!url->empty() && !url->starts_with("http://"))
            out.push_back({key, std::string(key) + " must begin with http:// (answers are signed)"}
            );
        else if (!url->empty() && !tls::is_responder_url(*url))
            out.push_back(
                {key, std::string(key) + " is '" + *url +
                          "', which is no http://HOST[:PORT][/PATH] with a port from 1 to 65535"}
            );
    if (!c.tls.ocsp_responder.empty() && c.tls.ocsp == "off")
        out.push_back(
            {"tls.ocsp_responder", "tls.ocsp_responder is not asked while tls.ocsp is off", true}
        );
    for (const auto& mapping : c.sasl.mappings)
        if (!mapping.ca.empty() && !is_key_hash(mapping.ca))
            out.push_back(
                {"sasl.mappings",
                 "'" + mapping.ca + "' is no SHA-256 of a key (64 hex digits): the rule never fits",
                 true}
            );
}

void check_passwords(const Config& c, Findings& out) {
    const auto& sasl = c.sasl;
    const auto all = Config::Sasl{}.mechanisms;   // the default is all that there are
    for (const std::string& name : sasl.mechanisms)
        if (std::ranges::find(all, name) == all.end())
            out.push_back(
                {"sasl.mechanisms",
                 "sasl.mechanisms: '" + name +
                     "' is none of SCRAM-SHA-1, SCRAM-SHA-256, SCRAM-SHA-512, each with -PLUS or "
                     "without"}
            );
    if (sasl.iterations < controller::iterations_min ||
        sasl.iterations > controller::iterations_max)
        out.push_back({"sasl.iterations", "sasl.iterations must be from 4096 to 1000000"});
    if (sasl.passwords && sasl.mechanisms.empty() && !sasl.plain)
        out.push_back({"sasl.mechanisms", "sasl.mechanisms is empty: no password can log in", true}
        );
    if (sasl.plain && !sasl.passwords)
        out.push_back({"sasl.plain", "sasl.plain has no effect while sasl.passwords is off", true});
    if (c.console.password_sign_in && !sasl.passwords)
        out.push_back(
            {"console.password_sign_in",
             "console.password_sign_in needs sasl.passwords: accounts have no passwords without it"}
        );
    if (c.registration.in_band && !sasl.passwords)
        out.push_back(
            {"registration.in_band",
             "registration.in_band has no effect while sasl.passwords is off", true}
        );
    if (sasl.passwords && c.tls.require_client_certificate)
        out.push_back(
            {"sasl.passwords",
             "tls.require_client_certificate refuses clients that have a password and no "
             "certificate",
             true}
        );
}

/// Values that parse, and mean another thing than they look like.
void check_approval_rule(const controller::ApprovalRule& rule, Findings& out) {
    const auto warn = [&](const std::string& why) {
        out.push_back({"accounts.approve", "accounts.approve: '" + rule.text + "': " + why, true});
    };
    if (rule.conditions.empty() && !rule.asks)
        warn("a rule without any condition approves every certificate of every tls.client_ca");
    for (const auto& condition : rule.conditions) {
        const auto& pattern = condition.pattern;
        if (condition.kind != controller::ApprovalRule::Condition::Kind::Authority ||
            !pattern.is_exact() || is_key_hash(pattern.literal()))
            continue;
        warn(
            "ca=" + pattern.literal() +
            " is no SHA-256 of a key (64 hex digits): the rule never fits"
        );
    }
}

void check_accounts(const Config& c, Findings& out) {
    if (const auto& text = c.accounts.auto_approve.text;
        !one_of(text, {"true", "false", "evaluation"}))
        out.push_back(
            {"accounts.auto_approve",
             "accounts.auto_approve must be true, false or \"evaluation\", not '" + text + "'"}
        );
    if (c.accounts.approve.size() > controller::approval_rules_max)
        out.push_back({"accounts.approve", "accounts.approve has more than 64 rules"});
    for (const auto& text : c.accounts.approve)
        if (auto rule = controller::parse_approval_rule(text); !rule)
            out.push_back({"accounts.approve", "accounts.approve: '" + text + "': " + rule.error()}
            );
        else
            check_approval_rule(*rule, out);
    const auto& groups = c.controller.default_groups;
    // A certificate alone gives no role.
    if (const auto role = std::ranges::find_if(groups, controller::gives_role);
        role != groups.end())
        out.push_back(
            {"accounts.default_groups", "accounts.default_groups must not hold " + *role +
                                            ": gridctl gives roles, account by account"}
        );
    for (const std::string& group : groups)
        if (!controller::is_group_name(group))
            out.push_back(
                {"accounts.default_groups",
                 "accounts.default_groups: '" + group +
                     "' is no name of a group: " + controller::group_name_rule}
            );
    const bool are_names = std::ranges::all_of(groups, controller::is_group_name);
    if (are_names && !controller::make_groups(groups))
        out.push_back({"accounts.default_groups", "accounts.default_groups has too many names"});
}

void check_words(const Config& c, Findings& out) {
    if (!one_of(c.log.level, {"debug", "info", "warn", "error"}))
        out.push_back({"log.level", "log.level must be debug, info, warn or error"});
    if (!one_of(c.log.format, {"text", "json"}))
        out.push_back({"log.format", "log.format must be text or json"});
    if (!one_of(c.tls.min_version, {"1.2", "1.3"}))
        out.push_back({"tls.min_version", "tls.min_version must be 1.2 or 1.3"});
    if (!one_of(c.pubsub.default_access_model, {"whitelist", "authorize", "open"}))
        out.push_back(
            {"pubsub.default_access_model",
             "pubsub.default_access_model must be whitelist, authorize or open"}
        );
    if (c.pubsub.default_access_model == "open" && !c.pubsub.allow_open)
        out.push_back(
            {"pubsub.default_access_model",
             "pubsub.default_access_model is open, but pubsub.access_open is false"}
        );
    if (const std::string& topic = c.controller.incident_topic;
        !topic.empty() &&
        (!xml::is_nameable(topic) || topic.find_first_not_of(' ') == std::string::npos))
        out.push_back(
            {"controller.incident_topic",
             "controller.incident_topic must be the name of a topic: not blank, UTF-8 without "
             "control characters; empty: incidents are not taken"}
        );
    if (!one_of(c.pubsub.address, {"pubsub", "broker"}))
        out.push_back({"pubsub.address", "pubsub.address must be pubsub or broker"});
    if (!one_of(c.pubsub.subscribe_again, {"same", "new"}))
        out.push_back({"pubsub.subscribe_again", "pubsub.subscribe_again must be same or new"});
    if (c.tls.certificate.empty() != c.tls.key.empty())
        out.push_back(
            {c.tls.certificate.empty() ? "tls.key" : "tls.certificate",
             "tls.certificate and tls.key must be given together"}
        );
    if (!c.tls.certificate.empty() && c.tls.client_ca.empty())
        out.push_back(
            {"tls.certificate",
             "tls.client_ca is needed with tls.certificate: it says whose clients may log in"}
        );
}

struct Least {
    const char* key;
    std::size_t value, least;
    const char* why = "";
};

/// Below these no client could log in, or no stanza would go through.
void check_least(const Config& c, Findings& out) {
    const auto& x = c.limits.xml;
    const Least table[]{
        {"limits.stanza_bytes_max", x.stanza_bytes_max, 10'000, " (RFC 6120 §13.12)"},
        {"limits.depth_max", x.depth_max, 4},
        {"limits.attributes_max", x.attributes_max, 8},
        {"limits.declarations_max", x.declarations_max, 2},
        {"limits.elements_max", x.elements_max, 16},
        {"limits.name_bytes_max", x.name_bytes_max, 32},
        {"limits.header_bytes_max", x.header_bytes_max, 512},
        {"limits.pre_auth_seconds_max", c.limits.pre_auth_seconds_max, 1},
        {"limits.pre_auth_bytes_max", c.limits.pre_auth_bytes_max, 1'024},
        {"limits.pre_auth_stanzas_max", c.limits.pre_auth_stanzas_max, 2},
        {"limits.pre_auth_stanza_bytes_max", c.limits.pre_auth_stanza_bytes_max, 4'500,
         ": an <auth/> needs that much"},
        {"limits.pre_auth_elements_max", c.limits.pre_auth_elements_max, 8},
        {"limits.pre_auth_depth_max", c.limits.pre_auth_depth_max, 4},
        {"limits.pre_auth_attributes_max", c.limits.pre_auth_attributes_max, 8},
        {"console.idle_minutes", c.console.idle_minutes, 1},
        {"console.hours_max", c.console.hours_max, 1},
        {"limits.pre_auth_connections_max", c.limits.pre_auth_connections_max, 1},
        {"limits.pre_auth_tls_max", c.limits.pre_auth_tls_max, 1},
        {"limits.pre_auth_per_address_max", c.limits.pre_auth_per_address_max, 1},
        {"limits.connections_max", c.limits.connections_max, 1},
        {"limits.connections_per_address_max", c.limits.connections_per_address_max, 1},
        {"limits.resources_per_account_max", c.limits.resources_per_account_max, 1},
        {"limits.bytes_per_second", c.limits.bytes_per_second,
         c.limits.bytes_per_second == 0 ? 0U : 4'096U, ", or 0 for no bound"},
        {"limits.burst_seconds_max", c.limits.burst_seconds_max, 1},
        {"limits.idle_seconds_max", c.limits.idle_seconds_max, 1},
        {"limits.outbox_bytes_max", c.limits.outbox_bytes_max, 1'024},
        {"limits.process_bytes_max", c.limits.process_bytes_max, 65'536},
        {"limits.http_connections_max", c.limits.http_connections_max, 1},
        {"limits.http_per_address_max", c.limits.http_per_address_max, 1},
        {"limits.http_strangers_max", c.limits.http_strangers_max, 1},
        {"limits.http_body_bytes_max", c.limits.http_body_bytes_max, 1},
        {"sessions.ack_seconds_max", c.sessions.ack_seconds_max, 1},
        {"sasl.attempts_max", c.sasl.attempts_max, 1},
        {"tls.ocsp_timeout_ms", c.tls.ocsp_timeout_ms, c.tls.ocsp == "off" ? 0U : 1U},
        {"tls.ocsp_questions_max", c.tls.ocsp_questions_max, c.tls.ocsp == "off" ? 0U : 1U},
        {"pubsub.nodes_max", c.pubsub.nodes_max, 1},
        {"pubsub.max_items_max", c.pubsub.max_items_max, 1},
        {"pubsub.item_id_bytes_max", c.pubsub.item_id_bytes_max, 36, ", the length of a UUID"},
        {"controller.subtopics_share_percent", c.pubsub.subtopics_share_percent, 1},
        {"pubsub.payload_bytes_max", c.pubsub.payload_bytes_max, 1},
        {"pubsub.personal.nodes_per_account_max", c.pubsub.personal.nodes_per_account_max, 1},
        {"pubsub.personal.items_per_node_max", c.pubsub.personal.items_per_node_max, 1},
        {"pubsub.personal.item_bytes_max", c.pubsub.personal.item_bytes_max, 1},
        {"pubsub.personal.bytes_per_account_max", c.pubsub.personal.bytes_per_account_max, 1},
        {"pubsub.subscriptions_per_node_max", c.pubsub.subscriptions_per_node_max, 1},
        {"pubsub.subscriptions_per_account_max", c.pubsub.subscriptions_per_account_max, 1},
        {"pubsub.subscriptions_per_jid_max", c.pubsub.subscriptions_per_jid_max, 1},
        {"pubsub.bounces_max", c.pubsub.bounces_max, 1},
        {"pubsub.page_max", c.pubsub.page_max, 1},
        {"controller.query_timeout_seconds", c.controller.query_timeout_seconds, 1},
        {"accounts.accounts_max", c.controller.accounts_max, 1},
        {"contacts.presence_bytes_max", c.controller.contacts.presence_bytes_max, 1'024},
        {"bulk.transfers_max", c.controller.bulk.transfers_max, 1},
        {"bulk.transfers_per_account_max", c.controller.bulk.transfers_per_account_max, 1},
        {"bulk.waiting_max", c.bulk.waiting_max, 2},
        {"bulk.waiting_per_address_max", c.bulk.waiting_per_address_max, 2},
        {"bulk.waiting_seconds_max", c.bulk.waiting_seconds_max, 1},
        {"bulk.window_seconds", c.controller.bulk.window_seconds, 1},
        {"audit.queue_max", c.controller.audit_queue_max, 1},
        {"files.file_bytes_max", c.controller.files.file_bytes_max, 1},
        {"files.slot_minutes", c.controller.files.slot_minutes, 5},
        {"files.days", c.controller.files.days, 1},
        {"files.threads", c.files.threads, 1},
        {"backup.keep", c.backup.keep, 1},
    };
    for (const Least& row : table)
        if (row.value < row.least)
            out.push_back(
                {row.key,
                 std::string(row.key) + " must be at least " + std::to_string(row.least) + row.why}
            );
}

void check_sizes_of_items(const Config& c, Findings& out) {
    constexpr std::size_t payload_bytes_max = 1024 * 1024;
    if (c.pubsub.payload_bytes_max > payload_bytes_max)
        out.push_back(
            {"pubsub.payload_bytes_max",
             "pubsub.payload_bytes_max must be at most 1048576, the bound of one commit"}
        );
    if (c.pubsub.payload_bytes_max > c.limits.xml.stanza_bytes_max)
        out.push_back(
            {c.origin.is_given("pubsub.payload_bytes_max") ? "pubsub.payload_bytes_max"
                                                           : "limits.stanza_bytes_max",
             "pubsub.payload_bytes_max (" + std::to_string(c.pubsub.payload_bytes_max) +
                 ") must not exceed limits.stanza_bytes_max (" +
                 std::to_string(c.limits.xml.stanza_bytes_max) + ")"}
        );
    if (c.pubsub.personal.item_bytes_max > c.pubsub.personal.bytes_per_account_max)
        out.push_back(
            {"pubsub.personal.item_bytes_max",
             "pubsub.personal.item_bytes_max must not exceed pubsub.personal.bytes_per_account_max"}
        );
}

void check_numbers_of_items(const Config& c, Findings& out) {
    if (c.pubsub.max_items_default > c.pubsub.max_items_max)
        out.push_back(
            {c.origin.is_given("pubsub.max_items_default") ? "pubsub.max_items_default"
                                                           : "pubsub.max_items_max",
             "pubsub.max_items_default (" + std::to_string(c.pubsub.max_items_default) +
                 ") must not exceed pubsub.max_items_max (" +
                 std::to_string(c.pubsub.max_items_max) + ")"}
        );
    if (c.pubsub.page_max < std::min(c.pubsub.max_items_default, c.pubsub.max_items_max))
        out.push_back(
            {c.origin.is_given("pubsub.page_max") ? "pubsub.page_max" : "pubsub.max_items_default",
             "pubsub.page_max (" + std::to_string(c.pubsub.page_max) +
                 ") is less than pubsub.max_items_default (" +
                 std::to_string(c.pubsub.max_items_default) +
                 "): a client that asks for no pages (XEP-0059) misses the newest items of a full "
                 "node",
             true}
        );
    constexpr std::size_t item_id_bytes_max = 1023;
    if (c.pubsub.item_id_bytes_max > item_id_bytes_max)
        out.push_back({"pubsub.item_id_bytes_max", "pubsub.item_id_bytes_max must be at most 1023"}
        );
    if (c.pubsub.item_index_bytes_per_account_max > c.pubsub.item_index_bytes_max)
        out.push_back(
            {"pubsub.item_index_bytes_per_account_max",
             "pubsub.item_index_bytes_per_account_max must not exceed "
             "pubsub.item_index_bytes_max"}
        );
    if (c.pubsub.subtopics_share_percent > 100)
        out.push_back(
            {"controller.subtopics_share_percent",
             "controller.subtopics_share_percent must be at most 100"}
        );
}

void check_sizes_of_stanzas(const Config& c, Findings& out) {
    constexpr std::size_t stanza_bytes_max = 1024UL * 1024 * 1024;   // Expat counts in int
    if (c.limits.xml.stanza_bytes_max > stanza_bytes_max)
        out.push_back(
            {"limits.stanza_bytes_max",
             "limits.stanza_bytes_max must be at most 1073741824: one stanza would take all memory"}
        );
    else if (c.limits.outbox_bytes_max < c.limits.xml.stanza_bytes_max)
        out.push_back(
            {c.origin.is_given("limits.outbox_bytes_max") ? "limits.outbox_bytes_max"
                                                          : "limits.stanza_bytes_max",
             "limits.outbox_bytes_max is below limits.stanza_bytes_max: the largest stanza never "
             "reaches a reader",
             true}
        );
    // Elements are read, written and destroyed by functions that call themselves.
    constexpr std::size_t depth_max = 1'000;
    for (const auto& [key, value] :
         {std::pair("limits.depth_max", c.limits.xml.depth_max),
          std::pair("limits.pre_auth_depth_max", c.limits.pre_auth_depth_max)})
        if (value > depth_max)
            out.push_back({key, std::string(key) + " must be at most " + std::to_string(depth_max)}
            );
    if (c.limits.pre_auth_stanza_bytes_max > c.limits.pre_auth_bytes_max)
        out.push_back(
            {c.origin.is_given("limits.pre_auth_stanza_bytes_max")
                 ? "limits.pre_auth_stanza_bytes_max"
                 : "limits.pre_auth_bytes_max",
             "limits.pre_auth_stanza_bytes_max (" +
                 std::to_string(c.limits.pre_auth_stanza_bytes_max) +
                 ") is above limits.pre_auth_bytes_max (" +
                 std::to_string(c.limits.pre_auth_bytes_max) +
                 "), of all stanzas before login together: no such stanza ever goes through",
             true}
        );
    if (c.limits.process_bytes_max < c.limits.outbox_bytes_max)
        out.push_back(
            {"limits.process_bytes_max",
             "limits.process_bytes_max, of all queues together, is below limits.outbox_bytes_max, "
             "of one",
             true}
        );
}

void check_pairs(const Config& c, Findings& out) {
    constexpr std::uint32_t threads_max = 1024;
    constexpr std::uint32_t ticket_seconds_max = 7 * 24 * 3600;
    if (c.tls.resumption_seconds_max > ticket_seconds_max)
        out.push_back(
            {"tls.resumption_seconds_max",
             "tls.resumption_seconds_max must be at most 604800, seven days (RFC 8446 §4.6.1)"}
        );
    check_sizes_of_items(c, out);
    if (!c.backup.dir.empty() && !c.backup.dir.starts_with('/'))
        out.push_back(
            {"backup.dir", "backup.dir is '" + c.backup.dir +
                               "': give an absolute path, or none for DATA/backups"}
        );
    check_numbers_of_items(c, out);
    if (c.reactor.threads > threads_max)
        out.push_back({"reactor.threads", "reactor.threads must be at most 1024"});
    check_sizes_of_stanzas(c, out);
    if (const auto least = storage::free_bytes_least(); c.storage.free_bytes_min < least)
        out.push_back(
            {"storage.free_bytes_min",
             "storage.free_bytes_min counts as " + std::to_string(least) +
                 ", the least value: four times the write buffers of the store",
             true}
        );
}

using Endpoint = net::Endpoint;

/// Whether one socket would be in the other's way: `[::]` takes IPv4, too.
bool overlap(const Endpoint& a, const Endpoint& b) {
    if (a.port() != b.port() || a.port() == 0) return false;
    if (a.address() == b.address()) return true;
    const auto takes = [](const Endpoint& one, const Endpoint& other) {
        return one.address().is_unspecified() && (one.address().is_v6() || other.address().is_v4());
    };
    return takes(a, b) || takes(b, a);
}

/// The part before /bulk/ of the URLs that clients are given.
void check_shared_files(const Config& c, Findings& out) {
    const std::string& url = c.controller.files.url;
    const std::string_view host =
        std::string_view(url).substr(std::min<std::size_t>(8, url.size()));
    const bool is_good = url.starts_with("https://") && !host.empty() &&
                         host.find_first_of("?#@ \t\r\n") == std::string_view::npos &&
                         !host.ends_with('/') && xml::is_ascii(url);
    if (!url.empty() && !is_good)
        out.push_back(
            {"files.url",
             "files.url is '" + url + "'; one is written https://files.grid.example:8443"}
        );
    if (c.controller.files.enabled && c.listen.http.empty())
        out.push_back(
            {"files.enabled", "files.enabled has no effect while listen.http is off", true}
        );
    constexpr std::uint32_t files_threads_max = 64;
    if (c.files.threads > files_threads_max)
        out.push_back({"files.threads", "files.threads must be at most 64"});
}

/// As a browser writes one: RFC 6454 §6.2, without a port that is the scheme's own.
void check_origins(const Config& c, Findings& out) {
    for (const std::string& origin : c.http.allowed_origins) {
        const std::string_view rest(origin);
        const bool has_scheme = rest.starts_with("https://") || rest.starts_with("http://");
        const auto host = has_scheme ? rest.substr(rest.find("//") + 2) : std::string_view();
        if (!host.empty() && host.find_first_of("/?#@* \t") == std::string_view::npos) continue;
        out.push_back(
            {"http.allowed_origins", "http.allowed_origins: '" + origin +
                                         "' is no origin; one is written https://app.example, or "
                                         "https://app.example:8443"}
        );
    }
}

/// A component's stream has no TLS: everyone on its way could read it.
void check_components(const Config& c, Findings& out) {
    if (const auto endpoint = net::parse_address(c.listen.component);
        endpoint && !endpoint->address().is_loopback())
        out.push_back(
            {"listen.component",
             "listen.component must be a loopback address, such as "
             "127.0.0.1:5347: streams of components have no TLS"}
        );
    std::vector<std::string> names;
    for (const std::string& text : c.components.known) {
        const auto component = parse_component(text, c.domain);
        if (!component)
            out.push_back({"components.known", "components.known: " + component.error()});
        else if (std::ranges::find(names, component->domain.str()) != names.end())
            out.push_back(
                {"components.known", "components.known names " + component->domain.str() + " twice"}
            );
        else
            names.push_back(component->domain.str());
    }
    if (!c.listen.component.empty() && c.components.known.empty())
        out.push_back(
            {"listen.component",
             "listen.component is open, but components.known is empty: no component can log in",
             true}
        );
    if (c.listen.component.empty() && !c.components.known.empty())
        out.push_back(
            {"components.known", "components.known has no effect while listen.component is off",
             true}
        );
}

/// A part of a path in etcd, and of a name in a certificate.
bool is_cluster_name(std::string_view text) {
    constexpr std::size_t name_bytes_max = 64;
    return !text.empty() && text.size() <= name_bytes_max && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

/// "HOST:PORT" with a port from 1 to 65535; an IPv6 address stands in brackets.
std::optional<std::string> host_of(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    const auto port = text.substr(colon + 1);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc{} || end != port.data() + port.size() || number == 0)
        return std::nullopt;
    auto host = text.substr(0, colon);
    if (host.front() == '[') {
        if (host.size() < 3 || host.back() != ']') return std::nullopt;
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
        return std::nullopt;
    }
    const bool is_printable =
        std::ranges::all_of(host, [](unsigned char c) { return c > ' ' && c < 0x7f; });
    if (host.find_first_of("/?#@\"") != std::string_view::npos || !is_printable)
        return std::nullopt;
    return std::string(host);
}

bool is_loopback_host(const std::string& host) {
    boost::system::error_code no_address;
    const auto address = boost::asio::ip::make_address(host, no_address);
    return no_address ? host == "localhost" : address.is_loopback();
}

void check_etcd(const Config::Cluster& c, Findings& out) {
    const auto refuse = [&](const char* key, const std::string& why) {
        out.push_back({key, std::string(key) + why});
    };
    if (c.etcd.empty())
        refuse("cluster.etcd", " is empty: name etcd's members, e.g. [\"https://10.0.0.1:2379\"]");
    bool has_tls = false;
    for (const std::string& url : c.etcd) {
        const bool is_tls = url.starts_with("https://");
        const auto host = is_tls || url.starts_with("http://")
                              ? host_of(std::string_view(url).substr(is_tls ? 8 : 7))
                              : std::nullopt;
        has_tls = has_tls || is_tls;
        if (!host)
            refuse("cluster.etcd", ": '" + url + "' is not like https://HOST:PORT");
        else if (!is_tls && !is_loopback_host(*host))
            refuse(
                "cluster.etcd", ": '" + url +
                                    "' has no TLS: http:// is for loopback addresses alone, since "
                                    "all changes of the grid go this way"
            );
    }
    for (const auto& [key, file] :
         {std::pair("cluster.etcd_ca", &c.etcd_ca),
          std::pair("cluster.etcd_certificate", &c.etcd_certificate),
          std::pair("cluster.etcd_key", &c.etcd_key)}) {
        if (has_tls && file->empty())
            refuse(key, " is needed for https:// in cluster.etcd: both sides show certificates");
        if (!has_tls && !file->empty())
            out.push_back(
                {key, std::string(key) + " has no effect: cluster.etcd names no https://", true}
            );
    }
}

/// Half a cluster would be a grid of its own beside the cluster.
void check_half_a_cluster(const Config& c, Findings& out) {
    const auto& k = c.cluster;
    for (const auto& [key, is_given] :
         {std::pair("listen.cluster", !c.listen.cluster.empty()),
          std::pair("cluster.member", !k.member.empty()),
          std::pair("cluster.etcd", !k.etcd.empty()), std::pair("cluster.ca", !k.ca.empty()),
          std::pair("cluster.certificate", !k.certificate.empty()),
          std::pair("cluster.key", !k.key.empty()),
          std::pair("cluster.etcd_ca", !k.etcd_ca.empty()),
          std::pair("cluster.etcd_certificate", !k.etcd_certificate.empty()),
          std::pair("cluster.etcd_key", !k.etcd_key.empty()),
          std::pair("cluster.crl", !k.crl.empty()),
          std::pair("cluster.address", !k.address.empty()),
          std::pair("cluster.clients", !k.clients.empty())})
        if (is_given)
            out.push_back(
                {key, std::string(key) + " is given, but cluster.name is not: is this "
                                         "server a member of a cluster?"}
            );
}

constexpr std::size_t log_bytes_least = 16UL * 1024 * 1024;

void check_cluster(const Config& c, Findings& out) {
    const auto& k = c.cluster;
    if (!k.is_on()) return check_half_a_cluster(c, out);
    const auto refuse = [&](const char* key, const std::string& why) {
        out.push_back({key, std::string(key) + why});
    };
    for (const auto& [key, name] :
         {std::pair("cluster.name", &k.name), std::pair("cluster.member", &k.member)})
        if (!is_cluster_name(*name))
            refuse(key, " must be a name of a-z, 0-9, '-', '_' and '.', at most 64 characters");
    if (c.listen.cluster.empty())
        refuse("listen.cluster", " is needed in a cluster: other members connect to it");
    for (const auto& [key, file] :
         {std::pair("cluster.ca", &k.ca), std::pair("cluster.certificate", &k.certificate),
          std::pair("cluster.key", &k.key)})
        if (file->empty())
            refuse(
                key,
                " is needed in a cluster: members show certificates to each other "
                "(`gridctl pki member`)"
            );
    check_etcd(k, out);
    for (const auto& [key, place] :
         {std::pair("cluster.address", &k.address), std::pair("cluster.clients", &k.clients)})
        if (!place->empty() && !host_of(*place)) refuse(key, " must be like HOST:PORT");
    for (const auto& [key, place] :
         {std::pair("cluster.address", &k.address), std::pair("cluster.clients", &k.clients)})
        if (const auto endpoint = net::parse_address(*place);
            endpoint && endpoint->address().is_unspecified())
            refuse(key, " is " + *place + ", which is no address that others could connect to");
    if (const auto endpoint = net::parse_address(c.listen.cluster);
        endpoint && endpoint->address().is_unspecified() && k.address.empty())
        refuse(
            "cluster.address",
            " is needed where listen.cluster is on all addresses: other members "
            "have to know one"
        );
    if (!one_of(k.when_stale, {"refuse", "serve"}))
        refuse("cluster.when_stale", " must be refuse or serve");
    if (!one_of(k.acknowledge, {"here", "everywhere"}))
        refuse("cluster.acknowledge", " must be here or everywhere");
    if (k.max_staleness_ms < 500 || k.max_staleness_ms > 60'000)
        refuse("cluster.max_staleness_ms", " must be from 500 to 60000");
    if (k.groups_kept < 100) refuse("cluster.groups_kept", " must be at least 100");
    if (!one_of(k.uploads, {"elsewhere", "here"}))
        refuse("cluster.uploads", " must be elsewhere or here");
    if (k.log_bytes_kept < log_bytes_least)
        refuse(
            "cluster.log_bytes_kept", " must be at least " + std::to_string(log_bytes_least) +
                                          ": some groups, each of up to 1.25 MiB"
        );
    if (c.tls.certificate.empty())
        refuse(
            "cluster.name",
            " is given, but tls.certificate is not: an evaluation has a CA of its own on each "
            "machine, so that clients could not go from one member to another"
        );
}

void check_listeners(const Config& c, Findings& out) {
    const auto& l = c.listen;
    std::vector<std::pair<std::string, Endpoint>> open;
    for (const auto& [key, address] :
         {std::pair("listen.c2s", &l.c2s), std::pair("listen.c2s_tls", &l.c2s_tls),
          std::pair("listen.http", &l.http), std::pair("listen.health", &l.health),
          std::pair("listen.metrics", &l.metrics), std::pair("listen.socks5", &l.socks5),
          std::pair("listen.component", &l.component), std::pair("listen.cluster", &l.cluster)}) {
        if (address->empty()) continue;
        const auto endpoint = net::parse_address(*address);
        if (!endpoint) {
            out.push_back({key, std::string(key) + ": " + endpoint.error()});
            continue;
        }
        for (const auto& [other, taken] : open)
            if (overlap(*endpoint, taken))
                out.push_back(
                    {key, std::string(key) + " and " + other + " are the same port, " +
                              std::to_string(endpoint->port())}
                );
        open.emplace_back(key, *endpoint);
    }
    if (c.bulk.proxy_port > std::numeric_limits<std::uint16_t>::max())
        out.push_back({"bulk.proxy_port", "bulk.proxy_port is no port from 0 to 65535"});
    if (!xml::is_nameable(c.bulk.proxy_host) ||
        c.bulk.proxy_host.find_first_of(" \t/") != std::string::npos)
        out.push_back({"bulk.proxy_host", "bulk.proxy_host must be a host name or an IP address"});
    if (!l.c2s.empty() || !l.c2s_tls.empty()) return;
    const std::string key = c.origin.is_given("listen.c2s") ? "listen.c2s" : "listen.c2s_tls";
    if (l.http.empty())
        out.push_back({key, "all listeners are off: nobody could reach this server"});
    else
        out.push_back(
            {key, "listen.c2s and listen.c2s_tls are both off: no client can log in", true}
        );
}

}   // namespace

std::string place_of(const Finding& finding, const Config& config) {
    if (!finding.place.empty()) return finding.place;
    const auto place = config.origin.places.find(finding.key);
    return place == config.origin.places.end() ? std::string() : place->second;
}

std::string to_text(const Finding& finding, const Config& config) {
    std::string text;
    const auto given = config.origin.places.find(finding.key);
    if (given != config.origin.places.end()) text += given->second + ": ";
    if (!finding.place.empty()) text += finding.place + ": ";
    return text + finding.text;
}

bool has_errors(const Findings& findings) {
    return !std::ranges::all_of(findings, &Finding::is_warning);
}

bool is_said(const Finding& finding, const Findings& before) {
    return std::ranges::any_of(before, [&](const Finding& one) {
        return !one.key.empty() &&
               (one.key == finding.key || finding.text.find(one.key) != std::string::npos);
    });
}

Findings prepare_names(Config& config) {
    Findings findings;
    prepare_own_domain(config, findings);
    if (!findings.empty()) return findings;   // the others are compared with it
    prepare_aliases(config, findings);
    prepare_administrators(config, findings);
    return findings;
}

Findings check_values(const Config& config) {
    Findings findings;
    check_words(config, findings);
    check_listeners(config, findings);
    check_components(config, findings);
    check_cluster(config, findings);
    check_origins(config, findings);
    check_shared_files(config, findings);
    check_trust(config, findings);
    check_accounts(config, findings);
    check_passwords(config, findings);
    check_least(config, findings);
    check_pairs(config, findings);
    check_announced(config, findings);
    return findings;
}

}   // namespace grid::server
