// xml/text_runs.cpp: see text_runs.hpp.
#include "xml/text_runs.hpp"

#include <array>

namespace grid::xml {
namespace {

constexpr std::array<bool, 256> plain_bytes = [] {
    std::array<bool, 256> made{};
    for (std::size_t c = 0x20; c < 0x7F; ++c) made[c] = true;
    made['\t'] = made['\n'] = true;
    made['<'] = made['&'] = made[']'] = made['>'] = false;
    return made;
}();

}   // namespace

/// From its `<` to behind its `>`. False where that is not clear: CDATA, what XMPP forbids, an end
/// that is not there.
bool TextRuns::skip_tag() {
    if (at_ + 1 >= bytes_.size() || bytes_[at_ + 1] == '!' || bytes_[at_ + 1] == '?') return false;
    while (true) {
        at_ = bytes_.find_first_of("'\">", at_);
        if (at_ == std::string_view::npos) return false;
        const char found = bytes_[at_++];
        if (found == '>') return true;
        at_ = bytes_.find(found, at_);   // the value's other end
        if (at_ == std::string_view::npos) return false;
        ++at_;
    }
}

std::optional<std::string_view> TextRuns::next() {
    while (!is_over_) {
        at_ = bytes_.find('<', at_);
        if (at_ == std::string_view::npos || !skip_tag()) break;
        const std::size_t begin = at_;
        while (at_ < bytes_.size() && plain_bytes[static_cast<unsigned char>(bytes_[at_])]) ++at_;
        if (at_ - begin >= run_bytes_min) return bytes_.substr(begin, at_ - begin);
    }
    is_over_ = true;
    return std::nullopt;
}

}   // namespace grid::xml
