// server/bulk/removals.cpp: see server/bulk/removals.hpp.
#include "server/bulk/removals.hpp"

#include <utility>

namespace grid::server::bulk {

void Removals::remove(const std::string& id) {
    {
        const std::lock_guard lock(mutex_);
        if (holds_ > 0) return waiting_.push_back(id);
    }
    erase_(id);
}

std::shared_ptr<void> Removals::hold() {
    {
        const std::lock_guard lock(mutex_);
        ++holds_;
    }
    return {static_cast<void*>(this), [self = shared_from_this()](void*) { self->release(); }};
}

void Removals::release() {
    std::vector<std::string> ready;
    {
        const std::lock_guard lock(mutex_);
        if (--holds_ == 0) ready.swap(waiting_);
    }
    for (const std::string& id : ready) erase_(id);
}

}   // namespace grid::server::bulk
