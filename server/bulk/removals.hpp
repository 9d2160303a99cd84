// server/bulk/removals.hpp: the end of files' bytes, put off while a backup needs them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace grid::server::bulk {

/// Of files that have no record any more. A backup copies the store at one point, and links the
/// files that the copy knows afterwards, beside commits: a file whose record is removed in between
/// has to keep its bytes until then. Any thread.
class Removals : public std::enable_shared_from_this<Removals> {
public:
    /// `erase` takes the bytes away; it blocks on the disk.
    explicit Removals(std::function<void(const std::string& id)> erase)
        : erase_(std::move(erase)) {}

    /// At once, or when the last hold ends, on that one's thread.
    void remove(const std::string& id);
    /// As long as it lives nothing is erased.
    std::shared_ptr<void> hold();

private:
    void release();

    const std::function<void(const std::string& id)> erase_;
    std::mutex mutex_;
    int holds_ = 0;
    std::vector<std::string> waiting_;
};

}   // namespace grid::server::bulk
