// controller/text/glob.hpp: a pattern with `*`, `?` and `\`, prepared for matching.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace grid::controller {

/// A text and which pairs of characters it has, as bits: a pattern that needs others cannot match.
/// So a thousand patterns that begin with `*` cost a look at a number each.
struct Marked {
    explicit Marked(std::string_view t);
    std::string_view text;
    std::uint64_t pairs = 0;
};

/// `*` is any run of characters, `?` one character (of UTF-8), `\` takes the next one literally.
/// Matching never backtracks beyond the last `*`: at worst pattern length × text length.
class Glob {
public:
    explicit Glob(std::string pattern);
    bool matches(const Marked& text) const {
        return (needs_ & ~text.pairs) == 0 && matches(text.text);
    }
    bool matches(std::string_view text) const;
    /// As Marked::pairs: what a text must have for this to match.
    std::uint64_t needs() const { return needs_; }
    /// No wildcard: `literal()` is the only text that matches.
    bool is_exact() const { return kind_ == Kind::Exact; }
    bool is_any() const { return kind_ == Kind::Any; }
    const std::string& literal() const { return literal_; }
    const std::string& pattern() const { return pattern_; }

private:
    enum class Kind { Exact, Any, Prefix, General };
    bool matches_general(std::string_view text) const;

    std::uint64_t needs_ = 0;
    Kind kind_ = Kind::Exact;
    std::string pattern_;
    std::string literal_;   // before the first wildcard, unescaped
};

}   // namespace grid::controller
