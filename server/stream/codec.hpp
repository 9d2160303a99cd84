// server/stream/codec.hpp: a transport's bytes as the events of a stream, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/stream/framer.hpp"
#include "xml/limits.hpp"
#include "xml/parser.hpp"

namespace grid::server::stream {

/// Bytes in, events out; as a Framer, the other way round. One per connection, on its strand, and
/// on one thread while a member runs. The first StreamBroken is final.
class Codec : public Framer {
public:
    /// Takes a piece of what arrived, at most Turn::parse_tags_max tags, and returns its size: the
    /// rest is given again. 0 of none only.
    virtual std::size_t feed(std::string_view bytes) = 0;
    /// The next event, in order.
    virtual std::optional<xml::StreamEvent> next() = 0;
    /// A new header is expected (RFC 6120 §4.3.3); what is not consumed is dropped.
    virtual void restart() = 0;
    /// The same behind the event that was taken out last: what follows it belongs to the new
    /// stream.
    virtual void restart_behind() = 0;
    virtual void set_limits(const xml::Limits& limits) = 0;
    /// See xml::StreamParser. `feed` then takes everything at once.
    virtual void hold_bytes_only(bool is_so) = 0;
    virtual void set_lang(std::string lang) = 0;
    /// Of the stanza that is arriving, as in xml::StreamParser.
    virtual std::size_t pending_bytes() const = 0;
    virtual std::size_t held_bytes() const = 0;
    virtual const xml::Element* unfinished() const = 0;
    virtual std::uint64_t stanzas() const = 0;

    // The layer below the stream, where it has words of its own. All of it is written already.

    /// The answers of that layer that are due.
    virtual std::string take_answers() { return {}; }
    /// A question whose answer shows that the peer is there; empty: only a stanza can ask.
    virtual std::string ping() { return {}; }
    /// The peer ended that layer: nothing more comes.
    virtual bool is_ended() const { return false; }
    /// The end of that layer, behind everything else. Once.
    virtual void end(std::string& /*out*/) {}
};

/// How much of `bytes` has at most `tags` tags, of which the number in it is taken off. Behind a
/// tag a parser need not look for its end.
std::size_t piece_of(std::string_view bytes, std::size_t& tags);

}   // namespace grid::server::stream
