// controller/contacts/rosters.hpp: the rosters of all accounts in memory, a function of their
// records alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "controller/contacts/contact.hpp"

namespace grid::controller::contacts {

/// The contacts of one account, by their JIDs.
struct Roster {
    std::map<std::string, Contact, std::less<>> items;
    std::map<std::string, Request, std::less<>> requests;
    storage::Revision version = 0;   // of the last change that a client sees (RFC 6121 §2.6)
    storage::Revision removed = 0;   // version of the last removal; 0: none
    std::size_t bytes = 0;           // names, groups and waiting requests

    const Contact* find(std::string_view contact) const;
    const Request* request(std::string_view contact) const;
    bool is_empty() const { return items.empty() && requests.empty() && removed == 0; }
    bool operator==(const Roster&) const = default;
};

class Rosters {
public:
    /// `rest` of the key: owner and contact.
    void apply_item(std::string_view rest, const std::optional<storage::Record>& record);
    void apply_request(std::string_view rest, const std::optional<storage::Record>& record);

    /// Of an account without any record: an empty one.
    const Roster& of(std::string_view owner) const;
    Standing standing(std::string_view owner, std::string_view contact) const;
    /// Items and requests of all accounts.
    std::size_t size() const { return size_; }
    bool holds_anything_of(std::string_view owner) const { return rosters_.contains(owner); }
    /// Owners in order, after that one; nullopt: there is none.
    std::optional<std::string> next_owner(std::string_view after) const;
    bool operator==(const Rosters& other) const { return rosters_ == other.rosters_; }

private:
    void drop_if_empty(std::string_view owner);

    std::map<std::string, Roster, std::less<>> rosters_;
    std::size_t size_ = 0;
};

}   // namespace grid::controller::contacts
