// xml/scanner.hpp: tells which bytes of a stream are whole pieces of markup, so that Expat never
// rescans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grid::xml {

/// Expat looks at an unfinished tag again from its `<` with every byte that arrives, which a peer
/// can make as expensive as it likes. (Expat's own remedy, reparse deferral, would hold back whole
/// stanzas.) So a tag or reference goes to Expat only when its last byte is there. The scanner
/// decides when bytes go on, never whether they are good: at anything odd it lets them pass for
/// Expat to refuse.
class Scanner {
public:
    struct Scan {
        std::size_t ready;         // so many bytes from the front are complete, with those before
        bool restricted = false;   // a comment, declaration or processing instruction begins
    };

    /// Looks at bytes that follow those seen so far.
    Scan scan(std::string_view bytes);
    bool is_in_text() const { return mode_ == Mode::Text; }
    /// Whether `<?xml …?>` may still come (RFC 6120 §11.7).
    void expect_declaration(bool expected) { declaration_ = expected; }

private:
    enum class Mode : std::uint8_t { Text, Less, Bang, Declaration, Tag, Cdata, Reference };

    bool less(char c);
    std::size_t tag(std::string_view bytes, std::size_t at);
    std::size_t declaration(std::string_view bytes, std::size_t at);
    std::size_t cdata(std::string_view bytes, std::size_t at);

    Mode mode_ = Mode::Text;
    bool declaration_ = false;
    char quote_ = 0;           // the quote of the attribute value that is open in a tag
    char last_ = 0;            // the last byte of a tag that is no white space
    std::uint8_t count_ = 0;   // of `]` at the end of CDATA, up to two
};

}   // namespace grid::xml
