// pubsub/model/events.cpp: events to bytes and back; the body starts with the event's place in
// the variant.
#include "pubsub/model/events.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::pubsub {

namespace {

using storage::Decoder;
using storage::Encoder;

struct Writer {
    Encoder& out;

    void operator()(const ItemPublished& e) const {
        out.u64(e.node).boolean(e.has_item).text(e.id).text(e.publisher).text(e.payload);
        out.text(e.extracted);
    }
    void operator()(const ItemsRetracted& e) const {
        out.u64(e.node).boolean(e.is_notified).u64(e.hidden_after);
        out.u64(e.hidden_up_to).varint(e.ids.size());
        for (const std::string& id : e.ids) out.text(id);
        out.varint(e.extracted.size());
        for (const auto& extracted : e.extracted)
            out.boolean(extracted.has_value()).text(extracted.value_or(""));
    }
    void operator()(const NodePurged& e) const { out.u64(e.node); }
    void operator()(const NodeDeleted& e) const { out.u64(e.node).text(e.redirect); }
    void operator()(const NodeConfigured& e) const { out.u64(e.node).boolean(e.is_notified); }
    void operator()(const SubscriptionChanged& e) const {
        out.u64(e.node).text(e.jid).text(e.subid).u8(static_cast<std::uint8_t>(e.state));
        out.boolean(e.is_told);
    }
    void operator()(const ApprovalRequested& e) const { out.u64(e.node).text(e.jid).text(e.subid); }
    void operator()(const AffiliationChanged& e) const {
        out.u64(e.node).text(e.jid).u8(static_cast<std::uint8_t>(e.affiliation));
    }
    void operator()(const NodeCreated& e) const { out.u64(e.node); }
    void operator()(const Associated& e) const {
        out.u64(e.collection).u64(e.child).boolean(e.is_added);
    }
    void operator()(const SubscriptionConfigured& e) const {
        out.u64(e.node).text(e.jid).text(e.subid);
    }
    void operator()(const LeaseEnding& e) const { out.u64(e.node).text(e.jid).text(e.subid); }
    void operator()(const PendingListed& e) const { out.u64(e.node).text(e.to); }
    void operator()(const Bounced& e) const { out.text(e.jid).u64(e.node); }
    void operator()(const SubtopicChanged& e) const {
        out.text(e.topic).text(e.name).text(e.filter).boolean(e.is_created);
    }
};

std::string string_of(Decoder& in) { return std::string(in.text()); }

ItemsRetracted read_retracted(Decoder& in) {
    ItemsRetracted event{in.u64(), in.boolean(), {}, in.u64(), in.u64(), {}};
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) event.ids.push_back(string_of(in));
    const std::uint64_t known = in.varint();
    for (std::uint64_t i = 0; i < known && in.ok(); ++i) {
        const bool is_known = in.boolean();
        std::string extracted = string_of(in);
        event.extracted.push_back(is_known ? std::optional(std::move(extracted)) : std::nullopt);
    }
    return event;
}

// Braces: their parts are read from left to right.
std::optional<Event> read(Decoder in) {
    switch (in.u8()) {
        case 0:
            return ItemPublished{in.u64(),      in.boolean(),  string_of(in),
                                 string_of(in), string_of(in), string_of(in)};
        case 1:
            return read_retracted(in);
        case 2:
            return NodePurged{in.u64()};
        case 3:
            return NodeDeleted{in.u64(), string_of(in)};
        case 4:
            return NodeConfigured{in.u64(), in.boolean()};
        case 5:
            return SubscriptionChanged{
                in.u64(), string_of(in), string_of(in), static_cast<SubscriptionState>(in.u8()),
                in.boolean()
            };
        case 6:
            return ApprovalRequested{in.u64(), string_of(in), string_of(in)};
        case 7:
            return AffiliationChanged{in.u64(), string_of(in), static_cast<Affiliation>(in.u8())};
        case 8:
            return NodeCreated{in.u64()};
        case 9:
            return Associated{in.u64(), in.u64(), in.boolean()};
        case 10:
            return SubscriptionConfigured{in.u64(), string_of(in), string_of(in)};
        case 11:
            return LeaseEnding{in.u64(), string_of(in), string_of(in)};
        case 12:
            return PendingListed{in.u64(), string_of(in)};
        case 13:
            return Bounced{string_of(in), in.u64()};
        case 14:
            return SubtopicChanged{string_of(in), string_of(in), string_of(in), in.boolean()};
        default:
            return std::nullopt;
    }
}

}   // namespace

std::string encode(const Event& event) {
    constexpr std::size_t usual_bytes = 128;
    Encoder body(usual_bytes);
    body.u8(static_cast<std::uint8_t>(event.index()));
    std::visit(Writer{body}, event);
    Encoder out(body.size() + 4);
    out.u8(static_cast<std::uint8_t>(storage::Tag::Node)).text(body.take());
    return out.take();
}

std::optional<SubtopicChanged> subtopic_change(std::string_view events) {
    constexpr std::uint8_t place = 14;
    Decoder in(events);
    if (in.u8() != static_cast<std::uint8_t>(storage::Tag::Node)) return std::nullopt;
    const std::string_view body = in.text();
    if (!in.ok() || body.empty() || static_cast<std::uint8_t>(body.front()) != place)
        return std::nullopt;
    auto event = read(Decoder(body));
    return event ? std::optional(std::get<SubtopicChanged>(std::move(*event))) : std::nullopt;
}

std::vector<Event> decode_events(std::string_view bytes) {
    std::vector<Event> events;
    Decoder in(bytes);
    while (in.ok() && !in.at_end()) {
        const auto tag = static_cast<storage::Tag>(in.u8());
        const std::string_view body = in.text();
        if (!in.ok() || tag != storage::Tag::Node) break;
        if (auto event = read(Decoder(body))) events.push_back(std::move(*event));
    }
    return events;
}

}   // namespace grid::pubsub
