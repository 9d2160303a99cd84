// tests/unit/server/metrics/exposition_test.cpp: metrics as text, histograms, odd labels.
#include "server/metrics/exposition.hpp"

#include <catch2/catch.hpp>

namespace grid::server::exposition_test {

using metrics::Exposition;
using namespace std::chrono_literals;

TEST_CASE("A family is its help, its type and its samples") {
    Exposition out;
    out.gauge("gridd_sessions", "Sessions, by transport.");
    out.sample(std::uint64_t{2}, {{"transport", "c2s"}, {"state", "connected"}});
    out.sample(0.5);
    out.counter("gridd_x_total", "Others.", 18'446'744'073'709'551'615U);
    CHECK(
        out.take() ==
        "# HELP gridd_sessions Sessions, by transport.\n"
        "# TYPE gridd_sessions gauge\n"
        "gridd_sessions{transport=\"c2s\",state=\"connected\"} 2\n"
        "gridd_sessions 0.5\n"
        "# HELP gridd_x_total Others.\n"
        "# TYPE gridd_x_total counter\n"
        "gridd_x_total 18446744073709551615\n"
    );
}

TEST_CASE("What ends a label's value early is escaped") {
    Exposition out;
    out.gauge("g", "G.");
    out.sample(std::uint64_t{1}, {{"reason", "a \"b\" \\ c\nd"}});
    CHECK(out.take().ends_with("g{reason=\"a \\\"b\\\" \\\\ c\\nd\"} 1\n"));
}

TEST_CASE("A histogram's buckets hold all that is at most so long") {
    DurationHistogram histogram;
    histogram.observe(100us);   // as long as the first bound
    histogram.observe(101us);
    histogram.observe(30s);    // longer than all
    histogram.observe(-1ms);   // a clock that went back
    Exposition out;
    out.histogram("gridd_commit_seconds", "Commits.", histogram.read());
    const std::string text = out.take();
    CHECK(text.find("gridd_commit_seconds_bucket{le=\"0.0001\"} 2\n") != std::string::npos);
    CHECK(text.find("gridd_commit_seconds_bucket{le=\"0.00025\"} 3\n") != std::string::npos);
    CHECK(text.find("gridd_commit_seconds_bucket{le=\"10\"} 3\n") != std::string::npos);
    CHECK(text.find("gridd_commit_seconds_bucket{le=\"+Inf\"} 4\n") != std::string::npos);
    CHECK(text.find("gridd_commit_seconds_count 4\n") != std::string::npos);
    CHECK(text.find("gridd_commit_seconds_sum 30.000201\n") != std::string::npos);
}

}   // namespace grid::server::exposition_test
