// server/systemd/notifier.cpp: see notifier.hpp.
#include "server/systemd/notifier.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ctime>

namespace grid::server::systemd {

namespace {

/// A status is one line: another line would be another word to the manager.
std::string one_line(std::string text) {
    std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\0'; }, ' ');
    return text;
}

/// CLOCK_MONOTONIC, as the manager reads it.
long long monotonic_microseconds() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<long long>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1'000;
}

template <class Number>
bool read_number(const std::string& text, Number& number) {
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && stopped == end;
}

}   // namespace

Notifier::Notifier(const std::string& address) {
    const bool is_local = address.starts_with('/') || address.starts_with('@');
    if (!is_local || address.size() < 2 || address.size() >= sizeof(manager_.sun_path)) return;
    manager_.sun_family = AF_UNIX;
    std::memcpy(manager_.sun_path, address.data(), address.size());
    manager_bytes_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    if (address.starts_with('@'))
        manager_.sun_path[0] = '\0';
    else
        ++manager_bytes_;   // the zero behind the path
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return;
    // A manager that hangs may hold up a start or an end for so long.
    const timeval longest{2, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof(longest));
}

Notifier::~Notifier() {
    if (socket_ >= 0) ::close(socket_);
}

void Notifier::ready() { send("READY=1\n" + status_line(), true); }

void Notifier::reloading() {
    send(
        "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_microseconds()) +
            "\nSTATUS=reading configuration, certificates and policy",
        true
    );
}

void Notifier::extend(std::chrono::microseconds time, const std::string& why) {
    send("EXTEND_TIMEOUT_USEC=" + std::to_string(time.count()) + "\nSTATUS=" + one_line(why), true);
}

void Notifier::stopping() { send("STOPPING=1\nSTATUS=ending", true); }

void Notifier::beat(const std::string& status) {
    {
        const std::lock_guard lock(mutex_);
        status_ = one_line(status);
    }
    send("WATCHDOG=1\n" + status_line(), false);
}

void Notifier::remark(std::string text) {
    const std::lock_guard lock(mutex_);
    remark_ = one_line(std::move(text));
}

std::string Notifier::status_line() const {
    const std::lock_guard lock(mutex_);
    return "STATUS=" + status_ + (status_.empty() || remark_.empty() ? "" : "; ") + remark_;
}

void Notifier::send(const std::string& message, bool waits) const {
    if (!is_on()) return;
    const auto* to = reinterpret_cast<const sockaddr*>(&manager_);
    (void)::sendto(
        socket_, message.data(), message.size(), MSG_NOSIGNAL | (waits ? 0 : MSG_DONTWAIT), to,
        manager_bytes_
    );
}

std::optional<std::chrono::microseconds> watchdog_limit(
    const std::string& microseconds, const std::string& pid, long own_pid
) {
    long long limit = 0;
    long whose = own_pid;
    if (!read_number(microseconds, limit) || limit <= 0) return std::nullopt;
    if (!pid.empty() && (!read_number(pid, whose) || whose != own_pid)) return std::nullopt;
    return std::chrono::microseconds(limit);
}

}   // namespace grid::server::systemd
