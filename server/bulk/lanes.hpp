// server/bulk/lanes.hpp: threads of their own for byte streams.
#pragma once

#include <sched.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/guarded_run.hpp"
#include "server/log.hpp"
#include "server/net/channel.hpp"

namespace grid::server::bulk {

/// This thread takes the processor from no other at once when it wakes. More bytes are there when
/// its turn comes: fewer waits for each GiB, and the reactor's threads finish theirs. Where the
/// system refuses it, the thread is one like any other.
inline void wake_without_haste() {
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
}

/// Contexts of one thread each, which begins with the first strand on it. A relay has little to do
/// between two waits. On a context of many threads, each wait that is over wakes another thread,
/// which takes over the waiting, and so does each segment that arrives meanwhile. The kernel shares
/// the processors between these threads and the reactor's.
class Lanes {
public:
    /// At most `count` threads, and at least one.
    Lanes(std::size_t count, Log& log) : count_(std::max<std::size_t>(count, 1)), log_(log) {}
    /// When no owner of a strand of a lane is left.
    ~Lanes() = default;
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

    /// A new one, on each lane in turn. Any thread.
    net::Strand strand() {
        const std::lock_guard lock(mutex_);
        const std::size_t number = next_++ % count_;
        if (number == lanes_.size()) lanes_.push_back(std::make_unique<Lane>(log_));
        return lanes_[number]->strand();
    }
    /// The threads do the work that was posted before, and end; handlers that still wait are
    /// destroyed. When strands are not asked for any more, and on no lane.
    void stop() {
        for (const auto& lane : lanes_) lane->stop();
    }

private:
    class Lane {
    public:
        explicit Lane(Log& log)
            : thread_([this, &log] {
                  wake_without_haste();
                  run_guarded(context_, log);
              }) {}
        ~Lane() { stop(); }
        Lane(const Lane&) = delete;
        Lane& operator=(const Lane&) = delete;

        net::Strand strand() { return boost::asio::make_strand(context_.get_executor()); }
        void stop() {
            if (!thread_.joinable()) return;
            stop_behind(strand_turns);
            thread_.join();
            work_.reset();
            context_.shutdown();
        }

    private:
        /// A strand does work that was posted while one of its handlers ran after its next turn,
        /// which stands behind the work that the context had before.
        static constexpr int strand_turns = 2;
        void stop_behind(int turns) {
            boost::asio::post(context_, [this, turns] {
                turns == 0 ? context_.stop() : stop_behind(turns - 1);
            });
        }

        struct Context : boost::asio::io_context {
            Context() : boost::asio::io_context(1) {}   // one thread: no other is ever woken
            using boost::asio::io_context::shutdown;
        };
        Context context_;
        boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
            context_.get_executor()
        };
        std::thread thread_;
    };

    const std::size_t count_;
    Log& log_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::size_t next_ = 0;
};

}   // namespace grid::server::bulk
