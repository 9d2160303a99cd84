// controller/settings.hpp: the controller's configuration.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "controller/accounts/approval.hpp"
#include "controller/bulk/settings.hpp"
#include "controller/contacts/contact.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// [offline]: messages that wait for an account (XEP-0160).
struct OfflineSettings {
    std::size_t messages_max = 1'000;            // of one account; 0: none is kept
    std::size_t bytes_max = 4UL * 1024 * 1024;   // of one account
    std::size_t total_bytes_max = 1024UL * 1024 * 1024;
    std::uint32_t days = 30;
    storage::Millis keep_ms = 30LL * 24 * 3600 * 1000;   // from `days`
};

/// [archive]: of the messages of accounts (XEP-0313).
struct ArchiveSettings {
    bool messages = false;                        // there is one
    std::size_t messages_max = 10'000;            // of one account
    std::size_t bytes_max = 32UL * 1024 * 1024;   // of one account
    std::size_t total_bytes_max = 8UL * 1024 * 1024 * 1024;
    std::uint32_t days = 90;
    storage::Millis keep_ms = 90LL * 24 * 3600 * 1000;   // from `days`
};

/// [files]: files that clients exchange by HTTPS (XEP-0363).
struct FileSettings {
    bool enabled = true;
    std::string url;   // before /bulk/…: "https://grid.example:8443"
    std::size_t file_bytes_max = 4UL * 1024 * 1024 * 1024;
    std::size_t files_max = 1'000;                       // of one account, slots counted
    std::size_t bytes_max = 16UL * 1024 * 1024 * 1024;   // of one account
    std::size_t total_files_max = 100'000;
    std::size_t total_bytes_max = 64UL * 1024 * 1024 * 1024;
    std::uint32_t slot_minutes = 60;
    std::uint32_t days = 7;
    storage::Millis slot_ms = 3600LL * 1000;            // from `slot_minutes`
    storage::Millis keep_ms = 7LL * 24 * 3600 * 1000;   // from `days`
};

/// The operator's configuration ([accounts], [controller], [audit] in gridd.toml). Immutable.
struct Settings {
    std::string domain;                                    // the grid domain D
    xml::Jid address;                                      // canonical, `controller.D`
    xml::Jid broker;                                       // canonical, `pubsub.D`
    xml::Jid bulk_address;                                 // canonical, `bulk.D`
    bool auto_approve = false;                             // approve at the first login
    std::vector<std::string> default_groups{"everyone"};   // of an approved account
    bool implicit_login = true;                            // the first request logs in
    std::size_t accounts_max = 100'000;
    std::size_t vcard_bytes_max = 32 * 1024;   // of an account; 0: none is kept
    std::size_t pending_per_anchor_max = 1'000;
    std::vector<ApprovalRule> approve;   // first match wins, before auto_approve
    bool pin_keys = false;               // a new account is pinned to the key that it came with
    bool passwords = false;              // accounts may have them, and log in by them
    bool registers_in_band = false;      // by whoever can reach the server (XEP-0077)
    std::uint32_t password_iterations = 10'000;
    storage::Millis token_lifetime = 0;   // of XEP-0484; 0: there are none
    std::string credential_seed;          // random: of the secret, where the store has none yet
    storage::Millis pending_expire_ms = 30LL * 24 * 3600 * 1000;
    std::size_t subtopics_max = 1'000;   // of one topic, whatever its providers say
    std::size_t audit_queue_max = 10'000;
    std::size_t page_max = 1'000;
    bool precheck = true;   // queries between clients are checked before they are delivered
    std::uint32_t publisher_lease_seconds = 300;   // of a publisher without presence
    contacts::RosterBounds contacts;
    std::string incident_topic;   // XEP-0268: reports to the grid become items of it; empty: none
    OfflineSettings offline;
    ArchiveSettings archive;
    bulk::Settings bulk;
    FileSettings files;
    std::size_t blocked_max = 1'000;   // addresses that one account blocks (XEP-0191)
    /// Namespaces of what the server itself answers to accounts that are not enabled, too.
    std::set<std::string> open_services;
};

}   // namespace grid::controller
