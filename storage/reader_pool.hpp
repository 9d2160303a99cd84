// storage/reader_pool.hpp: a few threads for reads from disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace grid::storage {

class ReaderPool {
public:
    /// Told of an exception that came out of a piece of work; the thread goes on.
    using OnFault = std::function<void(const std::string& reason)>;
    ReaderPool(unsigned threads, OnFault on_fault);
    /// Finishes what has begun; what has not is dropped.
    ~ReaderPool();
    ReaderPool(const ReaderPool&) = delete;
    void run(std::function<void()> work);

private:
    void loop();
    void work_on(const std::function<void()>& work) noexcept;

    const OnFault on_fault_;
    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}   // namespace grid::storage
