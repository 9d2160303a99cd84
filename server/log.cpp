// server/log.cpp: log lines by spdlog, as text or JSON.
#include "server/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "xml/utf8.hpp"

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

constexpr std::string_view hex_digits = "0123456789abcdef";
using Values = std::vector<std::pair<std::string, std::string>>;

bool is_unseen(char32_t c) {
    return xml::is_control(c) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb);
}

void append_escape(std::string& out, std::uint32_t c) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += hex_digits[c >> static_cast<unsigned>(shift) & 15U];
}

std::size_t bytes_max_of(std::string_view key) {
    const bool is_name = key == "subject" || key == "issuer" || key == "path" || key == "account";
    return is_name ? log_name_bytes_max : log_value_bytes_max;
}

/// Without quotes where none are needed. No value can forge a line or a field.
void append_value(std::string& out, std::string_view key, std::string_view value) {
    const std::string text = quoted(value, bytes_max_of(key));
    const bool is_same = text.size() == value.size() + 2;
    if (is_same && !value.empty() && value.find_first_of(" =") == std::string_view::npos)
        out += value;
    else
        out += text;
}

template <class Fields>
std::string as_text(Level level, std::string_view what, const Fields& fields) {
    constexpr std::size_t widest = 5;   // of a level: all lines begin alike
    std::string line(level_name(level));
    line.resize(widest, ' ');
    line.append(" what=").append(what);
    for (const auto& [key, value] : fields) {
        line += ' ';
        line += key;
        line += '=';
        append_value(line, key, value);
    }
    return line;
}

/// Without the brace at the front.
template <class Fields>
std::string as_json(Level level, std::string_view what, const Fields& fields) {
    std::string line = "\"level\":" + quoted(level_name(level));
    line.append(",\"what\":").append(quoted(what));
    for (const auto& [key, value] : fields)
        line.append(",")
            .append(server::quoted(key))
            .append(":")
            .append(server::quoted(value, bytes_max_of(key)));
    return line + "}";
}

template <class Fields>
void write_line(
    spdlog::logger& logger, bool is_json, Level level, std::string_view what, const Fields& fields
) {
    logger.log(
        to_spdlog(level), is_json ? as_json(level, what, fields) : as_text(level, what, fields)
    );
}

}   // namespace

std::string_view level_name(Level level) {
    constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
    return names.at(static_cast<std::size_t>(level));
}

std::string quoted(std::string_view value, std::size_t bytes_max) {
    std::string out = "\"";
    std::size_t at = 0;
    while (at < value.size()) {
        const auto [number, size, truncated] = xml::first_code_point(value.substr(at));
        if (at + std::max<std::size_t>(size, 1) > bytes_max) {
            out.append("… (").append(std::to_string(value.size())).append(" bytes)");
            break;
        }
        if (size == 0) {
            const auto byte = static_cast<unsigned char>(value[at]);
            out.append("\\\\x").append(1, hex_digits[byte >> 4U]).append(1, hex_digits[byte & 15U]);
        } else if (is_unseen(number)) {
            append_escape(out, number);
        } else {
            if (number == '"' || number == '\\') out += '\\';
            out += value.substr(at, size);
        }
        at += std::max<std::size_t>(size, 1);
    }
    return out + "\"";
}

struct Log::Folds {
    using Clock = std::chrono::steady_clock;
    struct Fold {
        Level level = Level::Info;
        Clock::time_point until;
        std::size_t more = 0;   // since it was written
        Values last;
    };
    std::mutex mutex;
    std::map<std::string, std::map<std::string, Fold>> by_what;   // then by reason
};

struct Log::Counts {
    std::mutex mutex;
    std::map<std::string, std::array<std::uint64_t, 4>, std::less<>> by_event;   // then by level
};

Log::Log(const LogSettings& settings)
    : logger_(std::make_shared<spdlog::logger>(
          "gridd", std::make_shared<spdlog::sinks::stderr_sink_mt>()
      )),
      is_json_(settings.format == "json"),
      folds_(std::make_unique<Folds>()),
      counts_(std::make_unique<Counts>()) {
    logger_->set_level(spdlog::level::from_str(settings.level));
    // UTC, so that lines of several machines can be laid side by side.
    if (is_json_)
        logger_->set_pattern(
            "{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v", spdlog::pattern_time_type::utc
        );
    else
        logger_->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
    logger_->flush_on(spdlog::level::debug);
}

Log::~Log() { flush_folded(true); }

bool Log::is_on(Level level) const { return logger_->should_log(to_spdlog(level)); }

void Log::set_level(const std::string& level) {
    logger_->set_level(spdlog::level::from_str(level));
}

void Log::count(Level level, std::string_view what) {
    const std::lock_guard lock(counts_->mutex);
    auto found = counts_->by_event.find(what);
    if (found == counts_->by_event.end())
        found = counts_->by_event.try_emplace(std::string(what)).first;
    ++found->second.at(static_cast<std::size_t>(level));
}

std::vector<Log::Count> Log::counts() const {
    const std::lock_guard lock(counts_->mutex);
    std::vector<Count> all;
    for (const auto& [what, by_level] : counts_->by_event)
        for (std::size_t level = 0; level < by_level.size(); ++level)
            if (by_level[level] != 0)
                all.push_back({what, static_cast<Level>(level), by_level[level]});
    return all;
}

void Log::write(Level level, std::string_view what, LogFields fields) {
    if (level != Level::Debug) count(level, what);
    // The pattern opens the object with the time; what follows the brace completes it.
    if (is_on(level)) write_line(*logger_, is_json_, level, what, fields);
}

void Log::fold(Level level, std::string_view what, LogFields fields) {
    if (level != Level::Debug) count(level, what);
    if (!is_on(level)) return;
    std::string reason;
    for (const auto& [key, value] : fields)
        if (key == "reason") reason = value.substr(0, log_value_bytes_max);
    Values values(fields.begin(), fields.end());
    const auto now = Folds::Clock::now();
    {
        const std::lock_guard lock(folds_->mutex);
        auto& reasons = folds_->by_what[std::string(what)];
        if (reasons.size() >= log_reasons_max && !reasons.contains(reason)) reason.clear();
        const auto [found, is_new] = reasons.try_emplace(reason);
        auto& fold = found->second;
        if (!is_new) {
            ++fold.more;
            fold.last = std::move(values);
            return;
        }
        fold.level = level;
        fold.until = now + std::chrono::seconds(1);
    }
    values.emplace_back("count", "1");
    write_line(*logger_, is_json_, level, what, values);
}

void Log::flush_folded(bool all) {
    const auto now = Folds::Clock::now();
    const std::lock_guard lock(folds_->mutex);
    for (auto& [what, reasons] : folds_->by_what)
        for (auto next = reasons.begin(); next != reasons.end();) {
            const auto found = next++;
            auto& fold = found->second;
            if (!all && fold.until > now) continue;
            if (fold.more == 0) {   // no more came in a second: the next is a first again
                reasons.erase(found);
                continue;
            }
            fold.last.emplace_back("count", std::to_string(fold.more));
            write_line(*logger_, is_json_, fold.level, what, fold.last);
            fold.more = 0;
            fold.last.clear();
            fold.until = now + std::chrono::seconds(1);
        }
}

}   // namespace grid::server
