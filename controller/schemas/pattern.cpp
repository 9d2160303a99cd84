// controller/schemas/pattern.cpp: looks for texts that run through a pattern in several ways.
#include "controller/schemas/pattern.hpp"

#include <algorithm>
#include <utility>

#include "controller/schemas/pattern_automaton.hpp"

namespace grid::controller::schemas {

namespace {

/// Of one part that is repeated: its pairs of positions are looked at, and their pairs of steps.
constexpr std::size_t loop_positions_max = 256, loop_follows_max = 2'000;
constexpr const char* too_large = "a pattern is too large to see how long it takes to match";

using Adjacent = std::vector<std::vector<std::size_t>>;

/// Which positions are reached from one, in at least one step.
std::vector<bool> reached(const Adjacent& next, std::size_t from) {
    std::vector<bool> seen(next.size());
    std::vector<std::size_t> open{from};
    while (!open.empty()) {
        const std::size_t at = open.back();
        open.pop_back();
        for (std::size_t to : next[at])
            if (!seen[to]) {
                seen[to] = true;
                open.push_back(to);
            }
    }
    return seen;
}

/// The positions that a text can come back to, part by part.
std::vector<std::vector<std::size_t>> loops(const Adjacent& next, const Adjacent& before) {
    std::vector<std::vector<std::size_t>> found;
    std::vector<bool> is_done(next.size());
    for (std::size_t start = 0; start < next.size(); ++start) {
        if (is_done[start]) continue;
        const auto ahead = reached(next, start), behind = reached(before, start);
        if (!ahead[start]) continue;
        std::vector<std::size_t> loop;
        for (std::size_t i = 0; i < next.size(); ++i)
            if (ahead[i] && behind[i]) {
                loop.push_back(i);
                is_done[i] = true;
            }
        found.push_back(std::move(loop));
    }
    return found;
}

/// Two walks through the loop on the same text, which part and meet again.
class Walks {
public:
    Walks(const Automaton& automaton, const std::vector<std::size_t>& loop)
        : count_(loop.size()), steps_(loop.size() * loop.size()), back_(steps_.size()) {
        std::vector<std::vector<std::size_t>> next(count_);   // within the loop, by place in it
        for (std::size_t a = 0; a < count_; ++a)
            for (const auto& [to, ways] : automaton.follows[loop[a]]) {
                const auto at = std::ranges::lower_bound(loop, to);
                if (at != loop.end() && *at == to)
                    next[a].push_back(static_cast<std::size_t>(at - loop.begin()));
            }
        for (std::size_t a = 0; a < count_; ++a)
            for (std::size_t b = 0; b < count_; ++b)
                for (std::size_t c : next[a])
                    for (std::size_t d : next[b])
                        if ((automaton.positions[loop[c]] & automaton.positions[loop[d]]).any()) {
                            steps_[a * count_ + b].push_back(c * count_ + d);
                            back_[c * count_ + d].push_back(a * count_ + b);
                        }
    }

    bool part_and_meet() const {
        const auto ahead = from_together(steps_), behind = from_together(back_);
        for (std::size_t pair = 0; pair < ahead.size(); ++pair)
            if (pair / count_ != pair % count_ && ahead[pair] && behind[pair]) return true;
        return false;
    }

private:
    std::vector<bool> from_together(const Adjacent& next) const {
        std::vector<bool> seen(next.size());
        std::vector<std::size_t> open;
        for (std::size_t i = 0; i < count_; ++i) open.push_back(i * count_ + i);
        while (!open.empty()) {
            const std::size_t at = open.back();
            open.pop_back();
            for (std::size_t to : next[at])
                if (!seen[to]) {
                    seen[to] = true;
                    open.push_back(to);
                }
        }
        return seen;
    }

    std::size_t count_;
    Adjacent steps_, back_;
};

}   // namespace

std::optional<std::string> refuse_pattern(std::string_view pattern) {
    if (pattern.size() > pattern_bytes_max)
        return "a pattern has at most " + std::to_string(pattern_bytes_max) + " bytes";
    const auto automaton = to_automaton(pattern);
    if (!automaton) return std::nullopt;
    if (automaton->is_too_large) return too_large;
    Adjacent next(automaton->positions.size()), before(next.size());
    for (std::size_t from = 0; from < next.size(); ++from)
        for (const auto& [to, ways] : automaton->follows[from]) {
            next[from].push_back(to);
            before[to].push_back(from);
        }
    for (const auto& loop : loops(next, before)) {
        std::size_t follows = 0;
        bool is_slow = false;
        for (std::size_t from : loop)
            for (const auto& [to, ways] : automaton->follows[from]) {
                if (!std::ranges::binary_search(loop, to)) continue;
                ++follows;
                is_slow = is_slow || ways > 1;
            }
        if (loop.size() > loop_positions_max || follows > loop_follows_max) return too_large;
        if (is_slow || Walks(*automaton, loop).part_and_meet())
            return "this pattern may take exponential time: write the part that is repeated so "
                   "that a text runs through it in one way only";
    }
    return std::nullopt;
}

}   // namespace grid::controller::schemas
