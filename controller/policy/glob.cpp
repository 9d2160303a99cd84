// controller/policy/glob.cpp: matching a pattern, the common shapes without a loop over it.
#include "controller/policy/glob.hpp"

namespace grid::controller::policy {

namespace {

/// Bytes of the UTF-8 character at `at`; 1 for a byte that starts none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    return end - at;
}

}   // namespace

Glob::Glob(std::string pattern) : pattern_(std::move(pattern)) {
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

}   // namespace grid::controller::policy
