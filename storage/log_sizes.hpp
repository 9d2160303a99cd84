// storage/log_sizes.hpp: how large the last groups of the log are, so that it is trimmed by bytes,
// too.
#pragma once

#include <cstdint>
#include <deque>

#include "storage/log_group.hpp"

namespace grid::storage {

/// A bound of what the group takes in the log.
std::uint64_t bytes_in_log(const Batch& batch);

class LogSizes {
public:
    /// The next group; where one is missing, those before it are forgotten.
    void add(std::uint64_t number, std::uint64_t bytes);
    /// The last of the groups that have to go so that at most so many, of at most so many bytes,
    /// are left; 0: none. Those before the first that was added count as empty. Limits stay the
    /// same from call to call: what has to go is forgotten.
    std::uint64_t take_surplus(std::uint64_t groups_max, std::uint64_t bytes_max);
    std::uint64_t bytes() const { return bytes_; }

private:
    std::deque<std::uint64_t> sizes_;   // up to `last_`
    std::uint64_t last_ = 0, bytes_ = 0, surplus_ = 0;
};

}   // namespace grid::storage
