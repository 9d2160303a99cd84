// tests/bench/load/report.hpp: one result, printed as a line for people and a line of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace grid::bench {

class Report {
public:
    Report(std::string mode, std::string server);
    Report& number(std::string key, double value, int decimals = 0);
    Report& text(std::string key, const std::string& value);
    // Both lines, to standard output.
    void print() const;

private:
    std::string mode_;
    std::string server_;
    std::vector<std::pair<std::string, std::string>> fields_;   // values as JSON
};

}   // namespace grid::bench
