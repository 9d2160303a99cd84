// server/gridctl/light/console.cpp: see server/gridctl/light/console.hpp.
#include "server/gridctl/light/console.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "server/gridctl/exit_code.hpp"
#include "server/gridctl/light/link.hpp"
#include "server/gridctl/light/signals.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl::light {

Console::Console()
    : is_stdout_terminal_(::isatty(STDOUT_FILENO) == 1),
      is_stderr_terminal_(::isatty(STDERR_FILENO) == 1) {}

Console::~Console() { wipe(); }

void Console::print(const std::string& line) {
    if (is_stdout_terminal_) wipe();
    const std::string text = (is_stdout_terminal_ ? printable(line) : line) + "\n";
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t put = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
        if (put >= 0) {
            done += static_cast<std::size_t>(put);
        } else if (errno == EPIPE) {
            throw NoReader();
        } else if (errno == EINTR) {
            if (is_interrupted()) throw Interrupted();
        } else {
            throw Failed(
                Exit::Refused,
                std::string("cannot write to standard output: ") + std::strerror(errno)
            );
        }
    }
}

void Console::complain(const std::string& text) {
    wipe();
    std::cerr << "gridctl: " << printable(text) << "\n" << std::flush;
}

void Console::remark(const std::string& text) {
    if (is_stderr_terminal_) complain(text);
}

void Console::show(const std::string& progress) {
    if (!is_stderr_terminal_) return;
    const auto now = std::chrono::steady_clock::now();
    if (progress.empty()) return wipe();
    if (is_shown_ && now - shown_at_ < std::chrono::milliseconds(200)) return;
    std::cerr << "\r" << progress << "\x1b[K" << std::flush;
    is_shown_ = true;
    shown_at_ = now;
}

void Console::wipe() {
    if (!is_shown_) return;
    std::cerr << "\r\x1b[K" << std::flush;
    is_shown_ = false;
}

std::string bar(double part) {
    constexpr int columns = 30;
    const double bounded = std::clamp(part, 0.0, 1.0);
    const auto full = static_cast<std::size_t>(bounded * columns);
    std::string out = "[" + std::string(full, '#') + std::string(columns - full, ' ') + "] ";
    const std::string percent = std::to_string(static_cast<int>(bounded * 100));
    return out + std::string(3 - percent.size(), ' ') + percent + " %";
}

}   // namespace grid::gridctl::light
