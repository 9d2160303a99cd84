// server/process/stopper.cpp: see server/process/stopper.hpp.
#include "server/process/stopper.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

#include <linux/close_range.h>

namespace grid::server {

void Stopper::stop(bool restarts, std::chrono::seconds delay) {
    restarts_ = restarts;
    log_.warn(
        restarts ? "restart_asked" : "shutdown_asked",
        {{"by", "an administrator"}, {"in_seconds", std::to_string(delay.count())}}
    );
    timer_.expires_after(std::max(delay, std::chrono::seconds(1)));
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error && end) end();
    });
}

void Stopper::end_for_good() {
    restarts_ = false;
    end();
}

std::string own_program() {
    std::array<char, PATH_MAX> path{};
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    return length <= 0 ? "" : std::string(path.data(), static_cast<std::size_t>(length));
}

std::string run_again(const std::string& program, const std::vector<std::string>& arguments) {
    std::vector<std::string> texts = arguments;
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    // No file or socket of this process stays open in the next one.
    if (::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        return std::string("close_range: ") + std::strerror(errno);
    std::fflush(nullptr);   // the log's last lines
    ::execv(program.c_str(), pointers.data());
    return program + ": " + std::strerror(errno);
}

}   // namespace grid::server
