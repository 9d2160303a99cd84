// server/config/options.cpp: see server/config/options.hpp.
#include "server/config/options.hpp"

#include <charconv>
#include <limits>

namespace grid::server {

/// The one list of keys. Names are those of the struct, so that server/config/config.hpp and
/// gridd.toml read alike.
std::vector<Option> options_of(Config& c) {
    auto& x = c.limits.xml;
    return {
        {"domain", &c.domain},
        {"listen.c2s", &c.listen.c2s},
        {"listen.c2s_tls", &c.listen.c2s_tls},
        {"listen.http", &c.listen.http},
        {"listen.health", &c.listen.health},
        {"listen.metrics", &c.listen.metrics},
        {"listen.socks5", &c.listen.socks5},
        {"listen.component", &c.listen.component},
        {"listen.cluster", &c.listen.cluster},
        {"cluster.name", &c.cluster.name},
        {"cluster.member", &c.cluster.member},
        {"cluster.etcd", &c.cluster.etcd},
        {"cluster.etcd_ca", &c.cluster.etcd_ca},
        {"cluster.etcd_certificate", &c.cluster.etcd_certificate},
        {"cluster.etcd_key", &c.cluster.etcd_key},
        {"cluster.ca", &c.cluster.ca},
        {"cluster.certificate", &c.cluster.certificate},
        {"cluster.key", &c.cluster.key},
        {"cluster.crl", &c.cluster.crl},
        {"cluster.address", &c.cluster.address},
        {"cluster.clients", &c.cluster.clients},
        {"cluster.max_staleness_ms", &c.cluster.max_staleness_ms},
        {"cluster.when_stale", &c.cluster.when_stale},
        {"cluster.acknowledge", &c.cluster.acknowledge},
        {"cluster.groups_kept", &c.cluster.groups_kept},
        {"cluster.log_bytes_kept", &c.cluster.log_bytes_kept},
        {"cluster.uploads", &c.cluster.uploads},
        {"cluster.files_bytes_per_second", &c.cluster.files_bytes_per_second},
        {"metrics.probe_seconds", &c.metrics.probe_seconds},
        {"console.password_sign_in", &c.console.password_sign_in},
        {"console.idle_minutes", &c.console.idle_minutes},
        {"console.hours_max", &c.console.hours_max},
        {"http.websocket", &c.http.websocket},
        {"http.bosh", &c.http.bosh},
        {"http.allowed_origins", &c.http.allowed_origins},
        {"http.static_dir", &c.http.static_dir},
        {"tls.certificate", &c.tls.certificate},
        {"tls.key", &c.tls.key},
        {"tls.client_ca", &c.tls.client_ca},
        {"tls.min_version", &c.tls.min_version},
        {"tls.ciphers", &c.tls.ciphers},
        {"tls.groups", &c.tls.groups},
        {"tls.require_client_certificate", &c.tls.require_client_certificate},
        {"tls.crl", &c.tls.crl},
        {"tls.crl_policy", &c.tls.crl_policy},
        {"tls.ocsp", &c.tls.ocsp},
        {"tls.ocsp_responder", &c.tls.ocsp_responder},
        {"tls.ocsp_timeout_ms", &c.tls.ocsp_timeout_ms},
        {"tls.ocsp_questions_max", &c.tls.ocsp_questions_max},
        {"tls.ocsp_cache_max", &c.tls.ocsp_cache_max},
        {"tls.ocsp_cache_seconds_max", &c.tls.ocsp_cache_seconds_max},
        {"tls.ocsp_nonce", &c.tls.ocsp_nonce},
        {"tls.resumption_seconds_max", &c.tls.resumption_seconds_max},
        {"tls.staple", &c.tls.staple},
        {"tls.staple_responder", &c.tls.staple_responder},
        {"sasl.mappings", &c.sasl.mappings},
        {"sasl.attempts_max", &c.sasl.attempts_max},
        {"sasl.passwords", &c.sasl.passwords},
        {"sasl.mechanisms", &c.sasl.mechanisms},
        {"sasl.plain", &c.sasl.plain},
        {"sasl.iterations", &c.sasl.iterations},
        {"sasl.token_days", &c.sasl.token_days},
        {"sasl.failures_per_account_max", &c.sasl.failures_per_account_max},
        {"sasl.failures_per_address_max", &c.sasl.failures_per_address_max},
        {"sasl.failure_seconds", &c.sasl.failure_seconds},
        {"registration.in_band", &c.registration.in_band},
        {"registration.per_address_max", &c.registration.per_address_max},
        {"limits.stanza_bytes_max", &x.stanza_bytes_max},
        {"limits.depth_max", &x.depth_max},
        {"limits.attributes_max", &x.attributes_max},
        {"limits.declarations_max", &x.declarations_max},
        {"limits.elements_max", &x.elements_max},
        {"limits.name_bytes_max", &x.name_bytes_max},
        {"limits.header_bytes_max", &x.header_bytes_max},
        {"limits.stanza_seconds_max", &c.limits.stanza_seconds_max},
        {"limits.pre_auth_seconds_max", &c.limits.pre_auth_seconds_max},
        {"limits.pre_auth_bytes_max", &c.limits.pre_auth_bytes_max},
        {"limits.pre_auth_stanzas_max", &c.limits.pre_auth_stanzas_max},
        {"limits.pre_auth_stanza_bytes_max", &c.limits.pre_auth_stanza_bytes_max},
        {"limits.pre_auth_elements_max", &c.limits.pre_auth_elements_max},
        {"limits.pre_auth_depth_max", &c.limits.pre_auth_depth_max},
        {"limits.pre_auth_attributes_max", &c.limits.pre_auth_attributes_max},
        {"limits.pre_auth_connections_max", &c.limits.pre_auth_connections_max},
        {"limits.pre_auth_tls_max", &c.limits.pre_auth_tls_max},
        {"limits.pre_auth_per_address_max", &c.limits.pre_auth_per_address_max},
        {"limits.connections_max", &c.limits.connections_max},
        {"limits.connections_per_address_max", &c.limits.connections_per_address_max},
        {"limits.resources_per_account_max", &c.limits.resources_per_account_max},
        {"limits.stanzas_per_second", &c.limits.stanzas_per_second},
        {"limits.bytes_per_second", &c.limits.bytes_per_second},
        {"limits.burst_seconds_max", &c.limits.burst_seconds_max},
        {"limits.flood_seconds_max", &c.limits.flood_seconds_max},
        {"limits.idle_seconds_max", &c.limits.idle_seconds_max},
        {"limits.outbox_bytes_max", &c.limits.outbox_bytes_max},
        {"limits.process_bytes_max", &c.limits.process_bytes_max},
        {"limits.http_connections_max", &c.limits.http_connections_max},
        {"limits.http_per_address_max", &c.limits.http_per_address_max},
        {"limits.http_strangers_max", &c.limits.http_strangers_max},
        {"limits.http_body_bytes_max", &c.limits.http_body_bytes_max},
        {"sessions.hibernation_seconds_max", &c.sessions.hibernation_seconds_max},
        {"sessions.hibernating_max", &c.sessions.hibernating_max},
        {"sessions.ack_seconds_max", &c.sessions.ack_seconds_max},
        {"sessions.held_presence_max", &c.sessions.held_presence_max},
        {"reactor.threads", &c.reactor.threads},
        {"storage.free_bytes_min", &c.storage.free_bytes_min},
        {"storage.reopen_after_seconds", &c.storage.reopen_after_seconds},
        {"pubsub.address", &c.pubsub.address},
        {"pubsub.access_open", &c.pubsub.allow_open},
        {"pubsub.default_access_model", &c.pubsub.default_access_model},
        {"pubsub.last_published", &c.pubsub.last_published},
        {"pubsub.nodes_max", &c.pubsub.nodes_max},
        {"pubsub.nodes_per_account_max", &c.pubsub.nodes_per_account_max},
        {"pubsub.item_id_bytes_max", &c.pubsub.item_id_bytes_max},
        {"pubsub.item_index_bytes_per_account_max", &c.pubsub.item_index_bytes_per_account_max},
        {"pubsub.item_index_bytes_max", &c.pubsub.item_index_bytes_max},
        {"pubsub.affiliations_per_node_max", &c.pubsub.affiliations_per_node_max},
        {"pubsub.affiliations_per_account_max", &c.pubsub.affiliations_per_account_max},
        {"pubsub.affiliations_max", &c.pubsub.affiliations_max},
        {"pubsub.max_items_default", &c.pubsub.max_items_default},
        {"pubsub.max_items_max", &c.pubsub.max_items_max},
        {"pubsub.payload_bytes_max", &c.pubsub.payload_bytes_max},
        {"pubsub.subscriptions_per_node_max", &c.pubsub.subscriptions_per_node_max},
        {"pubsub.subscriptions_per_account_max", &c.pubsub.subscriptions_per_account_max},
        {"pubsub.subscriptions_per_jid_max", &c.pubsub.subscriptions_per_jid_max},
        {"pubsub.subscribe_again", &c.pubsub.subscribe_again},
        {"pubsub.lease_required", &c.pubsub.is_lease_required},
        {"pubsub.lease_seconds_max", &c.pubsub.lease_seconds_max},
        {"pubsub.lease_reminder_seconds", &c.pubsub.lease_reminder_seconds},
        {"pubsub.bounces_max", &c.pubsub.bounces_max},
        {"pubsub.page_max", &c.pubsub.page_max},
        {"pubsub.types", &c.pubsub.types},
        {"pubsub.strict_type", &c.pubsub.strict_type},
        {"pubsub.auto_create", &c.pubsub.auto_create},
        {"pubsub.children_max", &c.pubsub.children_max},
        {"pubsub.personal.enabled", &c.pubsub.personal.is_on},
        {"pubsub.personal.nodes_per_account_max", &c.pubsub.personal.nodes_per_account_max},
        {"pubsub.personal.items_per_node_max", &c.pubsub.personal.items_per_node_max},
        {"pubsub.personal.item_bytes_max", &c.pubsub.personal.item_bytes_max},
        {"pubsub.personal.bytes_per_account_max", &c.pubsub.personal.bytes_per_account_max},
        {"pubsub.compat.write_by_get", &c.pubsub.write_by_get},
        {"pubsub.compat.advertise", &c.pubsub.advertise},
        {"pubsub.compat.empty_set", &c.pubsub.empty_set},
        {"pubsub.archive.items_max", &c.pubsub.archive.items_max},
        {"pubsub.archive.days", &c.pubsub.archive.days},
        {"pubsub.archive.bytes_max", &c.pubsub.archive.bytes_max},
        {"pubsub.archive.total_items_max", &c.pubsub.archive.total_items_max},
        {"controller.aliases", &c.controller.aliases},
        {"controller.implicit_login", &c.controller.implicit_login},
        {"controller.precheck", &c.controller.precheck},
        {"controller.query_timeout_seconds", &c.controller.query_timeout_seconds},
        {"controller.queries_per_session_max", &c.controller.queries_per_session_max},
        {"controller.publisher_lease_seconds", &c.controller.publisher_lease_seconds},
        {"controller.incident_topic", &c.controller.incident_topic},
        {"controller.subtopics_max", &c.controller.subtopics_max},
        {"controller.subtopics_share_percent", &c.pubsub.subtopics_share_percent},
        {"controller.subtopic_grace_seconds", &c.controller.subtopic_grace_seconds},
        {"contacts.items_max", &c.controller.contacts.items_max},
        {"contacts.groups_per_item_max", &c.controller.contacts.groups_per_item_max},
        {"contacts.bytes_max", &c.controller.contacts.bytes_max},
        {"contacts.total_items_max", &c.controller.contacts.total_items_max},
        {"contacts.presence_bytes_max", &c.controller.contacts.presence_bytes_max},
        {"accounts.auto_approve", &c.accounts.auto_approve},
        {"accounts.default_groups", &c.controller.default_groups},
        {"accounts.accounts_max", &c.controller.accounts_max},
        {"accounts.vcard_bytes_max", &c.controller.vcard_bytes_max},
        {"accounts.pending_per_anchor_max", &c.controller.pending_per_anchor_max},
        {"accounts.pending_expire_days", &c.accounts.pending_expire_days},
        {"accounts.approve", &c.accounts.approve},
        {"accounts.pin_keys", &c.controller.pin_keys},
        {"accounts.administrators", &c.accounts.administrators},
        {"offline.messages_max", &c.controller.offline.messages_max},
        {"offline.bytes_max", &c.controller.offline.bytes_max},
        {"offline.total_bytes_max", &c.controller.offline.total_bytes_max},
        {"offline.days", &c.controller.offline.days},
        {"bulk.proxy_host", &c.bulk.proxy_host},
        {"bulk.proxy_port", &c.bulk.proxy_port},
        {"bulk.tls_required", &c.bulk.tls_required},
        {"bulk.waiting_max", &c.bulk.waiting_max},
        {"bulk.waiting_per_address_max", &c.bulk.waiting_per_address_max},
        {"bulk.waiting_seconds_max", &c.bulk.waiting_seconds_max},
        {"bulk.transfers_max", &c.controller.bulk.transfers_max},
        {"bulk.transfers_per_account_max", &c.controller.bulk.transfers_per_account_max},
        {"bulk.bytes_per_account_max", &c.controller.bulk.bytes_per_account_max},
        {"bulk.window_seconds", &c.controller.bulk.window_seconds},
        {"bulk.bytes_per_second", &c.controller.bulk.bytes_per_second},
        {"bulk.bytes_per_second_per_account", &c.controller.bulk.bytes_per_second_per_account},
        {"bulk.idle_seconds_max", &c.controller.bulk.idle_seconds_max},
        {"bulk.seconds_max", &c.controller.bulk.seconds_max},
        {"bulk.recent_max", &c.controller.bulk.recent_max},
        {"blocking.addresses_max", &c.controller.blocked_max},
        {"archive.messages", &c.controller.archive.messages},
        {"archive.messages_max", &c.controller.archive.messages_max},
        {"archive.bytes_max", &c.controller.archive.bytes_max},
        {"archive.total_bytes_max", &c.controller.archive.total_bytes_max},
        {"archive.days", &c.controller.archive.days},
        {"files.enabled", &c.controller.files.enabled},
        {"files.url", &c.controller.files.url},
        {"files.file_bytes_max", &c.controller.files.file_bytes_max},
        {"files.files_max", &c.controller.files.files_max},
        {"files.bytes_max", &c.controller.files.bytes_max},
        {"files.total_files_max", &c.controller.files.total_files_max},
        {"files.total_bytes_max", &c.controller.files.total_bytes_max},
        {"files.slot_minutes", &c.controller.files.slot_minutes},
        {"files.days", &c.controller.files.days},
        {"files.free_bytes_min", &c.files.free_bytes_min},
        {"files.threads", &c.files.threads},
        {"backup.dir", &c.backup.dir},
        {"backup.keep", &c.backup.keep},
        {"contact.abuse", &c.contact.abuse},
        {"contact.admin", &c.contact.admin},
        {"contact.feedback", &c.contact.feedback},
        {"contact.sales", &c.contact.sales},
        {"contact.security", &c.contact.security},
        {"contact.status", &c.contact.status},
        {"contact.support", &c.contact.support},
        {"components.known", &c.components.known},
        {"external.services", &c.external.services},
        {"external.turn_secret", &c.external.turn_secret},
        {"external.turn_seconds", &c.external.turn_seconds},
        {"policy.file", &c.policy.file},
        {"audit.queue_max", &c.controller.audit_queue_max},
        {"audit.keep_days", &c.audit.keep_days},
        {"audit.keep_bytes", &c.audit.keep_bytes},
        {"audit.head_log_seconds", &c.audit.head_log_seconds},
        {"audit.export_to", &c.audit.export_to},
        {"reload.on_change", &c.reload.on_change},
        {"log.level", &c.log.level},
        {"log.format", &c.log.format},
    };
}

namespace {

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

/// Turns tools' output into the compared form: "AB:CD…" is abcd….
std::string hash_in_hex(const std::string& text) {
    std::string hex;
    for (char c : text)
        if (c != ':') hex += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return hex;
}

Failure add_mapping(std::vector<Config::Mapping>& mappings, const std::string& text) {
    auto at = text.find('@');
    Config::Mapping mapping{text.substr(0, at), at == std::string::npos ? "" : text.substr(at + 1)};
    mapping.ca = hash_in_hex(mapping.ca);
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

}   // namespace

Failure set_text(Target& target, const std::string& text) {
    if (auto value = std::get_if<std::string*>(&target)) return **value = text, Failure{};
    if (auto value = std::get_if<std::uint32_t*>(&target)) return set_number(**value, text);
    if (auto value = std::get_if<std::size_t*>(&target)) return set_number(**value, text);
    if (auto value = std::get_if<bool*>(&target)) {
        if (text != "true" && text != "false") return "must be true or false";
        return **value = text == "true", Failure{};
    }
    if (auto value = std::get_if<YesNoOr*>(&target)) return (*value)->text = text, Failure{};
    return set_list(target, split_commas(text));
}

namespace {

/// For texts: what an option of this type takes.
std::string_view expected(const Target& target) {
    if (std::holds_alternative<std::string*>(target)) return "a text in quotes";
    if (std::holds_alternative<bool*>(target)) return "true or false";
    if (std::holds_alternative<YesNoOr*>(target)) return "true, false or a text in quotes";
    if (std::holds_alternative<std::uint32_t*>(target) ||
        std::holds_alternative<std::size_t*>(target))
        return "a whole number";
    return "a list of texts";
}

std::string_view found(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::table:
            return "a table";
        case toml::node_type::array:
            return "a list";
        case toml::node_type::string:
            return "a text";
        case toml::node_type::integer:
            return "a whole number";
        case toml::node_type::floating_point:
            return "a number with a point";
        case toml::node_type::boolean:
            return "true or false";
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
            return "a date or time";
        default:
            return "something else";
    }
}

}   // namespace

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
    if (auto text = node.as_string(); text && std::holds_alternative<YesNoOr*>(target))
        return set_text(target, text->get());
    if (auto flag = node.as_boolean();
        flag && (std::holds_alternative<bool*>(target) || std::holds_alternative<YesNoOr*>(target)))
        return set_text(target, flag->get() ? "true" : "false");
    return "must be " + std::string(expected(target)) + ", not " + std::string(found(node));
}

}   // namespace grid::server
