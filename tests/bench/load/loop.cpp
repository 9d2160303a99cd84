// tests/bench/load/loop.cpp: the epoll loop.
#include "load/loop.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace grid::bench {

namespace {
constexpr int events_max = 512;

void control(int epoll, int what, int fd, Watcher* watcher, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = watcher;
    if (epoll_ctl(epoll, what, fd, &event) != 0)
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
}
}   // namespace

Loop::Loop() : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Loop::~Loop() { ::close(fd_); }

void Loop::add(int fd, Watcher& watcher, std::uint32_t events) {
    control(fd_, EPOLL_CTL_ADD, fd, &watcher, events);
}

void Loop::change(int fd, Watcher& watcher, std::uint32_t events) {
    control(fd_, EPOLL_CTL_MOD, fd, &watcher, events);
}

void Loop::remove(int fd) { epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr); }

void Loop::flush() {
    flushing_.swap(flushes_);
    for (Watcher* watcher : flushing_) watcher->on_flush();
    flushing_.clear();
}

void Loop::turn(std::chrono::nanoseconds wait_max) {
    flush();
    std::array<epoll_event, events_max> events;
    timespec wait{};
    wait.tv_sec = static_cast<time_t>(wait_max / std::chrono::seconds(1));
    wait.tv_nsec = static_cast<long>((wait_max % std::chrono::seconds(1)).count());
    const int count = epoll_pwait2(fd_, events.data(), events_max, &wait, nullptr);
    if (count < 0 && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "epoll_wait");
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        static_cast<Watcher*>(event.data.ptr)->on_event(event.events);
    }
    flush();
}

}   // namespace grid::bench
