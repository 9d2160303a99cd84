// tests/bench/load/report.cpp: the two lines of a result.
#include "load/report.hpp"

#include <cmath>
#include <cstdio>

namespace grid::bench {

namespace {
std::string quoted(const std::string& value) {
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c >= ' ' ? c : ' ';
    }
    return out + '"';
}
}   // namespace

Report::Report(std::string mode, std::string server)
    : mode_(std::move(mode)), server_(std::move(server)) {}

Report& Report::number(std::string key, double value, int decimals) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, std::isfinite(value) ? value : 0.0);
    fields_.emplace_back(std::move(key), text);
    return *this;
}

Report& Report::text(std::string key, const std::string& value) {
    fields_.emplace_back(std::move(key), quoted(value));
    return *this;
}

void Report::print() const {
    std::string human = mode_ + " " + server_ + ":";
    std::string json = "{\"mode\":" + quoted(mode_) + ",\"server\":" + quoted(server_);
    for (const auto& [key, value] : fields_) {
        human += "  " + key + " " + value;
        json += ",\"" + key + "\":" + value;
    }
    std::printf("%s\n%s}\n", human.c_str(), json.c_str());
    std::fflush(stdout);
}

}   // namespace grid::bench
