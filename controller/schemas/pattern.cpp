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

struct Graph {
    explicit Graph(const Automaton& automaton)
        : next(automaton.positions.size()), before(automaton.positions.size()) {
        for (std::size_t from = 0; from < next.size(); ++from)
            for (const auto& [to, ways] : automaton.follows[from]) {
                next[from].push_back(to);
                before[to].push_back(from);
            }
    }
    Adjacent next, before;
};

using Loop = std::vector<std::size_t>;

/// The positions that a text can come back to, part by part.
std::vector<Loop> loops(const Graph& graph) {
    std::vector<Loop> found;
    std::vector<bool> is_done(graph.next.size());
    for (std::size_t start = 0; start < is_done.size(); ++start) {
        if (is_done[start]) continue;
        const auto ahead = reached(graph.next, start), behind = reached(graph.before, start);
        if (!ahead[start]) continue;
        Loop loop;
        for (std::size_t i = 0; i < is_done.size(); ++i)
            if (ahead[i] && behind[i]) {
                loop.push_back(i);
                is_done[i] = true;
            }
        found.push_back(std::move(loop));
    }
    return found;
}

/// Whether a text that stays in the first loop could as well go over into the second and stay
/// there.
bool may_share(
    const Automaton& automaton, const Graph& graph, const Loop& first, const Loop& second
) {
    Symbols common;
    for (std::size_t position : first) common |= automaton.positions[position];
    Adjacent next(graph.next.size());   // by what the first loop takes
    for (std::size_t from = 0; from < next.size(); ++from)
        for (std::size_t to : graph.next[from])
            if ((automaton.positions[to] & common).any()) next[from].push_back(to);
    return reached(next, first.front())[second.front()];
}

/// The longest row of loops that share a text one after the other.
unsigned degree_of(const Automaton& automaton, const Graph& graph) {
    std::vector<Loop> endless = loops(graph);
    std::erase_if(endless, [&](const Loop& loop) {
        return std::ranges::none_of(loop, [&](std::size_t at) {
            return automaton.endless.contains(at);
        });
    });
    // Positions count up from left to right, so that a loop goes over into later ones only.
    constexpr std::size_t loops_max = 64;
    if (endless.size() > loops_max) return pattern_degree_max + 1;
    std::vector<unsigned> rows(endless.size(), 1);
    unsigned degree = 1;
    for (std::size_t i = endless.size(); i-- > 0;) {
        for (std::size_t j = i + 1; j < endless.size(); ++j)
            if (rows[j] + 1 > rows[i] && may_share(automaton, graph, endless[i], endless[j]))
                rows[i] = rows[j] + 1;
        degree = std::max(degree, rows[i]);
    }
    return degree;
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
    const Graph graph(*automaton);
    for (const auto& loop : loops(graph)) {
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
    if (degree_of(*automaton, graph) > pattern_degree_max)
        return "this pattern may take too long: a text can be shared between too many parts that "
               "are repeated without bound";
    return std::nullopt;
}

unsigned pattern_degree(std::string_view pattern) {
    const auto automaton = to_automaton(pattern);
    if (!automaton || automaton->is_too_large) return 1;
    return degree_of(*automaton, Graph(*automaton));
}

}   // namespace grid::controller::schemas
