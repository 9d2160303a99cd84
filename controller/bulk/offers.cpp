// controller/bulk/offers.cpp: see offers.hpp.
#include "controller/bulk/offers.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "xml/namespaces.hpp"

namespace grid::controller::bulk {

namespace {

constexpr std::size_t sequence_digits_max = 5;
/// In a packet, beside one for eight digits: an indented line in a small one.
constexpr std::size_t spaces_max = 64;
/// Of a stanza: its tags and addresses.
constexpr std::uint64_t frame_characters_max = 1024;

/// 0: it is no number, which no stream has.
std::uint64_t attribute_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end ? number : 0;
}

/// A 16-bit number (XEP-0047 §2.2).
bool is_sequence_number(std::string_view text) {
    std::uint16_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end && text.size() <= sequence_digits_max;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool is_base64_digit(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/// RFC 4648 §4, in lines as some write it. Why it is refused; empty: it is not.
std::string fault_of_base64(std::string_view text) {
    std::size_t digits = 0, padding = 0, spaces = 0;
    for (const char c : text) {
        if (is_space(c))
            ++spaces;
        else if (c == '=')
            ++padding;
        else if (padding == 0 && is_base64_digit(c))
            ++digits;
        else
            return "the packet is no base64 text";
    }
    if (padding > 2 || (digits + padding) % 4 != 0) return "the packet is no base64 text";
    if (spaces > spaces_max + digits / 8) return "the packet has more white space than lines need";
    return {};
}

/// XEP-0047 §5: a packet is text, the others are empty; of attributes there are few.
std::string fault_of_packet(const xml::Element& data, std::string_view text) {
    if (data.child_count() != 0) return "a packet is text, without elements in it";
    for (const xml::Attr& attribute : data.attrs())
        if (attribute.name != "seq" && attribute.name != "sid")
            return "a packet has the attributes 'seq' and 'sid' alone";
    if (!is_sequence_number(data.attr_or("seq", "")))
        return "'seq' of a packet is a number from 0 to 65535";
    return fault_of_base64(text);
}

std::optional<Offer> read_in_band(const xml::Element& payload) {
    Offer offer;
    offer.sid = payload.attr_or("sid", "");
    if (payload.name() == "data") {
        const std::string text = payload.text();
        offer.kind = Offer::Kind::Data;
        offer.bytes = decoded_bytes(text);
        offer.wrong = fault_of_packet(payload, text);
        return offer;
    }
    if (payload.name() == "open") {
        offer.kind = Offer::Kind::Open;
        offer.bytes = attribute_number(payload.attr_or("block-size", ""));
    } else if (payload.name() == "close") {
        offer.kind = Offer::Kind::Close;
    } else {
        return offer;
    }
    if (payload.child_count() != 0) offer.wrong = "<" + payload.name() + "/> is empty";
    return offer;
}

/// Of a message: markings for those that carry it, nothing to read.
bool may_stand_beside_packet(const xml::Element& child) {
    constexpr std::array<std::string_view, 4> all{
        "urn:xmpp:hints", "http://jabber.org/protocol/amp", "urn:xmpp:sid:0", "urn:xmpp:carbons:2"
    };
    return child.is("thread", xml::ns::client) ||
           std::ranges::find(all, child.ns().uri()) != all.end();
}

}   // namespace

std::uint64_t decoded_bytes(std::string_view base64) {
    const auto digits = static_cast<std::uint64_t>(std::ranges::count_if(base64, [](char c) {
        return c != '=' && !is_space(c);
    }));
    return digits * 3 / 4;
}

std::uint64_t counted_bytes(const Offer& offer, std::size_t stanza_characters) {
    const std::uint64_t bytes = offer.kind == Offer::Kind::Data ? offer.bytes : 0;
    const std::uint64_t usual = (bytes + 2) / 3 * 4 + frame_characters_max;
    return stanza_characters > usual ? bytes + (stanza_characters - usual) : bytes;
}

std::optional<Offer> read_offer(const xml::Element& payload) {
    if (payload.ns() == in_band_ns) return read_in_band(payload);
    Offer offer;
    if (payload.ns() == bytestreams_ns) offer.sid = payload.attr_or("sid", "");
    if (payload.ns() == stream_initiation_ns) offer.sid = payload.attr_or("id", "");
    if (payload.ns() == bytestreams_ns || payload.ns() == stream_initiation_ns) return offer;
    if (payload.ns() != jingle_ns) return std::nullopt;
    if (payload.attr_or("action", "") != "session-initiate") offer.kind = Offer::Kind::Follow;
    return offer;
}

std::optional<Offer> read_packet(const xml::Element& message) {
    const xml::Element* data = message.child("data", in_band_ns);
    if (data == nullptr) return std::nullopt;
    auto offer = read_in_band(*data);
    for (const xml::Element* child : message.children())
        if (child != data && !may_stand_beside_packet(*child))
            offer->wrong = "a message with a packet has nothing else in it";
    return offer;
}

std::optional<Activation> read_activation(const xml::Element& payload) {
    if (!payload.is("query", bytestreams_ns)) return std::nullopt;
    const xml::Element* activate = payload.child("activate", bytestreams_ns);
    if (activate == nullptr) return std::nullopt;
    return Activation{std::string(payload.attr_or("sid", "")), activate->text()};
}

}   // namespace grid::controller::bulk
