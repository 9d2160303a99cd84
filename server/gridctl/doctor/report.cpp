// server/gridctl/doctor/report.cpp: see report.hpp.
#include "server/gridctl/doctor/report.hpp"

#include <algorithm>

#include "server/gridctl/table.hpp"
#include "xml/datetime.hpp"

namespace grid::gridctl {
namespace {

namespace json = boost::json;

constexpr std::int64_t hour_ms = 3600 * 1000, day_length_ms = 24 * hour_ms;
constexpr std::int64_t days_to_warn = 14;

const char* word_of(Grade grade) {
    switch (grade) {
        case Grade::Ok:
            return "ok";
        case Grade::Warn:
            return "warn";
        case Grade::Fail:
            return "fail";
    }
    return "fail";
}

std::string counted(std::int64_t number, const char* noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

}   // namespace

std::size_t Report::count(Grade grade) const {
    return static_cast<std::size_t>(std::ranges::count(lines_, grade, &ReportLine::grade));
}

void Report::print(const Options& options, json::object more) const {
    if (options.json) {
        json::array checks;
        for (const ReportLine& line : lines_)
            checks.push_back(json::object{
                {"check", line.check},
                {"state", word_of(line.grade)},
                {"text", line.text},
                {"todo", line.todo}
            });
        more["checks"] = std::move(checks);
        more["warnings"] = count(Grade::Warn);
        more["failures"] = count(Grade::Fail);
        return gridctl::print(json_line(more));
    }
    std::size_t widest = 0;
    for (const ReportLine& line : lines_) widest = std::max(widest, line.check.size());
    for (const ReportLine& line : lines_) {
        std::string word = line.grade == Grade::Fail ? "FAIL" : word_of(line.grade);
        word.resize(6, ' ');
        std::string name = line.check;
        name.resize(widest + 2, ' ');
        std::string text = word + name + printable(line.text) + "\n";
        if (!line.todo.empty())
            text += std::string(widest + 8, ' ') + "-> " + printable(line.todo) + "\n";
        gridctl::print(text);
    }
}

std::string duration_text(std::int64_t ms) {
    const std::int64_t time = ms < 0 ? -ms : ms;
    if (time >= 2 * day_length_ms) return counted(time / day_length_ms, "day");
    if (time >= 2 * hour_ms) return counted(time / hour_ms, "hour");
    if (time >= 2 * 60'000) return counted(time / 60'000, "minute");
    return counted(time / 1000, "second");
}

ReportLine dates_line(
    std::string check, std::int64_t not_before, std::int64_t not_after, std::int64_t now
) {
    const auto day = [](std::int64_t time) { return xml::to_datetime(time).substr(0, 10); };
    const std::string clock = "; our clock says " + xml::to_datetime(now);
    if (now < not_before)
        return {
            Grade::Fail, std::move(check), "not valid before " + day(not_before) + clock,
            "set the clock, or wait"
        };
    if (now >= not_after)
        return {
            Grade::Fail, std::move(check),
            "expired on " + day(not_after) + ", " + duration_text(now - not_after) + " ago" + clock,
            "have a new one issued"
        };
    const std::string text =
        "valid until " + day(not_after) + ", " + duration_text(not_after - now) + " left";
    if (not_after - now < days_to_warn * day_length_ms)
        return {Grade::Warn, std::move(check), text, "have a new one issued in time"};
    return {Grade::Ok, std::move(check), text, {}};
}

}   // namespace grid::gridctl
