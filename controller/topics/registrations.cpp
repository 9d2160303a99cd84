// controller/topics/registrations.cpp: registrations as records, and which of them hold.
#include "controller/topics/registrations.hpp"

#include <algorithm>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t registration_version = 1;
constexpr std::size_t entries_max = 64;          // streams of one account at one topic
constexpr std::size_t slice_records_max = 256;   // records in one slice of background work

using Entry = Registration::Entry;

/// The audit record of a registration that ended without a request.
audit::Record ended(const Entry& entry, std::string_view bare, std::string_view why) {
    audit::Record record;
    record.actor = std::string(bare) + "/" + entry.resource;
    record.operation = "publisher-ended";
    record.detail = why;
    return record;
}

void append(storage::Batch& batch, std::vector<audit::Record> records, const std::string& topic) {
    for (audit::Record& record : records) {
        record.topic = topic;
        audit::append(batch, std::move(record));
    }
}

}   // namespace

std::string encode(const Registration& registration) {
    storage::Encoder out;
    out.u8(registration_version).boolean(registration.is_persistent);
    out.varint(registration.entries.size());
    for (const Entry& entry : registration.entries)
        out.text(entry.resource)
            .text(entry.id)
            .u64(entry.session)
            .varint(entry.lease_seconds)
            .i64(entry.at);
    return out.take();
}

std::optional<Registration> decode_registration(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != registration_version) return std::nullopt;
    Registration registration;
    registration.is_persistent = in.boolean();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        Entry entry;
        entry.resource = in.text();
        entry.id = in.text();
        entry.session = in.u64();
        entry.lease_seconds = static_cast<std::uint32_t>(in.varint());
        entry.at = in.i64();
        registration.entries.push_back(std::move(entry));
    }
    if (!in.ok()) return std::nullopt;
    return registration;
}

std::string registration_key(std::uint64_t node, std::string_view bare) {
    storage::Encoder out;
    return out.u8(static_cast<std::uint8_t>(storage::Tag::Provider)).u64(node).raw(bare).take();
}

void Registrations::forget() {
    all_.clear();
    by_session_.clear();
}

void Registrations::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    storage::Decoder in(rest);
    Key key;
    key.first = in.u64();
    key.second = in.raw();
    if (!in.ok()) return;
    std::vector<std::string> gone;   // ids of the entries before, but not after
    if (const auto found = all_.find(key); found != all_.end()) {
        for (const Entry& entry : found->second.entries) {
            gone.push_back(entry.id);
            const auto at = by_session_.find(entry.session);
            if (at == by_session_.end()) continue;
            at->second.erase(key);
            if (at->second.empty()) by_session_.erase(at);
        }
        all_.erase(found);
    }
    if (record) {
        Registration registration = decode_registration(record->value).value_or(Registration{});
        registration.revision = record->revision;
        for (const Entry& entry : registration.entries) {
            by_session_[entry.session].insert(key);
            std::erase(gone, entry.id);
        }
        all_.insert_or_assign(std::move(key), std::move(registration));
    }
    for (const std::string& id : gone) ended_.erase(id);
}

void Registrations::session_ended(std::uint64_t session) {
    const auto found = by_session_.find(session);
    if (found == by_session_.end()) return;
    for (const Key& key : found->second)
        for (const Entry& entry : all_.at(key).entries)
            if (entry.session == session) ended_.insert(entry.id);
}

std::vector<std::uint64_t> Registrations::sessions() const {
    std::vector<std::uint64_t> all;
    all.reserve(by_session_.size());
    for (const auto& [session, keys] : by_session_) all.push_back(session);
    return all;
}

std::string_view Registrations::why_over(
    const Entry& entry, std::string_view bare, storage::Millis now
) const {
    const auto activity = sessions_.activity(entry.session);
    if (ended_.contains(entry.id)) return activity ? "it logged out" : "its stream ended";
    if (!activity && !sessions_.knows_all()) return "";
    // The very stream, not one of an earlier process that had the same number.
    if (!activity || activity->since > entry.at || activity->jid.bare_view() != bare ||
        activity->jid.resource() != entry.resource)
        return "its stream is gone";
    if (!activity->is_active) return "it logged out";
    // A client that sends presence is gone with it or with its stream; other clients have a lease.
    const storage::Millis lease = storage::Millis{entry.lease_seconds} * 1000;
    // The registration came with a stanza of the session; its own time helps where none is known.
    const auto heard = activity->heard != 0 ? activity->heard : entry.at;
    const bool is_heard = now - heard <= lease;
    return activity->is_present || is_heard ? "" : "its lease lapsed";
}

