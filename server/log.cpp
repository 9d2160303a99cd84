// server/log.cpp: log lines by spdlog, as text or JSON.
#include "server/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/json.hpp>

namespace grid::server {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
        case Level::Debug:
            return spdlog::level::debug;
        case Level::Info:
            return spdlog::level::info;
        case Level::Warn:
            return spdlog::level::warn;
        case Level::Error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

/// Peers choose part of what is logged: no control character may forge a line.
void append_value(std::string& out, std::string_view value) {
    bool plain = !value.empty();
    for (char c : value)
        plain = plain && static_cast<unsigned char>(c) > ' ' && c != '"' && c != '=' && c != 0x7f;
    if (plain) {
        out += value;
        return;
    }
    out += boost::json::serialize(boost::json::string(value));
}

std::string as_text(std::string_view what, LogFields fields) {
    std::string line = "what=";
    line += what;
    for (const auto& [key, value] : fields) {
        line += ' ';
        line += key;
        line += '=';
        append_value(line, value);
    }
    return line;
}

std::string as_json(Level level, std::string_view what, LogFields fields) {
    boost::json::object object;
    object["level"] = boost::json::string(spdlog::level::to_string_view(to_spdlog(level)).data());
    object["what"] = what;
    for (const auto& [key, value] : fields) object[key] = value;
    return boost::json::serialize(object);
}

}   // namespace

Log::Log(const Config::Log& settings)
    : logger_(std::make_shared<spdlog::logger>(
          "gridd", std::make_shared<spdlog::sinks::stderr_sink_mt>()
      )),
      is_json_(settings.format == "json") {
    logger_->set_level(spdlog::level::from_str(settings.level));
    // UTC, so that lines of several machines can be laid side by side.
    if (is_json_)
        logger_->set_pattern(
            "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v", spdlog::pattern_time_type::utc
        );
    else
        logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-5l %v", spdlog::pattern_time_type::utc);
    logger_->flush_on(spdlog::level::debug);
}

Log::~Log() = default;

bool Log::is_on(Level level) const { return logger_->should_log(to_spdlog(level)); }

void Log::set_level(const std::string& level) {
    logger_->set_level(spdlog::level::from_str(level));
}

void Log::write(Level level, std::string_view what, LogFields fields) {
    if (!is_on(level)) return;
    if (is_json_) {
        // The pattern opens the object with the time; what follows the brace completes it.
        logger_->log(to_spdlog(level), std::string_view(as_json(level, what, fields)).substr(1));
    } else {
        logger_->log(to_spdlog(level), as_text(what, fields));
    }
}

}   // namespace grid::server
