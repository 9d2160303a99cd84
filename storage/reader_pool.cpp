// storage/reader_pool.cpp: see reader_pool.hpp.
#include "storage/reader_pool.hpp"

#include <algorithm>
#include <utility>

namespace grid::storage {

ReaderPool::ReaderPool(unsigned threads, OnFault on_fault) : on_fault_(std::move(on_fault)) {
    for (unsigned i = 0; i < std::max(threads, 1u); ++i) threads_.emplace_back([this] { loop(); });
}

ReaderPool::~ReaderPool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void ReaderPool::run(std::function<void()> work) {
    {
        std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
    }
    ready_.notify_one();
}

void ReaderPool::work_on(const std::function<void()>& work) noexcept {
    try {
        work();
    } catch (const std::exception& fault) {
        on_fault_(fault.what());
    } catch (...) {
        on_fault_("an exception of an unknown kind");
    }
}

void ReaderPool::loop() {
    std::unique_lock lock(mutex_);
    while (true) {
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (stopping_) return;
        std::function<void()> work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work_on(work);
        work = nullptr;   // destroys the captures before the lock is taken
        lock.lock();
    }
}

}   // namespace grid::storage
