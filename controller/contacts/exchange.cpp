// controller/contacts/exchange.cpp: see exchange.hpp.
#include "controller/contacts/exchange.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "xml/writer.hpp"

namespace grid::controller::contacts {

namespace {

using storage::Family;
using Act = Effect::Act;

/// For one more record about a contact, with so many bytes more. An item beside a request of the
/// same contact, or the other way round, always has a place.
std::optional<xml::StanzaError> check_room(
    const Rosters& rosters,
    const RosterBounds& bounds,
    const Roster& roster,
    bool is_known,
    std::size_t added
) {
    if (!is_known && roster.items.size() + roster.requests.size() >= bounds.items_max)
        return xml::resource_constraint(
            "a roster has at most " + std::to_string(bounds.items_max) +
            " contacts and waiting requests (contacts.items_max)"
        );
    if (!is_known && rosters.size() >= bounds.total_items_max)
        return xml::resource_constraint("all rosters together are full (contacts.total_items_max)");
    if (added != 0 && roster.bytes + added > bounds.bytes_max)
        return xml::resource_constraint(
            "a roster has at most " + std::to_string(bounds.bytes_max) +
            " bytes (contacts.bytes_max)"
        );
    return std::nullopt;
}

/// The roster of one of the two, as far as it is about the other.
class Side {
public:
    Side(const Rosters& rosters, std::string owner, std::string contact)
        : roster(rosters.of(owner)),
          owner(std::move(owner)),
          contact(std::move(contact)),
          item(roster.find(this->contact)),
          request(roster.request(this->contact)),
          before(rosters.standing(this->owner, this->contact)),
          now(before) {}

    const Roster& roster;
    const std::string owner, contact;
    const Contact* const item;
    const Request* const request;
    const Standing before;
    Standing now;
    std::string asked_with;   // the stanza of a new request
    bool is_removed = false;

    bool needs_item() const {
        return item != nullptr || now.to || now.from || now.asks || now.is_approved;
    }
    bool is_new_item() const { return item == nullptr && !is_removed && needs_item(); }
    bool is_new_request() const { return request == nullptr && now.is_asked; }

    /// Writes the change, with the records that it rests on; true when clients see it.
    bool write(storage::Batch& batch) const {
        const std::string key = item_key(owner, contact);
        const std::string waiting = request_key(owner, contact);
        batch.expect(Family::Control, key, item ? item->revision : 0);
        batch.expect(Family::Control, waiting, request ? request->revision : 0);
        if (is_new_request()) batch.put(Family::Control, waiting, encode(Request{asked_with, 0}));
        if (request != nullptr && !now.is_asked) batch.erase(Family::Control, waiting);
        if (is_removed) {
            batch.erase(Family::Control, key);
            batch.put(Family::Control, removal_key(owner), removal_value());
            return true;
        }
        if (!needs_item()) return false;
        Contact next = item ? *item : Contact{};
        next.to = now.to;
        next.from = now.from;
        next.asks = now.asks;
        next.is_approved = now.is_approved;
        if (item != nullptr && next == *item) return false;
        batch.put(Family::Control, key, encode(next));
        return true;
    }
    Effect push() const { return {is_removed ? Act::Remove : Act::Push, owner, contact}; }
};

/// Both sides of an exchange, and its effects in their order.
class Parties {
public:
    Parties(const Rosters& rosters, const Exchange& wanted)
        : wanted_(wanted),
          own_(rosters, wanted.owner, wanted.contact),
          other_(rosters, wanted.contact, wanted.owner) {
        own_.is_removed = wanted.removes_item;
    }

    void send(Kind kind) {
        const Sent sent = contacts::send(own_.now, kind);
        const bool was_shared = own_.now.from;
        own_.now = sent.after;
        const bool is_asking = kind == Kind::Subscribe || kind == Kind::Subscribed;
        if (!sent.is_routed || !(is_asking ? wanted_.may_send : wanted_.exists)) return;
        reaches_other_ = true;
        // §3.2.2: while the contact is subscribed still.
        if (kind == Kind::Unsubscribed && was_shared)
            to_other_.push_back({Act::Absent, other_.owner, own_.owner});
        receive(kind);
    }

