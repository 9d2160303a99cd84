// pubsub/model/records.cpp: the key layout; every value starts with a version byte.
#include "pubsub/model/records.hpp"

#include <limits>
#include <utility>
#include <variant>

#include "pubsub/options/node_form.hpp"
#include "pubsub/options/subscription_fields.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/parser.hpp"

namespace grid::pubsub {

using storage::Decoder;
using storage::Encoder;
using storage::Tag;

namespace {

constexpr std::uint8_t version = 1;
/// Of an item that replaced another: it says when the first one came.
constexpr std::uint8_t replaced_item_version = 2;

/// Of the name of a node that has moved: it says who had made the node.
constexpr std::uint8_t moved_by_version = 2;

constexpr std::size_t key_number_bytes = 8;

Encoder begin_key(Tag tag) {
    Encoder out;
    out.u8(static_cast<std::uint8_t>(tag));
    return out;
}

/// With room for so many bytes behind the uid.
Encoder begin_key(Tag tag, std::uint64_t uid, std::size_t bytes = 0) {
    Encoder out(1 + key_number_bytes + bytes);
    out.u8(static_cast<std::uint8_t>(tag)).u64(uid);
    return out;
}

std::variant<xml::Element, xml::StreamBroken> parse(const std::string& text) {
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    xml::Limits limits;
    limits.stanza_bytes_max = limits.depth_max = limits.attributes_max = any;
    limits.declarations_max = limits.bindings_max = limits.elements_max = any;
    limits.name_bytes_max = any;
    return xml::parse_document(text, limits);
}

}   // namespace

std::string name_key(std::string_view name) { return begin_key(Tag::NodeName).raw(name).take(); }

std::string node_key(std::uint64_t uid) { return begin_key(Tag::Node, uid).take(); }

std::string affiliation_key(std::uint64_t uid, std::string_view bare) {
    return begin_key(Tag::Affiliation, uid, bare.size()).raw(bare).take();
}

std::string subscription_key(std::uint64_t uid, std::string_view jid, std::string_view subid) {
    // A JID has no NUL: keys of one subscriber stay together, in the order of the JIDs.
    return begin_key(Tag::Subscription, uid, jid.size() + 1 + subid.size())
        .raw(jid)
        .u8(0)
        .raw(subid)
        .take();
}

std::string guard_key(std::uint64_t uid) { return begin_key(Tag::Guard, uid).take(); }

std::string meta_key(std::string_view name) { return begin_key(Tag::PubsubMeta).raw(name).take(); }

std::string edge_key(std::uint64_t parent, std::uint64_t child) {
    return begin_key(Tag::Edge, parent).u64(child).take();
}

std::string leaver_key(std::string_view bare) { return begin_key(Tag::Leaver).raw(bare).take(); }

std::string item_key(std::uint64_t uid, std::uint64_t epoch, std::string_view id) {
    return begin_key(Tag::Item, uid, key_number_bytes + id.size()).u64(epoch).raw(id).take();
}

std::string position_key(std::string_view jid) { return begin_key(Tag::Position).raw(jid).take(); }

std::string trash_key(std::uint64_t uid, std::uint64_t epoch) {
    return begin_key(Tag::Trash, uid, key_number_bytes).u64(epoch).take();
}

std::string hidden_key(std::uint64_t uid) { return begin_key(Tag::Hidden, uid).take(); }

std::string lost_key(std::uint64_t uid) { return begin_key(Tag::Lost, uid).take(); }

std::string cursor_key_key() { return begin_key(Tag::CursorKey).take(); }

std::string payload_key(std::uint64_t uid, std::uint64_t epoch, storage::Revision revision) {
    return Encoder(3 * key_number_bytes).u64(uid).u64(epoch).u64(revision).take();
}

std::optional<ParsedKey> parse_key(std::string_view key) {
    Decoder in(key);
    ParsedKey parsed;
    parsed.tag = static_cast<char>(in.u8());
    switch (static_cast<Tag>(parsed.tag)) {
        case Tag::NodeName:
        case Tag::Position:
        case Tag::PubsubMeta:
        case Tag::Leaver:
        case Tag::CursorKey:
            parsed.name = in.raw();
            break;
        case Tag::Edge:
            parsed.uid = in.u64();
            parsed.child = in.u64();
            break;
        case Tag::Node:
        case Tag::Guard:
        case Tag::Hidden:
        case Tag::Lost:
            parsed.uid = in.u64();
            break;
        case Tag::Affiliation:
            parsed.uid = in.u64();
            parsed.name = in.raw();
            break;
        case Tag::Subscription: {
            parsed.uid = in.u64();
            const std::string_view rest = in.raw();
            const std::size_t nul = rest.find('\0');
            if (nul == std::string_view::npos) return std::nullopt;
            parsed.name = rest.substr(0, nul);
            parsed.subid = rest.substr(nul + 1);
            break;
        }
        case Tag::Item:
        case Tag::Trash:
            parsed.uid = in.u64();
            parsed.epoch = in.u64();
            parsed.name = in.raw();
            break;
        default:
            return std::nullopt;   // another subsystem's
    }
    if (!in.ok()) return std::nullopt;
    return parsed;
}

std::string encode(const NameRecord& record) {
    if (record.maker.empty()) return Encoder().u8(version).text(record.moved_to).take();
    return Encoder().u8(moved_by_version).text(record.moved_to).text(record.maker).take();
}

std::string encode(const NodeRecord& record) {
    const auto flags = static_cast<std::uint8_t>(
        (record.is_deleted ? 1 : 0) | (record.is_type_learned ? 2 : 0) |
        (record.is_narrowed ? 4 : 0) | (record.is_switched_off ? 8 : 0)
    );
    return Encoder()
        .u8(version)
        .u8(flags)
        .text(record.name)
        .text(record.creator)
        .u64(record.epoch)
        .i64(record.created)
        .text(encode_config(record.config))
        .u64(record.topic)
        .text(record.filter)
        .take();
}

std::string encode(const AffiliationRecord& record) {
    return Encoder()
        .u8(version)
        .u8(static_cast<std::uint8_t>(record.affiliation))
        .boolean(record.is_cleaning)
        .take();
}

std::string encode(const Subscription& record) {
    return Encoder()
        .u8(version)
        .u8(static_cast<std::uint8_t>(record.state))
        .u64(record.delivered)
        .u64(record.checked)
        .text(record.options ? encode_options(*record.options) : std::string())
        .boolean(record.is_reminded)
        .take();
}

std::string encode(const PositionRecord& record) {
    return Encoder().u8(version).u64(record.told).take();
}

std::string encode(const ItemRecord& record) {
    Encoder out(16 + record.publisher.size());
    out.u8(record.created == 0 ? version : replaced_item_version).varint(record.payload_bytes);
    if (record.created != 0) out.varint(record.created);
    return out.raw(record.publisher).take();
}

std::string encode(const HiddenRecord& record) {
    return Encoder().u8(version).u64(record.up_to).take();
}

std::string encode(const LostRecord& record) {
    return Encoder().u8(version).u64(record.up_to).take();
}

std::string encode(const CursorKeyRecord& record) {
    return Encoder().u8(version).raw(record.key).take();
}

NameRecord decode_name(std::string_view value) {
    Decoder in(value);
    const bool has_maker = in.u8() == moved_by_version;
    NameRecord record{std::string(in.text()), {}};
    if (has_maker) record.maker = in.text();
    return record;
}

NodeRecord decode_node(std::string_view value) {
    Decoder in(value);
    in.u8();
    const std::uint8_t flags = in.u8();
    NodeRecord record;
    record.is_deleted = (flags & 1) != 0;
    record.is_type_learned = (flags & 2) != 0;
    record.is_narrowed = (flags & 4) != 0;
    record.is_switched_off = (flags & 8) != 0;
    record.name = in.text();
    record.creator = in.text();
    record.epoch = in.u64();
    record.created = in.i64();
    record.config = decode_config(in.text());
    if (in.at_end()) return record;   // written before there were subtopics
    record.topic = in.u64();
    record.filter = in.text();
    return record;
}

AffiliationRecord decode_affiliation(std::string_view value) {
    Decoder in(value);
    in.u8();
    AffiliationRecord record;
    const std::uint8_t affiliation = in.u8();
    if (affiliation <= static_cast<std::uint8_t>(Affiliation::Owner))
        record.affiliation = static_cast<Affiliation>(affiliation);
    record.is_cleaning = in.boolean();
    return record;
}

Subscription decode_subscription(std::string_view value) {
    Decoder in(value);
    in.u8();
    Subscription record;
    const std::uint8_t state = in.u8();
    if (state <= static_cast<std::uint8_t>(SubscriptionState::Subscribed))
        record.state = static_cast<SubscriptionState>(state);
    record.delivered = in.u64();
    record.checked = in.u64();
    const std::string_view options = in.text();
    if (!options.empty()) record.options = share(decode_options(options));
    record.is_reminded = in.boolean();
    return record;
}

PositionRecord decode_position(std::string_view value) {
    Decoder in(value);
    in.u8();
    return {in.u64()};
}

ItemRecord decode_item(std::string_view value) {
    Decoder in(value);
    const bool is_replaced = in.u8() == replaced_item_version;
    ItemRecord record;
    record.payload_bytes = static_cast<std::uint32_t>(in.varint());
    if (is_replaced) record.created = in.varint();
    record.publisher = in.raw();
    return record;
}

HiddenRecord decode_hidden(std::string_view value) {
    Decoder in(value);
    in.u8();
    return {in.u64()};
}

LostRecord decode_lost(std::string_view value) {
    Decoder in(value);
    in.u8();
    return {in.u64()};
}

CursorKeyRecord decode_cursor_key(std::string_view value) {
    Decoder in(value);
    in.u8();
    return {std::string(in.raw())};
}

// See pubsub/model/records.hpp.

std::optional<xml::Element> parse_payload(const std::string& text) {
    auto parsed = parse(text);
    if (auto* element = std::get_if<xml::Element>(&parsed)) return std::move(*element);
    return std::nullopt;
}

StoredItem read_item(
    const storage::Snapshot& snapshot, const ItemAt& item, const PayloadFaults& faults
) {
    using State = StoredItem::State;
    storage::Revision revision = item.revision;
    StoredItem found;
    // A second round for one that was published again: payload and index are of one snapshot.
    for (;;) {
        const std::string key = payload_key(item.node, item.epoch, revision);
        auto payload = snapshot.get(storage::Family::Payload, key);
        if (!payload) return {State::Failed, {}, {}, payload.error()};
        if (*payload) {
            found.payload = std::move((*payload)->value);
            return found;
        }
        auto index = snapshot.get(storage::Family::Index, item_key(item.node, item.epoch, item.id));
        if (!index) return {State::Failed, {}, {}, index.error()};
        if (!*index) return {State::Gone, {}, {}};
        if ((*index)->revision == revision) {
            faults.note(item.node, item.id, "its payload is not there");
            return {State::Lost, {}, {}};
        }
        const ItemRecord record = decode_item((*index)->value);
        found.state = State::Replaced;
        found.publisher = record.publisher;
        if (record.payload_bytes == 0) return found;
        revision = (*index)->revision;
    }
}

std::optional<xml::Element> read_payload(
    const ItemAt& item, const std::string& payload, const PayloadFaults& faults
) {
    auto parsed = parse(payload);
    if (auto* element = std::get_if<xml::Element>(&parsed)) return std::move(*element);
    faults.note(item.node, item.id, std::get<xml::StreamBroken>(parsed).text);
    return std::nullopt;
}

xml::StanzaError unreadable(const std::string& item) {
    return xml::internal_server_error(
        "The payload of the item '" + item +
        "' cannot be read from the store; those who operate the server are told. Ask for the other "
        "items by their ids, or publish this one again."
    );
}

xml::StanzaError store_failed() {
    xml::StanzaError error = xml::internal_server_error("The store could not be read; try again.");
    error.type = "wait";
    return error;
}

}   // namespace grid::pubsub
