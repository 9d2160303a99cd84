// storage/log_sizes.cpp: see log_sizes.hpp.
#include "storage/log_sizes.hpp"

#include <algorithm>

namespace grid::storage {

std::uint64_t bytes_in_log(const Batch& batch) {
    constexpr std::size_t entry_bytes = 64, write_bytes = 16;
    return entry_bytes + batch.bytes() + write_bytes * batch.operations.size();
}

void LogSizes::add(std::uint64_t number, std::uint64_t bytes) {
    if (number != last_ + 1) {
        sizes_.clear();
        bytes_ = 0;
    }
    last_ = number;
    sizes_.push_back(bytes);
    bytes_ += bytes;
}

std::uint64_t LogSizes::take_surplus(std::uint64_t groups_max, std::uint64_t bytes_max) {
    while (!sizes_.empty() && (sizes_.size() > groups_max || bytes_ > bytes_max)) {
        bytes_ -= sizes_.front();
        sizes_.pop_front();
        surplus_ = last_ - sizes_.size();
    }
    if (last_ > groups_max) surplus_ = std::max(surplus_, last_ - groups_max);
    return surplus_;
}

}   // namespace grid::storage
