// tests/bench/policy/store_writer.hpp: records written into a store of a server that does not run,
// fast.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "storage/store.hpp"

namespace grid::bench {

/// One line, and the end of the program.
[[noreturn]] void give_up(const std::string& why);

class StoreWriter {
public:
    /// Makes `directory/store`.
    explicit StoreWriter(const std::string& directory);
    /// Control family; in batches.
    void put(std::string key, std::string value);
    /// Everything of it, in batches of its own where it is the store that gives out the keys.
    storage::Batch& batch() { return batch_; }
    /// When the batch is full.
    void flush_if_full();
    void flush();
    /// Waits until everything is in the store.
    void finish();

private:
    void wait_until_below(std::size_t count);

    storage::Batch batch_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::size_t in_flight_ = 0;
    storage::Ticket last_ = 0;
    std::unique_ptr<storage::Store> store_;   // last: its thread calls into the above
};

}   // namespace grid::bench
