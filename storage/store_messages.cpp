// storage/store_messages.cpp: see store_messages.hpp; the grammar is in README.md.
#include "storage/store_messages.hpp"

#include "storage/batch_codec.hpp"

namespace grid::storage {
namespace {

constexpr std::uint8_t batches_kind = 1, refusals_kind = 2, lost_kind = 3;
constexpr std::uint64_t message_items_max = 64 * 1024;

void encode_message(Encoder& out, const RefusalsMessage& message) {
    out.u8(refusals_kind).u64(message.term).varint(message.refusals.size());
    for (const Refusal& one : message.refusals)
        out.u64(one.number).u8(static_cast<std::uint8_t>(one.error)).text(one.detail).u64(one.head);
}

void encode_message(Encoder& out, const LostMessage& message) {
    out.u8(lost_kind).u64(message.term).u64(message.stream);
}

std::optional<StoreMessage> decode_batches(Decoder& in) {
    BatchesMessage message;
    message.term = in.u64();
    message.stream = in.u64();
    message.sequence = in.u64();
    message.open = in.u64();
    while (const std::uint64_t number = in.u64()) {
        ForwardedBatch& one = message.batches.emplace_back();
        one.number = number;
        one.ticket = in.u64();
        one.sender.id = in.u64();
        one.sender.round = in.varint();
        if (!decode(in, one.batch)) return std::nullopt;
    }
    return message;
}

std::optional<StoreMessage> decode_refusals(Decoder& in) {
    RefusalsMessage message;
    message.term = in.u64();
    const std::uint64_t count = in.varint();
    if (!in.ok() || count > message_items_max) return std::nullopt;
    for (std::uint64_t i = 0; i < count; ++i) {
        Refusal& one = message.refusals.emplace_back();
        one.number = in.u64();
        one.error = static_cast<Errc>(in.u8());
        if (one.error < Errc::Conflict || one.error > Errc::OtherHistory) return std::nullopt;
        one.detail = in.text();
        one.head = in.u64();
    }
    return message;
}

std::optional<StoreMessage> decode_kind(Decoder& in) {
    switch (in.u8()) {
        case batches_kind:
            return decode_batches(in);
        case refusals_kind:
            return decode_refusals(in);
        case lost_kind: {
            LostMessage message;
            message.term = in.u64();
            message.stream = in.u64();
            return message;
        }
        default:
            return std::nullopt;
    }
}

}   // namespace

BatchesWriter::BatchesWriter(const BatchesMessage& head) {
    out_.u8(batches_kind).u64(head.term).u64(head.stream).u64(head.sequence).u64(head.open);
}

void BatchesWriter::add(std::uint64_t number, Ticket ticket, Sender sender, const Batch& batch) {
    out_.u64(number).u64(ticket).u64(sender.id).varint(sender.round);
    encode(out_, batch, Expectations::With);
}

std::string encode(const StoreMessage& message) {
    if (const auto* batches = std::get_if<BatchesMessage>(&message)) {
        BatchesWriter writer(*batches);
        for (const ForwardedBatch& one : batches->batches)
            writer.add(one.number, one.ticket, one.sender, one.batch);
        return writer.take();
    }
    Encoder out;
    if (const auto* refusals = std::get_if<RefusalsMessage>(&message))
        encode_message(out, *refusals);
    else
        encode_message(out, std::get<LostMessage>(message));
    return out.take();
}

std::optional<StoreMessage> decode_store_message(std::string_view bytes) {
    Decoder in(bytes);
    auto message = decode_kind(in);
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return message;
}

}   // namespace grid::storage
