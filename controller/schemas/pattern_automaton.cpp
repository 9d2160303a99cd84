// controller/schemas/pattern_automaton.cpp: reads patterns by recursive descent.
#include "controller/schemas/pattern_automaton.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace grid::controller::schemas {

namespace {

constexpr std::size_t beyond_ascii = 128;
constexpr int endless_from = 64;

Symbols range(unsigned char from, unsigned char to) {
    Symbols set;
    for (std::size_t c = from; c <= to && c < beyond_ascii; ++c) set.set(c);
    return set;
}

Symbols letters() { return range('a', 'z') | range('A', 'Z'); }

/// `\d`, `\p{L}` and the like. Where it is not known exactly it is taken as larger.
Symbols class_of(char letter) {
    Symbols others;
    others.set(beyond_ascii);
    const Symbols space = range(' ', ' ') | range('\t', '\n') | range('\r', '\r');
    switch (letter) {
        case 'd':
            return range('0', '9') | others;
        case 's':
            return space;
        case 'w':
            return letters() | range('0', '9') | others | range('$', '$') | range('+', '+') |
                   range('<', '>') | range('^', '^') | range('`', '`') | range('|', '|') |
                   range('~', '~');
        case 'i':
            return letters() | range('_', '_') | range(':', ':') | others;
        case 'c':
            return letters() | range('0', '9') | range('_', '_') | range('-', '.') |
                   range(':', ':') | others;
        default:
            return {};
    }
}

Symbols negated(Symbols set) {
    set.flip();
    set.set(beyond_ascii);
    return set;
}

struct Fragment {
    bool is_nullable = true;
    std::vector<std::size_t> first, last;
};

class PatternReader {
public:
    explicit PatternReader(std::string_view text) : text_(text) {}

    std::optional<Automaton> read() {
        branches(0);
        if (!automaton_.is_too_large && (is_bad_ || at_ != text_.size())) return std::nullopt;
        return std::move(automaton_);
    }

private:
    bool at_end() const { return at_ >= text_.size(); }
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    char take() { return at_end() ? '\0' : text_[at_++]; }
    void too_large() { is_bad_ = automaton_.is_too_large = true; }

    Fragment branches(std::size_t depth);
    Fragment branch(std::size_t depth);
    Fragment piece(std::size_t depth);
    Fragment atom(std::size_t depth);
    void append(Fragment& whole, const Fragment& next);
    std::optional<std::pair<int, int>> quantifier();
    int number();
    Fragment position(const Symbols& symbols);
    Symbols escape();
    Symbols char_class();
    void link(const std::vector<std::size_t>& from, const std::vector<std::size_t>& to);

