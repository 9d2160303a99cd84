// server/gridctl/light/run.cpp: see server/gridctl/light/run.hpp.
#include "server/gridctl/light/run.hpp"

#include <poll.h>

#include <algorithm>
#include <random>
#include <utility>

#include "server/gridctl/light/signals.hpp"

namespace grid::gridctl::light {

std::string random_text() {
    constexpr char hex[] = "0123456789abcdef";
    std::random_device device;
    std::string out;
    for (int word = 0; word < 4; ++word) {
        std::uint32_t bits = device();
        for (int digit = 0; digit < 8; ++digit, bits >>= 4) out += hex[bits & 15U];
    }
    return out;
}

LoopSettings loop_settings(
    const Options& common, const LoginOptions& login, long reconnect_seconds
) {
    LoopSettings settings;
    settings.timeout_seconds = common.timeout_seconds;
    settings.reconnect_seconds =
        login.reconnect_seconds >= 0 ? login.reconnect_seconds : reconnect_seconds;
    return settings;
}

bool run(
    const Door& door, xmpp::Job& job, Console& console, LoopSettings settings, RunExtras extras
) {
    watch_signals();
    Link link(door.target);
    xmpp::Session session(door.login, job, random_text);
    Loop loop(settings, link, session, job, console);
    if (extras.source != nullptr) loop.read_from(*extras.source);
    if (extras.on_turn) loop.on_turn(std::move(extras.on_turn));
    loop.run();
    if (loop.was_interrupted() && !extras.may_be_interrupted)
        throw Failed(Exit::Interrupted, "interrupted");
    return loop.was_interrupted();
}

void on_call(CLI::App& command, std::function<void()> work) {
    command.callback([work = std::move(work)] {
        try {
            work();
        } catch (const Interrupted&) {
            throw Failed(Exit::Interrupted, "interrupted");
        }
    });
}

void wait_ms(std::int64_t ms) {
    const auto until = Clock::now() + std::chrono::milliseconds(ms);
    while (Clock::now() < until) {
        if (is_interrupted()) throw Interrupted();
        const auto left = until - Clock::now();
        const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
        ::poll(nullptr, 0, static_cast<int>(std::clamp<std::int64_t>(count, 1, 100)));
    }
}

}   // namespace grid::gridctl::light
