// server/c2s/delivery_marks.cpp: see server/c2s/delivery_marks.hpp.
#include "server/c2s/delivery_marks.hpp"

#include <algorithm>

namespace grid::server::c2s {
namespace {
constexpr std::size_t marks_max = 64;
/// Linux lets a receive buffer grow to 6 MiB by default (net.ipv4.tcp_rmem).
constexpr std::uint64_t receive_buffer_bytes_max = 6 * 1024 * 1024;
constexpr auto read_after = std::chrono::seconds(5);
}   // namespace

void DeliveryMarks::add(std::uint64_t number, std::uint64_t queued) {
    if (!marks_.empty() && marks_.back().number >= number) return;
    if (marks_.size() == marks_max) {   // every other one, so that old ones stay old
        for (std::size_t i = 1; i < marks_max / 2; ++i) marks_[i] = marks_[2 * i];
        marks_.resize(marks_max / 2);
    }
    marks_.push_back({number, queued, 0, {}});
}

void DeliveryMarks::on_sent(std::uint64_t queued, std::uint64_t sent) {
    for (auto mark = marks_.rbegin(); mark != marks_.rend() && mark->sent == 0; ++mark)
        if (mark->queued <= queued) mark->sent = std::max<std::uint64_t>(sent, 1);
}

DeliveryMarks::Acked DeliveryMarks::acked(std::uint64_t acknowledged, Clock::time_point now) {
    Acked acked;
    std::size_t read = 0;
    for (Mark& mark : marks_) {
        if (mark.sent == 0 || mark.sent > acknowledged) break;
        if (mark.acknowledged == Clock::time_point{}) mark.acknowledged = now;
        acked.kernel = mark.number;
        const bool is_read = mark.sent + receive_buffer_bytes_max <= acknowledged ||
                             mark.acknowledged + read_after <= now;
        if (!is_read) continue;
        acked.application = mark.number;
        ++read;
    }
    if (read > 1) marks_.erase(marks_.begin(), marks_.begin() + static_cast<long>(read) - 1);
    return acked;
}

}   // namespace grid::server::c2s
