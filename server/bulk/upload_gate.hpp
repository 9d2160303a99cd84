// server/bulk/upload_gate.hpp: one connection at a time fills a file; the newest one does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace grid::server::bulk {

/// A client whose connection broke comes back before the server has noticed: so that an earlier
/// connection gives way to a later one. Any thread; callbacks are called without the lock.
class UploadGate : public std::enable_shared_from_this<UploadGate> {
public:
    /// The right to fill that file, until it is destroyed.
    class Turn {
    public:
        Turn(std::shared_ptr<UploadGate> gate, std::string id)
            : gate_(std::move(gate)), id_(std::move(id)) {}
        ~Turn() { gate_->leave(id_); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        std::shared_ptr<UploadGate> gate_;
        std::string id_;
    };
    using TurnPtr = std::shared_ptr<Turn>;

    /// `entered` once: when the turn has come, or with null when a later connection came first.
    /// `give_way`: asks the holder to end soon; at most once, and only while it holds the turn.
    void enter(
        const std::string& id, std::function<void()> give_way, std::function<void(TurnPtr)> entered
    );
    /// The file's record is gone. True: no connection fills it. Else `then` is called when none
    /// does any more, so that what one of them still writes goes, too.
    bool remove(const std::string& id, std::function<void()> then);
    /// A connection fills that file, or has filled it a moment ago.
    bool is_held(const std::string& id) const;
    std::size_t size() const;

private:
    struct Waiting {
        std::function<void()> give_way;
        std::function<void(TurnPtr)> entered;
    };
    struct Holder {
        std::function<void()> give_way;   // null: it was asked
        std::unique_ptr<Waiting> next;
        std::function<void()> removed;
    };
    void leave(const std::string& id);

    mutable std::mutex mutex_;
    std::map<std::string, Holder> holders_;
};

}   // namespace grid::server::bulk
