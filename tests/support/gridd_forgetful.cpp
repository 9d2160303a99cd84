// tests/support/gridd_forgetful.cpp: gridd on a disk that forgets and fails: what was not synced
// lives only in this process, so that kill -9 at any moment is a power loss.
#include <csignal>
#include <thread>

#include "faulty_fs.hpp"
#include "server/command_line.hpp"

namespace {

/// SIGUSR1: the next sync of the log fails, its bytes are lost. SIGUSR2: the same, but they landed.
/// SIGHUP: from now on nothing can be appended to any file; again SIGHUP: it can.
[[noreturn]] void take_orders(const sigset_t& orders, grid::test::FaultyFs& fs) {
    using Bytes = grid::test::FaultyFs::Bytes;
    constexpr int for_good = 1'000'000'000;
    bool is_broken = false;
    for (int order = 0;;) {
        if (sigwait(&orders, &order) != 0) continue;
        if (order == SIGHUP) {
            is_broken = !is_broken;
            fs.fail_appends(is_broken ? for_good : 0, rocksdb::IOStatus::IOError("on command"), "");
        } else {
            fs.fail_syncs(1, order == SIGUSR2 ? Bytes::Landed : Bytes::Lost);
        }
    }
}

}   // namespace

int main(int argc, char** argv) {
    const auto fs = std::make_shared<grid::test::FaultyFs>();
    static sigset_t orders;
    sigemptyset(&orders);
    for (int order : {SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&orders, order);
    pthread_sigmask(SIG_BLOCK, &orders, nullptr);   // before there are other threads
    std::thread([fs] { take_orders(orders, *fs); }).detach();
    return grid::server::run_command_line(argc, argv, fs);
}
