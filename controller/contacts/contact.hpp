// controller/contacts/contact.hpp: the records of a roster: its items, the requests that wait, the
// last removal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/contacts/transitions.hpp"
#include "storage/batch.hpp"

namespace grid::controller::contacts {

/// Of a name and of a group.
inline constexpr std::size_t name_bytes_max = 1023;

/// Bounds of rosters and presence ([contacts] in gridd.toml). Requests that overlap may pass one by
/// as many as they are.
struct RosterBounds {
    std::size_t items_max = 1'000;   // of one account: contacts and waiting requests
    std::size_t groups_per_item_max = 32;
    std::size_t bytes_max = 256 * 1024;        // names, groups and waiting requests of one account
    std::size_t total_items_max = 1'000'000;   // of all accounts
    std::size_t presence_bytes_max = 8 * 1024;   // of one presence stanza
};

/// A roster item (RFC 6121 §2.1.2). The revision of its record is the version of its last change.
struct Contact {
    std::string name;                  // as the account calls it; empty: no name
    std::vector<std::string> groups;   // each once
    bool to = false, from = false, asks = false, is_approved = false;   // as in Standing

    storage::Revision revision = 0;   // of its record; not stored in it

    std::size_t bytes() const;
    bool operator==(const Contact&) const = default;
};

/// A subscription request that waits for the account's answer (RFC 6121 §3.1.3).
struct Request {
    std::string stanza;   // behind `<presence to='…'`
    storage::Revision revision = 0;
    bool operator==(const Request&) const = default;
};

std::string item_key(std::string_view owner, std::string_view contact);
std::string request_key(std::string_view owner, std::string_view contact);
/// The record whose revision is the version of the last removal from the roster.
std::string removal_key(std::string_view owner);
std::string removal_value();

std::string encode(const Contact& contact);
/// nullopt when the bytes cannot be understood.
std::optional<Contact> decode_contact(std::string_view value);
std::string encode(const Request& request);
std::optional<Request> decode_request(std::string_view value);

}   // namespace grid::controller::contacts
