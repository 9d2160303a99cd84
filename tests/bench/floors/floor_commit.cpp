// tests/bench/floors/floor_commit.cpp: the floor of publishing: append, fdatasync, answer.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "load/bench.hpp"
#include "load/histogram.hpp"
#include "load/process.hpp"
#include "load/report.hpp"

// A client thread keeps `outstanding` records under way, a committer thread takes all that wait,
// appends them with one write, calls fdatasync once and hands the answers back: what a server with
// a write-ahead log and group commit cannot do without, and nothing else.

namespace grid::bench {

namespace {

class Committer {
public:
    Committer(const std::string& path, std::size_t record_bytes)
        : path_(path),
          record_(record_bytes, 'r'),
          fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600)) {
        if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
    }
    ~Committer() {
        ::close(fd_);
        ::unlink(path_.c_str());
    }
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    void submit(std::vector<std::uint64_t> sent_times) {
        const std::lock_guard lock(mutex_);
        waiting_.insert(waiting_.end(), sent_times.begin(), sent_times.end());
        changed_.notify_all();
    }

    // All that was committed since the last call; waits for something.
    std::vector<std::uint64_t> committed() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !done_.empty(); });
        return std::exchange(done_, {});
    }

    void stop() {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }

    std::uint64_t syncs() const { return syncs_; }

    void run() {
        std::string group;
        while (true) {
            std::vector<std::uint64_t> times;
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
                if (stopping_) return;
                times.swap(waiting_);
            }
            group.clear();
            for (std::size_t i = 0; i < times.size(); ++i) group += record_;
            if (::write(fd_, group.data(), group.size()) != static_cast<ssize_t>(group.size()) ||
                ::fdatasync(fd_) != 0)
                throw std::system_error(errno, std::generic_category(), path_);
            ++syncs_;
            const std::lock_guard lock(mutex_);
            done_.insert(done_.end(), times.begin(), times.end());
            changed_.notify_all();
        }
    }

private:
    std::string path_;
    std::string record_;
    int fd_;
    std::uint64_t syncs_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::uint64_t> waiting_;   // by the time each was sent
    std::vector<std::uint64_t> done_;
    bool stopping_ = false;
};

void measure(const std::string& path, std::size_t outstanding, double seconds) {
    constexpr std::size_t record_bytes = 1024;
    Committer committer(path, record_bytes);
    std::thread thread([&committer] { committer.run(); });
    Histogram latency;
    Meter meter(0);
    meter.start();
    const std::uint64_t begin = now_ns(), end = begin + to_ns(seconds);
    committer.submit(std::vector<std::uint64_t>(outstanding, begin));
    while (now_ns() < end) {
        std::vector<std::uint64_t> times = committer.committed();
        const std::uint64_t now = now_ns();
        for (std::uint64_t& time : times) {
            latency.record(now - time);
            time = now;
        }
        committer.submit(std::move(times));
    }
    meter.stop();
    const double elapsed = meter.seconds();
    committer.stop();
    thread.join();
    const auto count = static_cast<double>(latency.count());
    Report report("publish", "floor");
    report.number("outstanding", static_cast<double>(outstanding))
        .number("per_second", count / elapsed, 1)
        .number("p50_ms", latency.percentile_ms(50), 3)
        .number("p99_ms", latency.percentile_ms(99), 3)
        .number("max_ms", latency.max_ms(), 3)
        .number("syncs_per_second", static_cast<double>(committer.syncs()) / elapsed, 1)
        .number("server_cpu_us", meter.own_cpu() / count * 1e6, 2)
        .number("others_cpu_percent", meter.others_percent(), 1)
        .print();
}

// One record at each of these times, whether the one before was written or not, over the bytes of a
// file that is there: what a disk makes one writer wait beside others, at next to no cost to them.
void measure_paced(const std::string& path, double seconds, double every_ms) {
    constexpr std::size_t record_bytes = 1024, file_bytes = 1024 * 1024;
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) throw std::system_error(errno, std::generic_category(), path);
    const std::string zeros(file_bytes, '\0'), record(record_bytes, 'r');
    const auto write = [&](const std::string& bytes, std::size_t at) {
        if (::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at)) !=
                static_cast<ssize_t>(bytes.size()) ||
            ::fdatasync(file) != 0)
            throw std::system_error(errno, std::generic_category(), path);
    };
    write(zeros, 0);
    Histogram latency;
    const std::uint64_t begin = now_ns(), end = begin + to_ns(seconds);
    std::size_t count = 0;
    for (std::uint64_t due = begin; due < end; due += to_ns(every_ms / 1000)) {
        if (const std::uint64_t now = now_ns(); now < due)
            std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
        write(record, count++ * record_bytes % file_bytes);
        latency.record(now_ns() - due);
    }
    ::close(file);
    ::unlink(path.c_str());
    Report report("publish", "floor");
    report.number("every_ms", every_ms)
        .number("p50_ms", latency.percentile_ms(50), 3)
        .number("p99_ms", latency.percentile_ms(99), 3)
        .number("max_ms", latency.max_ms(), 3)
        .print();
}

}   // namespace

}   // namespace grid::bench

int main(int argc, char** argv) {
    const double seconds = argc > 2 ? std::atof(argv[2]) : 0;
    if (argc < 4 || seconds <= 0 || seconds > 60) {
        std::fprintf(
            stderr,
            "floor_commit FILE SECONDS OUTSTANDING...\nfloor_commit FILE SECONDS --every MS\n"
        );
        return 2;
    }
    try {
        if (std::string(argv[3]) == "--every") {
            const double every_ms = argc == 5 ? std::atof(argv[4]) : 0;
            if (every_ms < 1) throw std::runtime_error("--every takes at least 1 ms");
            grid::bench::measure_paced(argv[1], seconds, every_ms);
            return 0;
        }
        for (int i = 3; i < argc; ++i) {
            const int outstanding = std::atoi(argv[i]);
            if (outstanding < 1) throw std::runtime_error("outstanding must be at least 1");
            grid::bench::measure(argv[1], static_cast<std::size_t>(outstanding), seconds);
        }
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "floor_commit: %s\n", error.what());
        return 1;
    }
}
