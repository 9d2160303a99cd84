// storage/reader_pool.hpp: a few threads for reads from disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace grid::storage {

class ReaderPool {
public:
    explicit ReaderPool(unsigned threads);
    /// Finishes what has begun; what has not is dropped.
    ~ReaderPool();
    ReaderPool(const ReaderPool&) = delete;
    void run(std::function<void()> work);

private:
    void loop();

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}   // namespace grid::storage
