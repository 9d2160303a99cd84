// tests/bench/policy/store_writer.cpp: see store_writer.hpp.
#include "policy/store_writer.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "storage/rocks_store.hpp"

namespace grid::bench {

namespace {

constexpr std::size_t puts_per_batch = 100;
constexpr std::size_t in_flight_max = 256;

}   // namespace

void give_up(const std::string& why) {
    std::fprintf(stderr, "bench: %s\n", why.c_str());
    std::exit(1);
}

StoreWriter::StoreWriter(const std::string& directory) {
    storage::RocksSettings rocks;
    rocks.path = directory + "/store";
    rocks.free_bytes_min = 0;
    std::filesystem::create_directories(directory);
    auto store = storage::open_rocks_store(rocks);
    if (!store) give_up(store.error().message());
    store_ = std::move(*store);
    if (!store_->scan([](const storage::KeyChange&) {})) give_up("cannot be scanned");
    store_->start([this](std::vector<storage::FeedEntry> entries) {
        const std::lock_guard lock(mutex_);
        for (const auto& entry : entries)
            if (!std::holds_alternative<storage::Committed>(entry)) give_up("refused");
        in_flight_ -= entries.size();
        arrived_.notify_one();
    });
}

void StoreWriter::put(std::string key, std::string value) {
    batch_.put(storage::Family::Control, std::move(key), std::move(value));
    flush_if_full();
}

void StoreWriter::flush_if_full() {
    if (batch_.operations.size() >= puts_per_batch) flush();
}

void StoreWriter::flush() {
    if (batch_.operations.empty()) return;
    wait_until_below(in_flight_max);
    {
        const std::lock_guard lock(mutex_);
        ++in_flight_;
    }
    if (!store_->submit(++last_, {}, std::exchange(batch_, {}))) give_up("no room");
}

void StoreWriter::finish() {
    flush();
    wait_until_below(1);
}

void StoreWriter::wait_until_below(std::size_t count) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return in_flight_ < count; });
}

}   // namespace grid::bench
