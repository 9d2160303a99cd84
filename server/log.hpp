// server/log.hpp: one line per fact: a level, what happened, and fields. Never a payload or a
// secret.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/log_settings.hpp"

namespace spdlog {
class logger;
}

namespace grid::server {

/// error: the operator must act; warn: should know; info: life of sessions and nodes; debug: the
/// rest.
enum class Level { Debug, Info, Warn, Error };
/// "debug", "info", "warn", "error": in lines, in the configuration and in metrics.
std::string_view level_name(Level level);
using LogField = std::pair<std::string_view, std::string>;
using LogFields = std::initializer_list<LogField>;

/// Any thread. Text for people (`what=login_failed session=c2s-41 reason="…"`) or JSON lines, to
/// stderr. Peers choose part of what is logged: a value is cut to `log_value_bytes_max` bytes, a
/// name out of a certificate or request to `log_name_bytes_max`, and what is no character to be
/// seen is escaped, so that a line is always one line of valid UTF-8.
class Log {
public:
    explicit Log(const LogSettings& settings);
    ~Log();

    void debug(std::string_view what, LogFields fields = {}) { write(Level::Debug, what, fields); }
    void info(std::string_view what, LogFields fields = {}) { write(Level::Info, what, fields); }
    void warn(std::string_view what, LogFields fields = {}) { write(Level::Warn, what, fields); }
    void error(std::string_view what, LogFields fields = {}) { write(Level::Error, what, fields); }
    void write(Level level, std::string_view what, LogFields fields);
    bool is_on(Level level) const;
    /// "debug", "info", "warn", "error", from now on.
    void set_level(const std::string& level);

    /// How often each event was told to the log since the start, written or not: by its name and
    /// its level. Names are the program's own words.
    struct Count {
        std::string what;
        Level level = Level::Info;
        std::uint64_t count = 0;
    };
    std::vector<Count> counts() const;

    /// For what strangers can cause as often as they like. The first with its `reason` is written
    /// at once, with count=1; those of the same reason within the next second become one line, with
    /// the fields of the last of them and their count. Of one `what` no more than
    /// `log_reasons_max` reasons are told apart in a second.
    void fold(Level level, std::string_view what, LogFields fields);
    /// Writes the folded lines that are due; to be called a few times a second. `all`: also those
    /// that are not due, at the end.
    void flush_folded(bool all = false);

private:
    struct Folds;
    struct Counts;
    void count(Level level, std::string_view what);

    std::shared_ptr<spdlog::logger> logger_;
    bool is_json_;
    std::unique_ptr<Folds> folds_;
    std::unique_ptr<Counts> counts_;
};

inline constexpr std::size_t log_name_bytes_max = 256;
inline constexpr std::size_t log_value_bytes_max = 1024;
inline constexpr std::size_t log_reasons_max = 8;

/// `value` in quotes, as JSON has it, cut to so many bytes of input: control characters and those
/// that turn the direction of writing are \uXXXX, bytes that are no UTF-8 read \xXX.
std::string quoted(std::string_view value, std::size_t bytes_max = log_value_bytes_max);

}   // namespace grid::server
