// server/reload/reload_watch.hpp: reloads that nobody asks for by REST: SIGHUP, and changes of the
// files.
#pragma once

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <optional>

#include "server/log.hpp"
#include "server/reload/reload.hpp"

namespace grid::server {

/// A thread of its own, which may wait for files. The kernel tells of changes in the folders of the
/// files (inotify(7)); where it does not, as for files of another machine, a look every ten seconds
/// finds them. A change is taken when a second has passed without another, since certificate and
/// key are two files.
class ReloadWatch {
public:
    ReloadWatch(Reload& reload, Log& log) : reload_(reload), log_(log) {}
    ~ReloadWatch() { stop(); }
    ReloadWatch(const ReloadWatch&) = delete;

    void start();
    /// A reload that is under way ends first. After `Reload::stop`, so that it does soon.
    void stop();
    /// SIGHUP came. Any thread.
    void signalled();

private:
    /// The folders as the names lead there now. Events that were not read are gone with the old
    /// ones: the files are looked at.
    void watch_anew();
    void listen_anew();
    void listen();
    void look_every();
    /// Something may have changed: files are looked at when it is quiet.
    void noticed();
    void take_changes();

    Reload& reload_;
    Log& log_;
    bool is_limited_ = false;   // the kernel does not tell; said once
    std::optional<std::chrono::steady_clock::time_point> since_;   // of the first change not taken
    std::array<char, 4096> events_{};
    boost::asio::thread_pool thread_{1};
    boost::asio::steady_timer quiet_{thread_.get_executor()}, look_{thread_.get_executor()};
    std::optional<boost::asio::posix::stream_descriptor> inotify_;
};

}   // namespace grid::server
