// server/gridctl/light/console.hpp: standard output and standard error of a job.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>

#include "server/gridctl/xmpp/outcome.hpp"

namespace grid::gridctl::light {

/// The reader of standard output has gone: `gridctl subscribe T | head -1`.
struct NoReader : std::runtime_error {
    NoReader() : std::runtime_error("the reader of standard output has gone") {}
};

/// A line is written at once, and waits for its reader; so the network is read no faster than the
/// lines are. On a terminal, control characters of others do nothing, and a line on standard error
/// shows how far a job is.
class Console final : public xmpp::Output {
public:
    Console();
    ~Console() override;
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    /// Throws NoReader, Interrupted.
    void print(const std::string& line) override;
    void complain(const std::string& text) override;
    /// Of breaks and such: on a terminal only.
    void remark(const std::string& text);
    /// The line that shows how far it is, a few times a second; empty: none.
    void show(const std::string& progress);
    bool is_watched() const { return is_stderr_terminal_; }

private:
    void wipe();

    bool is_stdout_terminal_, is_stderr_terminal_;
    bool is_shown_ = false;
    std::chrono::steady_clock::time_point shown_at_;
};

/// `[######      ]  53 %`
std::string bar(double part);

}   // namespace grid::gridctl::light
