// server/metrics/exposition.hpp: writes metrics in Prometheus' text format, version 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "server/instruments.hpp"

namespace grid::server::metrics {

/// The type of the text, for HTTP.
inline constexpr std::string_view exposition_type = "text/plain; version=0.0.4; charset=utf-8";

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

/// A family is begun once, and its samples follow it at once. Names and labels are those of
/// Prometheus' conventions: base units (seconds, bytes), `_total` for counters. Values of labels
/// are escaped; names are the program's own.
class Exposition {
public:
    void counter(std::string_view name, std::string_view help) { begin(name, "counter", help); }
    void gauge(std::string_view name, std::string_view help) { begin(name, "gauge", help); }

    void sample(std::uint64_t value, Labels labels = {});
    void sample(double value, Labels labels = {});

    // A family of one sample.
    void counter(std::string_view name, std::string_view help, std::uint64_t value) {
        counter(name, help);
        sample(value);
    }
    void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
        gauge(name, help);
        sample(value);
    }
    void gauge(std::string_view name, std::string_view help, double value) {
        gauge(name, help);
        sample(value);
    }
    void histogram(
        std::string_view name, std::string_view help, const DurationHistogram::Reading& reading
    );

    std::string take() { return std::move(text_); }

private:
    void begin(std::string_view name, std::string_view type, std::string_view help);
    void line(std::string_view suffix, Labels labels, std::string_view value);

    std::string name_, text_;
};

}   // namespace grid::server::metrics
