// tests/bench/load/loop.hpp: one thread's epoll loop; what was written leaves once per turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace grid::bench {

using Clock = std::chrono::steady_clock;

inline std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(
        Clock::now().time_since_epoch() / std::chrono::nanoseconds(1)
    );
}

class Watcher {
public:
    virtual ~Watcher() = default;
    virtual void on_event(std::uint32_t events) = 0;
    // Called once at the end of the turn in which flush_later was called.
    virtual void on_flush() {}
};

class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void add(int fd, Watcher& watcher, std::uint32_t events);
    void change(int fd, Watcher& watcher, std::uint32_t events);
    void remove(int fd);
    // The watcher must live until the turn is over.
    void flush_later(Watcher& watcher) { flushes_.push_back(&watcher); }
    // Flushes, waits at most so long for events, hands them out, flushes again.
    void turn(std::chrono::nanoseconds wait_max);

private:
    void flush();
    int fd_;
    std::vector<Watcher*> flushes_;
    std::vector<Watcher*> flushing_;
};

}   // namespace grid::bench
