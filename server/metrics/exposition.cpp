// server/metrics/exposition.cpp: see exposition.hpp.
#include "server/metrics/exposition.hpp"

#include <array>
#include <charconv>

namespace grid::server::metrics {

namespace {

/// The shortest text that reads back as the same number.
std::string number_text(double value) {
    std::array<char, 400> text{};   // the longest: 309 digits and a fraction
    const auto [end, error] =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    return {text.data(), end};
}

void append_label_value(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (c == '\\' || c == '"')
            out.append(1, '\\').append(1, c);
        else if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
}

}   // namespace

void Exposition::begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::line(std::string_view suffix, Labels labels, std::string_view value) {
    text_.append(name_).append(suffix);
    if (labels.size() != 0) {
        char before = '{';
        for (const auto& [label, content] : labels) {
            text_.append(1, before).append(label).append("=\"");
            append_label_value(text_, content);
            text_ += '"';
            before = ',';
        }
        text_ += '}';
    }
    text_.append(" ").append(value).append("\n");
}

void Exposition::sample(std::uint64_t value, Labels labels) {
    line("", labels, std::to_string(value));
}

void Exposition::sample(double value, Labels labels) { line("", labels, number_text(value)); }

void Exposition::histogram(
    std::string_view name, std::string_view help, const DurationHistogram::Reading& reading
) {
    begin(name, "histogram", help);
    std::uint64_t at_most = 0;
    for (std::size_t i = 0; i < DurationHistogram::bounds.size(); ++i) {
        at_most += reading.counts[i];
        line(
            "_bucket", {{"le", number_text(DurationHistogram::bounds[i])}}, std::to_string(at_most)
        );
    }
    at_most += reading.counts.back();
    line("_bucket", {{"le", "+Inf"}}, std::to_string(at_most));
    line("_sum", {}, number_text(reading.sum_seconds));
    line("_count", {}, std::to_string(at_most));
}

}   // namespace grid::server::metrics