    std::string_view text_;
    std::size_t at_ = 0, follows_ = 0, copies_ = 1;
    bool is_bad_ = false;
    Automaton automaton_;
};

void PatternReader::link(const std::vector<std::size_t>& from, const std::vector<std::size_t>& to) {
    follows_ += from.size() * to.size();
    if (follows_ > pattern_follows_max) return too_large();
    for (std::size_t a : from)
        for (std::size_t b : to) {
            int& ways = automaton_.follows[a][b];
            ways = std::min(ways + 1, 2);
        }
}

Fragment PatternReader::position(const Symbols& symbols) {
    const std::size_t index = automaton_.positions.size();
    if (index >= pattern_positions_max) too_large();
    automaton_.positions.push_back(symbols);
    automaton_.follows.emplace_back();
    return {false, {index}, {index}};
}

Fragment PatternReader::branches(std::size_t depth) {
    if (depth > pattern_depth_max) too_large();
    Fragment whole = branch(depth);
    while (!is_bad_ && peek() == '|') {
        take();
        const Fragment next = branch(depth);
        whole.is_nullable = whole.is_nullable || next.is_nullable;
        whole.first.insert(whole.first.end(), next.first.begin(), next.first.end());
        whole.last.insert(whole.last.end(), next.last.begin(), next.last.end());
    }
    return whole;
}

void PatternReader::append(Fragment& whole, const Fragment& next) {
    link(whole.last, next.first);
    if (whole.is_nullable)
        whole.first.insert(whole.first.end(), next.first.begin(), next.first.end());
    if (!next.is_nullable) whole.last.clear();
    whole.last.insert(whole.last.end(), next.last.begin(), next.last.end());
    whole.is_nullable = whole.is_nullable && next.is_nullable;
}

Fragment PatternReader::branch(std::size_t depth) {
    Fragment whole;
    while (!is_bad_ && !at_end() && peek() != '|' && peek() != ')') append(whole, piece(depth));
    return whole;
}

Fragment PatternReader::piece(std::size_t depth) {
    const std::size_t start = at_;
    Fragment part = atom(depth);
    const auto counts = quantifier();
    if (is_bad_ || !counts) return part;
    const auto [least, most] = *counts;
    const std::size_t end = at_;
    if (most > 1 && copies_ * static_cast<std::size_t>(most) <= pattern_copies_max) {
        // A few of them are written out: `1[0-9]{2}` is no `1[0-9]*`.
        copies_ *= static_cast<std::size_t>(most);
        Fragment whole;
        for (int i = 0; i < most && !is_bad_; ++i) {
            at_ = start;
            Fragment next = i == 0 ? std::move(part) : atom(depth);
            next.is_nullable = next.is_nullable || i >= least;
            append(whole, next);
        }
        copies_ /= static_cast<std::size_t>(most);
        at_ = end;
        return whole;
    }
    if (most > 1) link(part.last, part.first);
    if (most > endless_from) automaton_.endless.insert(part.first.begin(), part.first.end());
    part.is_nullable = part.is_nullable || least == 0;
    return part;
}

Fragment PatternReader::atom(std::size_t depth) {
    const char c = take();
    if (c == '(') {
        Fragment part = branches(depth + 1);
        if (take() != ')') is_bad_ = true;
        return part;
    }
    if (c == '[') return position(char_class());
    if (c == '\\') return position(escape());
    if (c == '.') return position(negated(range('\n', '\n') | range('\r', '\r')));
    if (c == '?' || c == '*' || c == '+' || c == '{') is_bad_ = true;
    Symbols symbols;
    const auto byte = static_cast<unsigned char>(c);
    symbols.set(byte < beyond_ascii ? byte : beyond_ascii);
    // The other bytes of one character.
    while ((static_cast<unsigned char>(peek()) & 0xC0U) == 0x80U) take();
    return position(symbols);
}

/// How often: at least, at most.
std::optional<std::pair<int, int>> PatternReader::quantifier() {
    constexpr int any = std::numeric_limits<int>::max();
    switch (peek()) {
        case '?':
            take();
            return std::pair{0, 1};
        case '*':
            take();
            return std::pair{0, any};
        case '+':
            take();
            return std::pair{1, any};
        case '{':
            break;
        default:
            return std::nullopt;
    }
    take();
    const int least = number();
    int most = least;
    if (peek() == ',') {
        take();
        most = peek() == '}' ? any : number();
    }
    if (take() != '}' || least < 0 || most < 0) is_bad_ = true;
    return std::pair{least, most};
}

int PatternReader::number() {
    constexpr int large = 1'000'000;
    int value = -1;
    while (peek() >= '0' && peek() <= '9')
        value = std::min(std::max(value, 0) * 10 + (take() - '0'), large);
    return value;
}

Symbols PatternReader::escape() {
    const char c = take();
    if (c == 'p' || c == 'P') {
        if (take() != '{') is_bad_ = true;
        const std::size_t end = text_.find('}', at_);
        if (end == std::string_view::npos) {
            is_bad_ = true;
            return {};
        }
        const std::string_view name = text_.substr(at_, end - at_);
        at_ = end + 1;
        Symbols set = name.starts_with("L")   ? letters()
                      : name.starts_with("N") ? range('0', '9')
                                              : range(0, 127);
        if (c == 'P' && !name.starts_with("L") && !name.starts_with("N"))
            set = range(0, 127);
        else if (c == 'P')
            set = negated(set);
        set.set(beyond_ascii);
        return set;
    }
    if (c == 'n') return range('\n', '\n');
    if (c == 'r') return range('\r', '\r');
    if (c == 't') return range('\t', '\t');
    if (std::string_view("dswic").find(c) != std::string_view::npos) return class_of(c);
    const char lower = static_cast<char>(c | 0x20);
    if (c >= 'A' && c <= 'Z' && class_of(lower).any()) return negated(class_of(lower));
    const auto byte = static_cast<unsigned char>(c);
    if (byte == 0 || byte >= beyond_ascii) is_bad_ = true;
    return range(byte, byte);
}

/// Behind the `[`.
Symbols PatternReader::char_class() {
    Symbols set;
    const bool is_negated = peek() == '^';
    if (is_negated) take();
    Symbols without;
    while (!is_bad_ && peek() != ']') {
        if (at_end()) is_bad_ = true;
        if (peek() == '-' && text_.substr(at_).starts_with("-[")) {
            at_ += 2;
            without = char_class();
            without.reset(beyond_ascii);
            break;
        }
        const char c = take();
        const auto from = static_cast<unsigned char>(c);
        if (c == '\\') {
            const Symbols escaped = escape();
            set |= escaped;
            continue;
        }
        if (from >= beyond_ascii) {
            set.set(beyond_ascii);
            continue;
        }
        unsigned char to = from;
        if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']' &&
            text_[at_ + 1] != '[') {
            take();
            to = static_cast<unsigned char>(take());
            if (to == '\\') to = static_cast<unsigned char>(take());
            if (to >= beyond_ascii) set.set(beyond_ascii);
        }
        set |= range(from, std::min<unsigned char>(to, 127));
    }
    if (take() != ']') is_bad_ = true;
    if (is_negated) set = negated(set);
    return set & ~without;
}

}   // namespace

std::optional<Automaton> to_automaton(std::string_view pattern) {
    return PatternReader(pattern).read();
}

}   // namespace grid::controller::schemas
