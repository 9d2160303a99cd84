// server/gridctl/doctor/report.hpp: lines about checks: how each stands, and what to do next.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "server/gridctl/options.hpp"

namespace grid::gridctl {

enum class Grade { Ok, Warn, Fail };

struct ReportLine {
    Grade grade = Grade::Ok;
    std::string check;   // one word: "clock"
    std::string text;    // how it stands
    std::string todo;    // the next step of the operator; empty: none is needed
};

class Report {
public:
    void ok(std::string check, std::string text) {
        lines_.push_back({Grade::Ok, std::move(check), std::move(text), {}});
    }
    void warn(std::string check, std::string text, std::string todo) {
        lines_.push_back({Grade::Warn, std::move(check), std::move(text), std::move(todo)});
    }
    void fail(std::string check, std::string text, std::string todo) {
        lines_.push_back({Grade::Fail, std::move(check), std::move(text), std::move(todo)});
    }
    void add(ReportLine line) { lines_.push_back(std::move(line)); }

    std::size_t count(Grade grade) const;
    const std::vector<ReportLine>& lines() const { return lines_; }
    /// A line each, or one of JSON: {"checks": [{"check", "state", "text", "todo"}…], "warnings",
    /// "failures"} and the members of `more`.
    void print(const Options& options, boost::json::object more = {}) const;

private:
    std::vector<ReportLine> lines_;
};

/// "12 days", "3 hours", of a time to come or gone by.
std::string duration_text(std::int64_t ms);
/// How a certificate's dates stand against our clock, with its last day; warns 14 days before.
ReportLine dates_line(
    std::string check, std::int64_t not_before, std::int64_t not_after, std::int64_t now
);

}   // namespace grid::gridctl
