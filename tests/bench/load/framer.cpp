// tests/bench/load/framer.cpp: stanza boundaries, by memchr from tag to tag.
#include "load/framer.hpp"

#include <cstring>

namespace grid::bench {

namespace {

const char* find(const char* from, const char* end, char what) {
    return static_cast<const char*>(std::memchr(from, what, static_cast<std::size_t>(end - from)));
}

// The end of the element that starts at `from`, null if it is not all there.
const char* element_end(const char* from, const char* end) {
    int depth = 0;
    for (const char* at = from; at < end;) {
        at = find(at, end, '<');
        if (at == nullptr || at + 1 >= end) return nullptr;
        const char* close = find(at + 1, end, '>');
        if (close == nullptr) return nullptr;
        if (at[1] == '/')
            --depth;
        else if (close[-1] != '/')
            ++depth;
        if (depth == 0) return close + 1;
        at = close + 1;
    }
    return nullptr;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}   // namespace

Frame next_frame(std::string_view input, bool open) {
    const char* const begin = input.data();
    const char* const end = begin + input.size();
    const char* at = begin;
    while (at < end && is_space(*at)) ++at;
    if (at == end) return {};

    auto frame = [&](Frame::Kind kind, const char* last) {
        const auto text = std::string_view(at, static_cast<std::size_t>(last - at));
        return Frame{kind, text, static_cast<std::size_t>(last - begin)};
    };
    const auto rest = std::string_view(at, static_cast<std::size_t>(end - at));
    if (!open) {
        const char* tag = at;
        if (rest.starts_with("<?")) {
            const auto last = rest.find("?>");
            if (last == std::string_view::npos) return {};
            tag = find(at + last, end, '<');
            if (tag == nullptr) return {};
        }
        const char* close = find(tag, end, '>');
        return close != nullptr ? frame(Frame::Kind::Open, close + 1) : Frame{};
    }
    if (rest.starts_with("</")) {
        const char* close = find(at, end, '>');
        return close != nullptr ? frame(Frame::Kind::Close, close + 1) : Frame{};
    }
    const char* last = element_end(at, end);
    return last != nullptr ? frame(Frame::Kind::Stanza, last) : Frame{};
}

std::string_view attribute(std::string_view stanza, std::string_view name) {
    const auto tag = stanza.substr(0, stanza.find('>'));
    for (std::size_t at = tag.find(name); at != std::string_view::npos;
         at = tag.find(name, at + 1)) {
        const std::size_t quote = at + name.size() + 1;
        if (at == 0 || tag[at - 1] != ' ' || quote >= tag.size() || tag[quote - 1] != '=') continue;
        const auto last = tag.find(tag[quote], quote + 1);
        if (last == std::string_view::npos) return {};
        return tag.substr(quote + 1, last - quote - 1);
    }
    return {};
}

std::string condition(std::string_view stanza) {
    const auto error = stanza.find("<error");
    if (error == std::string_view::npos) return "no <error/> in " + std::string(stanza);
    return std::string(stanza.substr(error));
}

}   // namespace grid::bench
