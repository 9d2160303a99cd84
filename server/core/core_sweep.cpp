// server/core/core_sweep.cpp: the sweep: existing subscriptions follow a change of rights, a
// slice at a time, so that no client waits for it.
#include <algorithm>
#include <boost/asio.hpp>
#include <chrono>
#include <ctime>

#include "server/core/core.hpp"

namespace grid::server {

namespace {

using std::chrono::steady_clock;

/// The time of the core strand at once; other batches have their turn in between.
constexpr auto slice_max = std::chrono::microseconds(500);
constexpr std::size_t subscriptions_per_look = 16;
/// Removals under way: their events are told while the rest is being looked at.
constexpr std::size_t in_flight_max = 128;

/// The processor time of this thread: a busy machine may take it off its processor in the middle of
/// a slice.
steady_clock::duration worked() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::string in_microseconds(steady_clock::duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

}   // namespace

void Core::begin_sweep() {
    if (sweep_.is_posted || is_stopped_ || !leads() || !broker_.is_sweep_pending()) return;
    if (sweep_.slices == 0) sweep_.began = steady_clock::now();
    sweep_.is_posted = true;
    boost::asio::post(strand_, [this] { sweep(); });
}

/// Where it has to wait, for commits or for room, the next commit or tick begins it again.
void Core::sweep() {
    sweep_.is_posted = false;
    if (is_stopped_ || !leads() || !store_.status().writable) return;
    if (broker_.is_sweep_at_start() && pipeline_->background_in_flight() != 0) return;
    const auto begin = steady_clock::now();
    const auto work = worked();
    auto now = begin;
    while (broker_.is_sweep_pending() && now < begin + slice_max) {
        if (pipeline_->background_in_flight() >= in_flight_max || !pipeline_->has_room()) break;
        for (auto& batch : broker_.sweep(subscriptions_per_look)) {
            sweep_.removed += static_cast<std::size_t>(
                std::ranges::count_if(batch.operations, &storage::Write::erase)
            );
            pipeline_->submit_background(std::move(batch));
        }
        now = steady_clock::now();
        if (broker_.is_sweep_at_start()) break;
    }
    ++sweep_.slices;
    sweep_.longest = std::max(sweep_.longest, worked() - work);
    if (!broker_.is_sweep_pending()) return end_sweep();
    if (pipeline_->background_in_flight() < in_flight_max && pipeline_->has_room()) begin_sweep();
}

void Core::end_sweep() {
    const auto done = std::exchange(sweep_, {});
    log_.write(
        done.removed != 0 ? Level::Info : Level::Debug, "swept",
        {{"removed", std::to_string(done.removed)},
         {"slices", std::to_string(done.slices)},
         {"us", in_microseconds(steady_clock::now() - done.began)},
         {"us_longest_slice", in_microseconds(done.longest)}}
    );
}

}   // namespace grid::server
