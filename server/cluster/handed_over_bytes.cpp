// server/cluster/handed_over_bytes.cpp: see handed_over_bytes.hpp.
#include "server/cluster/handed_over_bytes.hpp"

#include <memory>

#include "storage/codec.hpp"

namespace grid::server::cluster {

using storage::Decoder;
using storage::Encoder;
using storage::Revision;

namespace {

/// No session has more of anything: a count beyond is no count.
constexpr std::uint64_t handed_max = 1'000'000;
constexpr unsigned item_flag = 1, relayed_flag = 2, shared_flag = 4;
constexpr std::uint64_t number_max = (std::uint64_t{1} << Outgoing::number_bits) - 1;

template <class One>
void put_each(Encoder& out, const One& all, const auto& put_one) {
    out.varint(all.size());
    for (const auto& one : all) put_one(one);
}

void read_each(Decoder& in, const auto& read_one) {
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && count <= handed_max && in.ok(); ++i) read_one();
}

void put_stanza(Encoder& out, const Outgoing& stanza) {
    const unsigned flags = (stanza.is_item ? item_flag : 0) |
                           (stanza.is_relayed ? relayed_flag : 0) |
                           (stanza.is_shared ? shared_flag : 0);
    out.u8(static_cast<std::uint8_t>(stanza.kind)).u8(static_cast<std::uint8_t>(stanza.to));
    out.u8(static_cast<std::uint8_t>(flags)).u64(stanza.number).text(*stanza.text);
}

Outgoing stanza_in(Decoder& in) {
    Outgoing stanza;
    stanza.kind = static_cast<StanzaKind>(in.u8() & 3U);
    stanza.to = static_cast<Address>(in.u8() & 3U);
    const unsigned flags = in.u8();
    stanza.is_item = (flags & item_flag) != 0;
    stanza.is_relayed = (flags & relayed_flag) != 0;
    stanza.is_shared = (flags & shared_flag) != 0;
    stanza.number = in.u64() & number_max;
    stanza.text = std::make_shared<const std::string>(in.text());
    return stanza;
}

void put_place(Encoder& out, const HandedPlace& place) {
    out.boolean(place.is_active).u64(place.after.bare).u64(place.after.full);
    put_each(out, place.earlier, [&](const auto& start) {
        out.u64(start.first).u64(start.second);
    });
    out.u64(place.had.first).u64(place.had.second);
    out.boolean(place.paused.has_value());
    if (place.paused) out.u64(place.paused->bare).u64(place.paused->full);
    out.boolean(place.paused_bare.has_value());
    if (place.paused_bare) out.u64(*place.paused_bare);
    out.u64(place.sent_to).u64(place.acked_to).u64(place.account_from).u64(place.backlog_from);
}

pubsub::Position position_in(Decoder& in) {
    pubsub::Position position;
    position.bare = in.u64();
    position.full = in.u64();
    return position;
}

HandedPlace place_in(Decoder& in) {
    HandedPlace place;
    place.is_active = in.boolean();
    place.after = position_in(in);
    read_each(in, [&] {
        const std::uint64_t key = in.u64();
        place.earlier[key] = in.u64();
    });
    place.had.first = in.u64();
    place.had.second = in.u64();
    if (in.boolean()) place.paused = position_in(in);
    if (in.boolean()) place.paused_bare = in.u64();
    place.sent_to = in.u64();
    place.acked_to = in.u64();
    place.account_from = in.u64();
    place.backlog_from = in.u64();
    return place;
}

void put_messages(Encoder& out, const HandedMessages& messages) {
    out.u64(messages.sent_to);
    put_each(out, messages.counted, [&](const auto& one) { out.u64(one.first).u64(one.second); });
}

HandedMessages messages_in(Decoder& in) {
    HandedMessages messages;
    messages.sent_to = in.u64();
    read_each(in, [&] {
        const std::uint64_t number = in.u64();
        messages.counted.emplace_back(number, in.u64());
    });
    return messages;
}

void put_presence(Encoder& out, const HandedPresence& presence) {
    out.u64(presence.words).boolean(presence.is_available).boolean(presence.rest != nullptr);
    if (presence.rest) out.text(*presence.rest);
    out.boolean(presence.is_interested).texts(presence.directed).texts(presence.components);
    out.text(presence.hash).text(presence.node).text(presence.ver);
    out.boolean(presence.knows_wants).texts(presence.wants);
}

HandedPresence presence_in(Decoder& in) {
    HandedPresence presence;
    presence.words = in.u64();
    presence.is_available = in.boolean();
    if (in.boolean()) presence.rest = std::make_shared<const std::string>(in.text());
    presence.is_interested = in.boolean();
    presence.directed = in.texts();
    presence.components = in.texts();
    presence.hash = in.text();
    presence.node = in.text();
    presence.ver = in.text();
    presence.knows_wants = in.boolean();
    presence.wants = in.texts();
    return presence;
}

}   // namespace

std::string encode(const HandedOver& handed) {
    Encoder out;
    out.u64(handed.session).boolean(handed.is_active).boolean(handed.is_present);
    out.boolean(handed.takes_copies).boolean(handed.knows_block_list);
    out.i64(handed.priority)
        .u8(handed.show)
        .i64(handed.shares_from)
        .u64(handed.stanzas_in)
        .u64(handed.stanzas_out);
    out.i64(handed.resume_within.count()).u64(handed.received).u64(handed.acknowledged);
    put_each(out, handed.unacked, [&](const Outgoing& stanza) { put_stanza(out, stanza); });
    out.u64(handed.told_to);
    put_place(out, handed.place);
    put_messages(out, handed.messages);
    put_presence(out, handed.presence);
    return out.take();
}

std::optional<HandedOver> decode_handed_over(std::string_view bytes) {
    Decoder in(bytes);
    HandedOver handed;
    handed.session = in.u64();
    handed.is_active = in.boolean();
    handed.is_present = in.boolean();
    handed.takes_copies = in.boolean();
    handed.knows_block_list = in.boolean();
    handed.priority = static_cast<int>(in.i64());
    handed.show = in.u8();
    handed.shares_from = in.i64();
    handed.stanzas_in = in.u64();
    handed.stanzas_out = in.u64();
    handed.resume_within = std::chrono::seconds(in.i64());
    handed.received = in.u64();
    handed.acknowledged = in.u64();
    read_each(in, [&] { handed.unacked.push_back(stanza_in(in)); });
    handed.told_to = in.u64();
    handed.place = place_in(in);
    handed.messages = messages_in(in);
    handed.presence = presence_in(in);
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return handed;
}

}   // namespace grid::server::cluster
