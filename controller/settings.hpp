// controller/settings.hpp: the controller's configuration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "controller/accounts/approval.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// The operator's configuration ([accounts], [controller], [audit] in gridd.toml). Immutable.
struct Settings {
    std::string domain;                                    // the grid domain D
    xml::Jid address;                                      // canonical, `controller.D`
    xml::Jid broker;                                       // canonical, `pubsub.D`
    bool auto_approve = false;                             // approve at the first login
    std::vector<std::string> default_groups{"everyone"};   // of an approved account
    bool implicit_login = true;                            // the first request logs in
    std::size_t accounts_max = 100'000;
    std::size_t vcard_bytes_max = 32 * 1024;   // of an account; 0: none is kept
    std::size_t pending_per_anchor_max = 1'000;
    std::vector<ApprovalRule> approve;   // first match wins, before auto_approve
    bool pin_keys = false;               // a new account is pinned to the key that it came with
    storage::Millis pending_expire_ms = 30LL * 24 * 3600 * 1000;
    std::size_t subtopics_max = 1'000;   // of one topic, whatever its providers say
    std::size_t audit_queue_max = 10'000;
    std::size_t page_max = 1'000;
    bool precheck = true;   // queries between clients are checked before they are delivered
    std::uint32_t publisher_lease_seconds = 300;   // of a publisher without presence
    std::string incident_topic;   // XEP-0268: reports to the grid become items of it; empty: none
    /// Namespaces of what the server itself answers to accounts that are not enabled, too.
    std::set<std::string> open_services;
};

}   // namespace grid::controller
