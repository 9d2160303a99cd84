// xml/parser.hpp: an XMPP stream cut into its header, its stanzas and its end. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "xml/element.hpp"
#include "xml/limits.hpp"
#include "xml/stream_event.hpp"

namespace grid::xml {

/// Feed bytes as they come, take events out. The first StreamBroken is final. Expat's parser is
/// borrowed from a pool of the thread only while a stanza is incomplete, so that an idle stream
/// holds none: the caller must not move between threads while `feed` runs, and may between calls.
class StreamParser {
public:
    explicit StreamParser(const Limits& limits);
    StreamParser(StreamParser&&) noexcept;
    StreamParser& operator=(StreamParser&&) noexcept;
    ~StreamParser();

    /// Consumes all of `bytes`; false once the stream is broken.
    bool feed(std::string_view bytes);
    /// The next event, in order.
    std::optional<StreamEvent> next();
    /// After TLS or SASL: a new header is expected (RFC 6120 §4.3.3). Bytes not yet consumed are
    /// dropped.
    void restart();
    /// The same, but the new header is looked for in the bytes behind the last element that was
    /// taken out: for a stream that pauses behind each.
    void restart_behind();
    /// Behind a complete element the bytes wait until `next` is asked for more: it may be the last
    /// one before a restart. For streams of strangers.
    void pause_behind_elements(bool is_so);
    void set_limits(const Limits& limits);
    /// Between two calls of `feed` the bytes of an unfinished element are held, and parsed again
    /// with those that follow: for streams of strangers, of whom there can be many, with little to
    /// say.
    void hold_bytes_only(bool is_so);
    /// xml:lang of stanzas that say none, as their stream's header does (RFC 6120 §8.1.5).
    void set_lang(std::string lang);
    /// Bytes of the stanza that is arriving; 0 between stanzas.
    std::size_t pending_bytes() const;
    /// Bytes that the unfinished stanza takes up in memory; they can be many times its own.
    std::size_t held_bytes() const;
    /// The outermost element of that stanza, of which the start tag is known; null before that. Its
    /// name is right; attributes and children may still be missing.
    const Element* unfinished() const;
    /// How many are complete.
    std::uint64_t stanzas() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A whole document that must be one element: a WebSocket frame, a stored payload.
std::variant<Element, StreamBroken> parse_document(std::string_view text, const Limits& limits);

}   // namespace grid::xml