    Result<Change, xml::StanzaError> take(const Rosters& rosters, const RosterBounds& bounds) {
        if (own_.is_new_item())
            if (auto full = check_room(rosters, bounds, own_.roster, own_.request != nullptr, 0))
                return *full;
        if (reaches_other_ && other_.is_new_request())
            if (auto full = check_room(
                    rosters, bounds, other_.roster, other_.item != nullptr, other_.asked_with.size()
                )) {
                full->text = "the contact can take no more requests now";
                return *full;
            }
        Change change;
        if (reaches_other_ && other_.write(change.batch)) to_other_.push_back(other_.push());
        if (own_.write(change.batch)) to_own_.push_back(own_.push());
        for (auto* part : {&to_other_, &other_after_push_, &to_own_, &own_after_push_})
            std::ranges::move(*part, std::back_inserter(change.effects));
        return change;
    }

private:
    void receive(Kind kind) {
        Standing known = other_.now;
        // The contact's approval in advance is worth nothing where it may not answer.
        const bool is_approved = std::exchange(
            known.is_approved, known.is_approved && (wanted_.may_answer || kind != Kind::Subscribe)
        );
        Received got = contacts::receive(known, kind);
        got.after.is_approved = is_approved;
        const std::string stanza = wanted_.stanza.empty() || wanted_.kinds.size() != 1
                                       ? plain_stanza(wanted_.owner, kind)
                                       : wanted_.stanza;
        if (got.after.is_asked && !other_.now.is_asked) other_.asked_with = stanza;
        if (got.is_delivered)
            to_other_.push_back(
                {kind == Kind::Subscribe ? Act::Ask : Act::Tell, other_.owner, own_.owner, stanza}
            );
        if (kind == Kind::Subscribed && got.after.to && !other_.now.to)
            other_after_push_.push_back({Act::Present, other_.owner, own_.owner});
        if (kind == Kind::Unsubscribe && other_.now.from)   // §3.3.3
            own_after_push_.push_back({Act::Absent, own_.owner, other_.owner});
        other_.now = got.after;
        if (got.reply) answer(*got.reply);
    }

    /// The contact's server answers in its name.
    void answer(Kind kind) {
        const Received got = contacts::receive(own_.now, kind);
        if (got.is_delivered)
            to_own_.push_back(
                {Act::Tell, own_.owner, other_.owner, plain_stanza(other_.owner, kind)}
            );
        if (kind == Kind::Subscribed && got.after.to && !own_.now.to)
            own_after_push_.push_back({Act::Present, own_.owner, other_.owner});
        own_.now = got.after;
    }

    const Exchange& wanted_;
    Side own_, other_;
    bool reaches_other_ = false;
    std::vector<Effect> to_other_, other_after_push_, to_own_, own_after_push_;
};

}   // namespace

std::string plain_stanza(std::string_view from, Kind kind) {
    std::string out;
    xml::append_attr(out, "from", from);
    xml::append_attr(out, "type", to_string(kind));
    return out += "/>";
}

Result<Change, xml::StanzaError> put_item(
    const Rosters& rosters, const RosterBounds& bounds, std::string_view owner, NewItem item
) {
    const Roster& roster = rosters.of(owner);
    const Contact* present = roster.find(item.contact);
    Contact next = present ? *present : Contact{};
    const std::size_t before = next.bytes();
    next.name = std::move(item.name);
    next.groups = std::move(item.groups);
    if (next.groups.size() > bounds.groups_per_item_max)
        return xml::StanzaError{
            "modify",
            "not-acceptable",
            {},
            "an item is in at most " + std::to_string(bounds.groups_per_item_max) +
                " groups (contacts.groups_per_item_max)",
            {}
        };
    const std::size_t added = next.bytes() > before ? next.bytes() - before : 0;
    const bool is_known = present != nullptr || roster.request(item.contact) != nullptr;
    if (auto full = check_room(rosters, bounds, roster, is_known, added)) return *full;
    Change change;
    const std::string key = item_key(owner, item.contact);
    change.batch.expect(Family::Control, key, present ? present->revision : 0);
    change.batch.put(Family::Control, key, encode(next));
    change.effects.push_back({Act::Push, std::string(owner), item.contact});
    return change;
}

Result<Change, xml::StanzaError> exchange(
    const Rosters& rosters, const RosterBounds& bounds, const Exchange& wanted
) {
    Parties parties(rosters, wanted);
    for (const Kind kind : wanted.kinds) parties.send(kind);
    return parties.take(rosters, bounds);
}

Change leave(const Rosters& rosters, std::string_view owner, std::size_t contacts_max) {
    const Roster& roster = rosters.of(owner);
    std::set<std::string> some;
    for (const auto& [contact, item] : roster.items)
        if (some.size() < contacts_max) some.insert(contact);
    for (const auto& [contact, request] : roster.requests)
        if (some.size() < contacts_max) some.insert(contact);
    Change all;
    for (const std::string& contact : some) {
        Exchange end{std::string(owner), contact, {Kind::Unsubscribe, Kind::Unsubscribed}};
        end.exists = true;
        end.removes_item = true;
        auto one = exchange(rosters, RosterBounds{}, end);
        if (!one) continue;
        std::ranges::move(one->batch.operations, std::back_inserter(all.batch.operations));
        std::ranges::move(one->batch.expectations, std::back_inserter(all.batch.expectations));
        std::ranges::move(one->effects, std::back_inserter(all.effects));
    }
    // The last part takes the note of removals along; parts before it write that again and again.
    std::erase_if(all.batch.operations, [&](const storage::Write& write) {
        return write.key == removal_key(owner);
    });
    const bool is_last = some.size() < contacts_max;
    if (is_last && roster.removed != 0) all.batch.erase(Family::Control, removal_key(owner));
    // There is no session of the owner to be told.
    std::erase_if(all.effects, [&](const Effect& effect) { return effect.owner == owner; });
    return all;
}

}   // namespace grid::controller::contacts
