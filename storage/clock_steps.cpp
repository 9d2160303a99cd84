// storage/clock_steps.cpp: see clock_steps.hpp.
#include "storage/clock_steps.hpp"

#include "storage/codec.hpp"

namespace grid::storage {

void ClockSteps::add(const ClockStep& step) {
    steps_.push_back(step);
    if (steps_.size() > steps_max) steps_.erase(steps_.begin());
}

std::string encode(const ClockSteps& steps) {
    Encoder out;
    for (const ClockStep& step : steps.all()) out.u64(step.revision).i64(step.time);
    return out.take();
}

std::optional<ClockSteps> decode_clock_steps(std::string_view value) {
    constexpr std::size_t step_bytes = 16;
    if (value.size() % step_bytes != 0 || value.size() > ClockSteps::steps_max * step_bytes)
        return std::nullopt;
    ClockSteps steps;
    Decoder in(value);
    for (std::size_t i = 0; i < value.size(); i += step_bytes) {
        ClockStep step;
        step.revision = in.u64();
        step.time = in.i64();
        steps.add(step);
    }
    return steps;
}

}   // namespace grid::storage
