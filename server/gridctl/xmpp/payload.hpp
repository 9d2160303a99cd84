// server/gridctl/xmpp/payload.hpp: from text to the payloads of items: XML documents and JSON
// values (XEP-0335), one or one a line. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "xml/element.hpp"

namespace grid::gridctl::xmpp {

struct Payload {
    xml::Element element;
    std::size_t bytes = 0;
    std::string
        id;   // where the text is an `<item id=…>` around its payload, as `subscribe` prints
};
struct Unreadable {
    std::string why;
};

/// A text that begins with `<` is an XML document, any other is JSON.
std::variant<Payload, Unreadable> read_payload(std::string_view text);

/// Cuts input into texts: lines, or all of it as one.
class TextReader {
public:
    /// A text of more bytes is not kept, and comes out as too long.
    static constexpr std::size_t bytes_max = 8UL * 1024 * 1024;

    explicit TextReader(bool is_by_lines) : is_by_lines_(is_by_lines) {}

    struct Text {
        std::string text;
        std::uint64_t line = 0;   // 0: the whole input
        bool is_too_long = false;
    };
    void feed(std::string_view bytes);
    void end() { is_ended_ = true; }
    /// The next text that is complete; blank lines are left out.
    std::optional<Text> next();
    /// Whether more input is needed for the next text.
    bool is_hungry() const;

private:
    std::size_t pending() const { return buffer_.size() - begin_; }

    bool is_by_lines_;
    bool is_ended_ = false, is_skipping_ = false;
    std::string buffer_;
    std::size_t begin_ = 0;       // of the next text
    std::size_t looked_at_ = 0;   // no line ends between there and here
    std::uint64_t line_ = 0;
};

}   // namespace grid::gridctl::xmpp
