// controller/text/glob.cpp: matching a pattern, the common shapes without a loop over it.
#include "controller/text/glob.hpp"

namespace grid::controller {

namespace {

/// Bytes of the UTF-8 character at `at`; 1 for a byte that starts none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    return end - at;
}

std::uint64_t pair_bit(char first, char second) {
    const std::uint32_t pair = static_cast<std::uint32_t>(static_cast<unsigned char>(first)) << 8 |
                               static_cast<unsigned char>(second);
    return std::uint64_t{1} << (pair * 0x9e3779b1U >> 26);
}

/// The pairs that every text has which the pattern matches.
std::uint64_t needed_pairs(std::string_view pattern) {
    std::uint64_t pairs = 0;
    bool has_previous = false;
    char previous = 0;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '*' || pattern[i] == '?') {
            has_previous = false;
            continue;
        }
        if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
        if (has_previous) pairs |= pair_bit(previous, pattern[i]);
        has_previous = true;
        previous = pattern[i];
    }
    return pairs;
}

}   // namespace

Marked::Marked(std::string_view t) : text(t) {
    for (std::size_t i = 1; i < t.size(); ++i) pairs |= pair_bit(t[i - 1], t[i]);
}

Glob::Glob(std::string pattern) : needs_(needed_pairs(pattern)), pattern_(std::move(pattern)) {
    std::size_t i = 0;
    while (i < pattern_.size() && pattern_[i] != '*' && pattern_[i] != '?') {
        if (pattern_[i] == '\\' && i + 1 < pattern_.size()) ++i;
        literal_ += pattern_[i++];
    }
    if (i == pattern_.size())
        kind_ = Kind::Exact;
    else if (pattern_.find_first_not_of('*', i) != std::string::npos)
        kind_ = Kind::General;
    else
        kind_ = literal_.empty() ? Kind::Any : Kind::Prefix;
}

bool Glob::matches(std::string_view text) const {
    switch (kind_) {
        case Kind::Any:
            return true;
        case Kind::Exact:
            return text == literal_;
        case Kind::Prefix:
            return text.starts_with(literal_);
        case Kind::General:
            return text.starts_with(literal_) && matches_general(text);
    }
    return false;
}

bool Glob::matches_general(std::string_view text) const {
    constexpr std::size_t none = std::string_view::npos;
    std::size_t p = 0, t = 0, star = none, star_text = 0;
    while (t < text.size()) {
        if (p < pattern_.size() && pattern_[p] == '*') {
            star = p++;
            star_text = t;
            continue;
        }
        if (p < pattern_.size() && pattern_[p] == '?') {
            ++p;
            t += character_bytes(text, t);
            continue;
        }
        if (p < pattern_.size()) {
            const bool is_escaped = pattern_[p] == '\\' && p + 1 < pattern_.size();
            if (pattern_[p + (is_escaped ? 1 : 0)] == text[t]) {
                p += is_escaped ? 2 : 1;
                ++t;
                continue;
            }
        }
        if (star == none) return false;
        // The last `*` takes one character more.
        p = star + 1;
        star_text += character_bytes(text, star_text);
        t = star_text;
    }
    while (p < pattern_.size() && pattern_[p] == '*') ++p;
    return p == pattern_.size();
}

}   // namespace grid::controller
