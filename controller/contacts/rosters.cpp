// controller/contacts/rosters.cpp: see rosters.hpp.
#include "controller/contacts/rosters.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"

namespace grid::controller::contacts {

namespace {

/// Owner and contact of a key behind its tag; no owner: it is no such key.
std::pair<std::string, std::string> parties(std::string_view rest) {
    storage::Decoder in(rest);
    std::string owner(in.text());
    std::string contact(in.raw());
    if (!in.ok()) return {};
    return {std::move(owner), std::move(contact)};
}

}   // namespace

const Contact* Roster::find(std::string_view contact) const {
    const auto found = items.find(contact);
    return found == items.end() ? nullptr : &found->second;
}

const Request* Roster::request(std::string_view contact) const {
    const auto found = requests.find(contact);
    return found == requests.end() ? nullptr : &found->second;
}

void Rosters::apply_item(std::string_view rest, const std::optional<storage::Record>& record) {
    const auto [owner, contact] = parties(rest);
    if (owner.empty()) return;
    Roster& roster = rosters_[owner];
    if (record) roster.version = std::max(roster.version, record->revision);
    if (contact.empty()) {
        roster.removed = record ? record->revision : 0;
        return drop_if_empty(owner);
    }
    if (const auto found = roster.items.find(contact); found != roster.items.end()) {
        roster.bytes -= found->second.bytes();
        roster.items.erase(found);
        --size_;
    }
    if (record) {
        // An item that cannot be understood shares nothing.
        Contact item = decode_contact(record->value).value_or(Contact{});
        item.revision = record->revision;
        roster.bytes += item.bytes();
        roster.items.emplace(contact, std::move(item));
        ++size_;
    }
    drop_if_empty(owner);
}

void Rosters::apply_request(std::string_view rest, const std::optional<storage::Record>& record) {
    const auto [owner, contact] = parties(rest);
    if (owner.empty() || contact.empty()) return;
    Roster& roster = rosters_[owner];
    if (const auto found = roster.requests.find(contact); found != roster.requests.end()) {
        roster.bytes -= found->second.stanza.size();
        roster.requests.erase(found);
        --size_;
    }
    if (record) {
        Request request = decode_request(record->value).value_or(Request{});
        request.revision = record->revision;
        roster.bytes += request.stanza.size();
        roster.requests.emplace(contact, std::move(request));
        ++size_;
    }
    drop_if_empty(owner);
}

void Rosters::drop_if_empty(std::string_view owner) {
    const auto found = rosters_.find(owner);
    if (found != rosters_.end() && found->second.is_empty()) rosters_.erase(found);
}

const Roster& Rosters::of(std::string_view owner) const {
    static const Roster none;
    const auto found = rosters_.find(owner);
    return found == rosters_.end() ? none : found->second;
}

Standing Rosters::standing(std::string_view owner, std::string_view contact) const {
    const Roster& roster = of(owner);
    Standing standing;
    if (const Contact* item = roster.find(contact))
        standing = {item->to, item->from, item->asks, false, item->is_approved};
    standing.is_asked = roster.requests.contains(contact);
    return standing;
}

std::optional<std::string> Rosters::next_owner(std::string_view after) const {
    const auto at = rosters_.upper_bound(after);
    if (at == rosters_.end()) return std::nullopt;
    return at->first;
}

}   // namespace grid::controller::contacts
