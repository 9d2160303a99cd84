// server/audit/exporter.hpp: follows the audit in the store and hands its records on.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controller/audit/query.hpp"
#include "server/audit/sink.hpp"
#include "server/log.hpp"
#include "storage/store.hpp"

namespace grid::server::audit {

/// Of a cluster, in which one member exports at a time. Any thread.
struct ExportTurn {
    std::function<bool()> is_mine;
    std::function<void(std::uint64_t)> tell;   // the number of the last record handed on
    std::function<std::uint64_t()> told;       // last, by whichever member; 0: nothing
};

/// For operators. A member whose turn it is not has nothing that waits.
struct ExportStatus {
    std::string trouble;                    // why the receiver takes nothing; empty: it does
    std::chrono::milliseconds troubled{};   // for so long
    std::uint64_t waiting = 0;              // records that are not handed on yet
    std::uint64_t lost = 0;                 // since the start
};

/// A thread of its own, which reads committed records from its own position on: no client waits for
/// it, it holds a bounded number of records, and a receiver that is away gets them later. Records
/// that retention cuts meanwhile are lost, and the log says so. The place is kept in a file, so
/// that a restart goes on there; a crash may repeat records, which their numbers tell. A member
/// whose turn it is not follows the place of the one that has it, and goes on there when its turn
/// comes: what that one had not told is repeated, and nothing is left out.
class Exporter {
public:
    /// Without a stored position: records that are committed from now on.
    Exporter(
        storage::Store& store,
        std::unique_ptr<Sink> sink,
        std::filesystem::path place,
        Log& log,
        std::optional<ExportTurn> turn = {}
    );
    ~Exporter() { stop(); }
    Exporter(const Exporter&) = delete;

    void start();
    /// Transaction records are sent first, within a bound.
    void stop();
    /// Any thread.
    ExportStatus status() const;

private:
    static constexpr std::size_t records_at_once = 500;

    void run();
    /// Hands on what there is, up to a bound. True: there may be more.
    bool go_on();
    std::vector<controller::audit::Entry> read();
    bool follow(bool is_mine);
    bool takes_turn();
    void note_trouble(const std::string& trouble);
    void note_waiting(bool is_some);
    void count_lost(std::uint64_t count, const char* why);
    void note_place();

    storage::Store& store_;
    const std::unique_ptr<Sink> sink_;
    const std::filesystem::path place_;
    Log& log_;
    const std::optional<ExportTurn> turn_;
    bool was_mine_ = false;
    std::string after_;          // key of the last record handed on
    std::uint64_t number_ = 0;   // the audit record's number
    mutable std::mutex mutex_;   // of what follows
    std::uint64_t lost_ = 0, waiting_ = 0;
    std::string trouble_;   // that was logged
    std::chrono::steady_clock::time_point troubled_since_;
    std::condition_variable changed_;
    bool is_stopping_ = false;
    std::chrono::steady_clock::time_point stop_at_;
    std::thread thread_;
};

}   // namespace grid::server::audit
