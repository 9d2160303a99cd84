// server/log.hpp: one line per fact: a level, what happened, and fields. Never a payload or a
// secret.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/config.hpp"

namespace spdlog {
class logger;
}

namespace grid::server {

/// error: the operator must act; warn: should know; info: life of sessions and nodes; debug: the
/// rest.
enum class Level { Debug, Info, Warn, Error };
using LogField = std::pair<std::string_view, std::string>;
using LogFields = std::initializer_list<LogField>;

/// Any thread. Text for people (`what=login_failed session=c2s-41 reason="…"`) or JSON lines, to
/// stderr.
class Log {
public:
    explicit Log(const Config::Log& settings);
    ~Log();

    void debug(std::string_view what, LogFields fields = {}) { write(Level::Debug, what, fields); }
    void info(std::string_view what, LogFields fields = {}) { write(Level::Info, what, fields); }
    void warn(std::string_view what, LogFields fields = {}) { write(Level::Warn, what, fields); }
    void error(std::string_view what, LogFields fields = {}) { write(Level::Error, what, fields); }
    void write(Level level, std::string_view what, LogFields fields);
    bool is_on(Level level) const;
    /// "debug", "info", "warn", "error", from now on.
    void set_level(const std::string& level);

private:
    std::shared_ptr<spdlog::logger> logger_;
    bool is_json_;
};

}   // namespace grid::server
