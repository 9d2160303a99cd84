// server/session/management_words.hpp: the elements of stream management, read and written
// (XEP-0198).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "xml/element.hpp"
#include "xml/jid.hpp"
#include "xml/stream_error.hpp"
#include "xml/writer.hpp"

namespace grid::server::sm {

inline const xml::Ns ns{"urn:xmpp:sm:3"};

// A client's words.
struct Enable {
    bool wants_resumption = false;
    std::optional<std::uint32_t> seconds;   // `max`
};
struct Resume {
    std::string token;   // `previd`
    std::uint32_t handled = 0;
};
struct Request {};   // <r/>
struct Ack {
    std::uint32_t handled = 0;
};
/// An element that is none of these, or not as it should be: the client is told `<failed/>` with
/// that condition.
struct Wrong {
    std::string condition;
};
using Word = std::variant<Enable, Resume, Request, Ack, Wrong>;

/// Puts `<resumed/>` of that session into the element that it is told in.
using Around = std::function<xml::Element(const xml::Jid& full, xml::Element resumed)>;

/// A client's wishes of things to be switched on with its resource (XEP-0386 §3.2).
struct Wishes {
    bool takes_copies = false;          // XEP-0280
    bool is_inactive = false;           // XEP-0352
    bool knows_archive = false;         // is told of the account's archive (XEP-0313)
    std::optional<Enable> management;   // XEP-0198
};

/// Of an element in the namespace; the error ends the stream.
std::variant<Word, xml::StreamError> read(const xml::Element& element);

// The server's words.
xml::Element enabled(const std::string& token, std::uint32_t seconds);   // empty token: no resuming
xml::Element resumed(const std::string& token, std::uint32_t handled);
/// `condition` of RFC 6120 §8.3.3; with the count of handled stanzas where it is known.
xml::Element failed(
    const std::string& condition, std::optional<std::uint32_t> handled = std::nullopt
);
xml::Element ack(std::uint32_t handled);
/// `<r/>`, shared by all.
const xml::Bytes& request();
xml::StreamError handled_count_too_high(std::uint32_t handled, std::uint32_t sent);

}   // namespace grid::server::sm