std::vector<audit::Record> Registrations::end_what_is_over(
    Registration& registration, std::string_view bare, storage::Millis now
) const {
    std::vector<audit::Record> records;
    std::erase_if(registration.entries, [&](const Entry& entry) {
        const std::string_view why = why_over(entry, bare, now);
        if (!why.empty()) records.push_back(ended(entry, bare, why));
        return !why.empty();
    });
    return records;
}

std::vector<xml::Jid> Registrations::serving(
    std::uint64_t node, const xml::Jid& bare, storage::Millis now
) const {
    const auto found = all_.find(Key{node, bare.str()});
    if (found == all_.end() || found->second.is_persistent) return sessions_.active_resources(bare);
    std::vector<xml::Jid> jids;
    for (const Entry& entry : found->second.entries)
        if (is_alive(entry, bare.bare_view(), now))
            jids.push_back(bare.with_prepared_resource(entry.resource));
    return jids;
}

bool Registrations::is_in_force(std::uint64_t node, const xml::Jid& bare, storage::Millis now)
    const {
    const auto found = all_.find(Key{node, bare.str()});
    if (found == all_.end() || found->second.is_persistent) return true;
    return std::ranges::any_of(found->second.entries, [&](const Entry& entry) {
        return is_alive(entry, bare.bare_view(), now);
    });
}

void Registrations::put(storage::Batch& batch, const Key& key, const Registration& next) const {
    constexpr std::int32_t node_at = 1;
    const auto found = all_.find(key);
    const std::string stored = registration_key(key.first, key.second);
    if (key.first == 0) {
        batch.put_at_revision(storage::Family::Control, stored, node_at, encode(next));
        return;
    }
    batch.expect(
        storage::Family::Control, stored, found == all_.end() ? 0 : found->second.revision
    );
    batch.put(storage::Family::Control, stored, encode(next));
}

std::optional<std::string> Registrations::enter(
    storage::Batch& batch, const pubsub::Context& context, const Wish& wish
) const {
    const xml::Jid bare = context.actor.jid.bare();
    const Key key{wish.node, bare.str()};
    const auto found = all_.find(key);
    Registration next = found == all_.end() ? Registration{} : found->second;
    auto records = end_what_is_over(next, bare.bare_view(), context.now);
    const bool was_persistent = next.is_persistent;
    next.is_persistent = wish.is_persistent;
    const auto mine = std::ranges::find(next.entries, context.actor.session, &Entry::session);
    // Being heard of has renewed the lease already.
    if (mine != next.entries.end() && was_persistent == wish.is_persistent) return mine->id;
    std::string id = mine != next.entries.end() ? mine->id : "r-" + context.fresh_id.substr(0, 16);
    if (mine == next.entries.end()) {
        if (next.entries.size() >= entries_max) return std::nullopt;
        next.entries.push_back(
            {std::string(context.actor.jid.resource()), id, context.actor.session,
             wish.lease_seconds, context.now}
        );
    }
    put(batch, key, next);
    append(batch, std::move(records), wish.topic);
    return id;
}

bool Registrations::leave(storage::Batch& batch, const pubsub::Context& context, std::uint64_t node)
    const {
    const Key key{node, std::string(context.actor.jid.bare_view())};
    const auto found = all_.find(key);
    if (found == all_.end()) return false;
    Registration next = found->second;
    const auto gone = std::erase_if(next.entries, [&](const Entry& entry) {
        return entry.session == context.actor.session;
    });
    if (gone == 0 && !next.is_persistent) return false;
    next.is_persistent = false;
    put(batch, key, next);
    return true;
}

std::vector<storage::Batch> Registrations::due(
    storage::Millis now, std::size_t batches_max, const Standing& standing
) {
    std::vector<storage::Batch> batches;
    auto at = all_.upper_bound(cursor_);
    for (std::size_t looked_at = 0; looked_at < slice_records_max && at != all_.end();
         ++looked_at) {
        if (batches.size() >= batches_max) return batches;
        const auto& [key, present] = *at++;
        cursor_ = key;
        const auto& [node, bare] = key;
        std::vector<audit::Record> records;
        storage::Batch batch;
        if (standing.is_publisher(node, bare)) {
            Registration next = present;
            records = end_what_is_over(next, bare, now);
            if (records.empty()) continue;
            put(batch, key, next);
        } else {
            const std::string stored = registration_key(node, bare);
            batch.expect(storage::Family::Control, stored, present.revision);
            batch.erase(storage::Family::Control, stored);
            for (const Entry& entry : present.entries)
                records.push_back(ended(entry, bare, "it may publish there no more"));
        }
        append(batch, std::move(records), standing.name_of(node, bare));
        batches.push_back(std::move(batch));
    }
    if (at == all_.end()) cursor_ = {};
    return batches;
}

}   // namespace grid::controller
