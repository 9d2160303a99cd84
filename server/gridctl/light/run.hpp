// server/gridctl/light/run.hpp: one job with all that it needs.
#pragma once

#include <functional>
#include <string>

#include "server/gridctl/light/login.hpp"
#include "server/gridctl/light/loop.hpp"

namespace grid::gridctl::light {

/// 128 random bits in hexadecimal digits.
std::string random_text();

LoopSettings loop_settings(
    const Options& common, const LoginOptions& login, long reconnect_seconds
);

struct RunExtras {
    Source* source = nullptr;
    std::function<void()> on_turn;
    /// Ctrl-C is an end like any other, not Failed(Interrupted).
    bool may_be_interrupted = false;
};
/// To the job's end. Throws Failed.
/// @return whether it was interrupted.
bool run(
    const Door& door, xmpp::Job& job, Console& console, LoopSettings settings, RunExtras extras = {}
);

/// Runs it as the command: Interrupted becomes Failed.
void on_call(CLI::App& command, std::function<void()> work);

/// Waits. Throws Interrupted.
void wait_ms(std::int64_t ms);

}   // namespace grid::gridctl::light
