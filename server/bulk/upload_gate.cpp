// server/bulk/upload_gate.cpp: see server/bulk/upload_gate.hpp.
#include "server/bulk/upload_gate.hpp"

#include <utility>

namespace grid::server::bulk {

void UploadGate::enter(
    const std::string& id, std::function<void()> give_way, std::function<void(TurnPtr)> entered
) {
    std::function<void()> ask;
    std::unique_ptr<Waiting> displaced;
    bool is_first = false;
    {
        const std::lock_guard lock(mutex_);
        const auto [at, is_new] = holders_.try_emplace(id);
        is_first = is_new;
        if (is_new) {
            at->second.give_way = std::move(give_way);
        } else {
            ask = std::exchange(at->second.give_way, nullptr);
            displaced = std::exchange(
                at->second.next,
                std::make_unique<Waiting>(Waiting{std::move(give_way), std::move(entered)})
            );
        }
    }
    if (is_first) return entered(std::make_shared<Turn>(shared_from_this(), id));
    if (displaced) displaced->entered(nullptr);
    if (ask) ask();
}

void UploadGate::leave(const std::string& id) {
    std::function<void(TurnPtr)> entered;
    std::function<void()> removed;
    {
        const std::lock_guard lock(mutex_);
        const auto at = holders_.find(id);
        if (at == holders_.end()) return;
        if (const auto next = std::exchange(at->second.next, nullptr)) {
            at->second.give_way = std::move(next->give_way);
            entered = std::move(next->entered);
        } else {
            removed = std::move(at->second.removed);
            holders_.erase(at);
        }
    }
    if (removed) removed();
    if (entered) entered(std::make_shared<Turn>(shared_from_this(), id));
}

bool UploadGate::remove(const std::string& id, std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    const auto at = holders_.find(id);
    if (at == holders_.end()) return true;
    at->second.removed = std::move(then);
    return false;
}

bool UploadGate::is_held(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return holders_.contains(id);
}

std::size_t UploadGate::size() const {
    const std::lock_guard lock(mutex_);
    return holders_.size();
}

}   // namespace grid::server::bulk
