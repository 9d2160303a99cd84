// server/core/settings.cpp: configuration into the settings of the layers below.
#include "server/core/settings.hpp"

#include <openssl/rand.h>

#include <stdexcept>

#include "pubsub/cursors.hpp"

namespace grid::server {

namespace {

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    auto* const into = reinterpret_cast<unsigned char*>(bytes.data());
    if (RAND_bytes(into, static_cast<int>(count)) != 1)
        throw std::runtime_error("the system gives no random numbers");
    return bytes;
}

}   // namespace

pubsub::Settings broker_settings(const Config& config, const Addresses& addresses) {
    const auto& from = config.pubsub;
    pubsub::Settings to;
    to.service = addresses.broker();
    to.allow_open = from.access_open;
    to.default_access_model = from.default_access_model;
    to.nodes_max = from.nodes_max;
    to.nodes_per_account_max = from.nodes_per_account_max;
    to.item_id_bytes_max = from.item_id_bytes_max;
    to.item_index_bytes_per_account_max = from.item_index_bytes_per_account_max;
    to.item_index_bytes_max = from.item_index_bytes_max;
    to.affiliations_per_node_max = from.affiliations_per_node_max;
    to.affiliations_per_account_max = from.affiliations_per_account_max;
    to.affiliations_max = from.affiliations_max;
    to.subtopics_share_percent = config.controller.subtopics_share_percent;
    to.max_items_max = from.max_items_max;
    to.max_items_default = from.max_items_default;
    to.payload_bytes_max = from.payload_bytes_max;
    to.subscriptions_per_node_max = from.subscriptions_per_node_max;
    to.subscriptions_per_account_max = from.subscriptions_per_account_max;
    to.subscriptions_per_jid_max = from.subscriptions_per_jid_max;
    to.is_subscribing_again_same = from.subscribe_again == "same";
    to.is_lease_required = from.lease_required;
    to.lease_seconds_max = from.lease_seconds_max;
    to.lease_reminder_seconds = from.lease_reminder_seconds;
    to.bounces_max = from.bounces_max;
    to.page_max = from.page_max;
    to.types = from.types;
    to.strict_type = from.strict_type;
    to.auto_create = from.auto_create;
    to.children_max = from.children_max;
    to.subtopic_grace_ms = storage::Millis{config.controller.subtopic_grace_seconds} * 1000;
    to.write_by_get = from.compat.write_by_get;
    to.advertise = from.compat.advertise;
    to.empty_set = from.compat.empty_set;
    to.cursor_seed = random_bytes(pubsub::Cursors::key_bytes);
    to.archive = {
        from.archive.items_max, from.archive.days, from.archive.bytes_max,
        from.archive.total_items_max
    };
    return to;
}

Queries::Bounds query_bounds(const Config& config) {
    Queries::Bounds bounds;
    bounds.per_session_max = config.controller.queries_per_session_max;
    bounds.timeout = std::chrono::seconds{config.controller.query_timeout_seconds};
    return bounds;
}

controller::Settings controller_settings(
    const Config& config, const Addresses& addresses, std::set<std::string> open_services
) {
    const auto& from = config.accounts;
    controller::Settings to;
    to.domain = addresses.server().str();
    to.address = addresses.controller();
    to.aliases = addresses.controller_aliases();
    to.broker = addresses.broker();
    to.auto_approve = from.auto_approve.is_yes();
    to.default_groups = from.default_groups;
    // They were checked when the configuration was read.
    for (const std::string& text : from.approve)
        if (auto rule = controller::parse_approval_rule(text))
            to.approve.push_back(std::move(*rule));
    to.pin_keys = from.pin_keys;
    to.implicit_login = config.controller.implicit_login;
    to.precheck = config.controller.precheck;
    to.publisher_lease_seconds = config.controller.publisher_lease_seconds;
    to.incident_topic = config.controller.incident_topic;
    to.accounts_max = from.accounts_max;
    to.pending_per_anchor_max = from.pending_per_anchor_max;
    to.pending_expire_ms = storage::Millis{from.pending_expire_days} * 24 * 3600 * 1000;
    to.page_max = config.pubsub.page_max;
    to.audit_queue_max = config.audit.queue_max;
    to.subtopics_max = config.controller.subtopics_max;
    to.open_services = std::move(open_services);
    return to;
}

}   // namespace grid::server
