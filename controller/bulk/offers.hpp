// controller/bulk/offers.hpp: the stanzas with which two clients agree on a stream of bulk data,
// and those that are one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace grid::controller::bulk {

inline const xml::Ns bytestreams_ns{"http://jabber.org/protocol/bytestreams"};   // XEP-0065
inline const xml::Ns in_band_ns{"http://jabber.org/protocol/ibb"};               // XEP-0047
inline const xml::Ns stream_initiation_ns{"http://jabber.org/protocol/si"};      // XEP-0095
inline const xml::Ns jingle_ns{"urn:xmpp:jingle:1"};                             // XEP-0166

/// The part of a stream that a stanza carries. Such stanzas need the policy's `bulk` in place of
/// `query` and `message`.
struct Offer {
    enum class Kind {
        Begin,    // an offer: XEP-0065, XEP-0095, the beginning of a Jingle session
        Follow,   // more of a Jingle session, which either side may say
        Open,     // of an in-band stream, like those below
        Data,
        Close
    };
    Kind kind = Kind::Begin;
    std::string sid;   // the stream's id; empty in Jingle
    // Of an in-band stream.
    std::uint64_t bytes = 0;     // Data: of the packet; Open: the size of blocks
    std::uint64_t counted = 0;   // of the quota and the rate, as soon as its stanza is known
    std::string wrong;           // why it is refused, whichever stream it is of
};
/// Of the payload of an iq, or of one child of a message. Any thread.
std::optional<Offer> read_offer(const xml::Element& payload);
/// A packet of an in-band stream that comes as a message (XEP-0047 §4). It needs no right to send
/// messages, so that a message with anything to read beside the packet is wrong.
std::optional<Offer> read_packet(const xml::Element& message);

/// The bytes for which a stanza of so many characters with that part of a stream counts: those of a
/// packet, and all else beyond a usual frame, which could carry bytes as well.
std::uint64_t counted_bytes(const Offer& offer, std::size_t stanza_characters);

/// A request to the proxy of byte streams (XEP-0065 §6.3.5).
struct Activation {
    std::string sid, target;   // the target as it was written
};
std::optional<Activation> read_activation(const xml::Element& payload);

/// The bytes that so much base64 stands for.
std::uint64_t decoded_bytes(std::string_view base64);

}   // namespace grid::controller::bulk
