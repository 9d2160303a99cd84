// controller/bulk/offers.cpp: see offers.hpp.
#include "controller/bulk/offers.hpp"

#include <algorithm>
#include <charconv>

namespace grid::controller::bulk {

namespace {

/// 0: it is no number, which no stream has.
std::uint64_t attribute_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && rest == end ? number : 0;
}

std::optional<Offer> read_in_band(const xml::Element& payload) {
    Offer offer;
    offer.sid = payload.attr_or("sid", "");
    if (payload.name() == "open") {
        offer.kind = Offer::Kind::Open;
        offer.bytes = attribute_number(payload.attr_or("block-size", ""));
    } else if (payload.name() == "data") {
        offer.kind = Offer::Kind::Data;
        offer.bytes = decoded_bytes(payload.text());
    } else if (payload.name() == "close") {
        offer.kind = Offer::Kind::Close;
    }
    return offer;
}

}   // namespace

std::uint64_t decoded_bytes(std::string_view base64) {
    const auto digits = static_cast<std::uint64_t>(std::ranges::count_if(base64, [](char c) {
        return c != '=' && c != ' ' && c != '\n' && c != '\r' && c != '\t';
    }));
    return digits * 3 / 4;
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
    return data == nullptr ? std::nullopt : read_in_band(*data);
}

std::optional<Activation> read_activation(const xml::Element& payload) {
    if (!payload.is("query", bytestreams_ns)) return std::nullopt;
    const xml::Element* activate = payload.child("activate", bytestreams_ns);
    if (activate == nullptr) return std::nullopt;
    return Activation{std::string(payload.attr_or("sid", "")), activate->text()};
}

}   // namespace grid::controller::bulk
