// storage/clock_steps.hpp: where the wall clock was set back, and how times from before are read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::storage {

/// From `revision` on the clock said `time` or later; before, it had said later times.
struct ClockStep {
    Revision revision = 0;
    Millis time = 0;
    bool operator==(const ClockStep&) const = default;
};

/// A clock that was set back makes later batches look older than earlier ones. Records from before
/// the step are read as if they had been written no later than at the step, so that times never go
/// back along the revisions and none lies in the future.
class ClockSteps {
public:
    /// Stamps follow a clock that is set back by more than that; by less they wait for it.
    static constexpr Millis held_ms = 10'000;
    /// The oldest go first: what was written before them is read with its own times.
    static constexpr std::size_t steps_max = 64;

    void add(const ClockStep& step);
    /// How the time of what that revision wrote is read.
    Millis read(Revision revision, Millis time) const {
        for (auto at = steps_.rbegin(); at != steps_.rend() && revision < at->revision; ++at)
            if (at->time < time) time = at->time;
        return time;
    }
    const std::vector<ClockStep>& all() const { return steps_; }
    bool operator==(const ClockSteps&) const = default;

private:
    std::vector<ClockStep> steps_;   // by revision
};

std::string encode(const ClockSteps& steps);
std::optional<ClockSteps> decode_clock_steps(std::string_view value);

}   // namespace grid::storage
