// server/reload/reload_watch.cpp: see reload_watch.hpp.
#include "server/reload/reload_watch.hpp"

#include <sys/inotify.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "server/guarded_run.hpp"

namespace grid::server {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto quiet_for = std::chrono::seconds(1);
/// A file that is written all the time does not put a reload off for ever.
constexpr auto put_off_max = std::chrono::seconds(10);
constexpr auto look_again_every = std::chrono::seconds(10);
/// Files that are closed after writing, links and files that are swapped, rights that change.
constexpr std::uint32_t changes = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                  IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
                                  IN_ONLYDIR;

}   // namespace

void ReloadWatch::start() {
    asio::post(thread_, [this] {
        watch_anew();
        look_every();
    });
}

void ReloadWatch::stop() {
    thread_.stop();
    thread_.join();
}

void ReloadWatch::signalled() {
    asio::post(thread_, [this] {
        guarded(log_, "reload", [this] {
            reload_.run(pubsub::Principal::system(), "SIGHUP");
            watch_anew();
        });
    });
}

void ReloadWatch::watch_anew() {
    listen_anew();
    if (reload_.is_on_change() && !reload_.changed_files().empty()) noticed();
}

void ReloadWatch::listen_anew() {
    inotify_.reset();
    if (!reload_.is_on_change()) return;
    const int number = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    int failed = number < 0 ? errno : 0;
    if (number >= 0) {
        inotify_.emplace(thread_.get_executor(), number);
        for (const auto& folder : folders_of(reload_.files()))
            if (::inotify_add_watch(number, folder.c_str(), changes) < 0) failed = errno;
    }
    if (failed != 0 && !std::exchange(is_limited_, true))
        log_.warn(
            "reload_watch_limited",
            {{"reason", std::generic_category().message(failed)},
             {"do", "changes of files are seen within ten seconds; see fs.inotify in sysctl"}}
        );
    if (inotify_) listen();
}

/// The events do not matter by themselves: the files are looked at.
void ReloadWatch::listen() {
    inotify_->async_read_some(asio::buffer(events_), [this](error_code error, std::size_t) {
        if (error) return;   // watched anew
        noticed();
        listen();
    });
}

void ReloadWatch::look_every() {
    look_.expires_after(look_again_every);
    look_.async_wait([this](error_code error) {
        if (error) return;
        guarded(log_, "reload", [this] {
            if (!since_) watch_anew();
        });
        look_every();
    });
}

void ReloadWatch::noticed() {
    const auto now = Clock::now();
    if (!since_) since_ = now;
    quiet_.expires_at(std::min(now + quiet_for, *since_ + put_off_max));
    quiet_.async_wait([this](error_code error) {
        if (error) return;   // put off
        since_.reset();
        guarded(log_, "reload", [this] { take_changes(); });
    });
}

void ReloadWatch::take_changes() {
    listen_anew();   // first: a change behind the look is heard of
    if (!reload_.is_on_change()) return;
    const auto changed = reload_.changed_files();
    if (changed.empty()) return;
    std::string names;
    for (const std::string& name : changed) names += (names.empty() ? "" : ", ") + name;
    reload_.run(pubsub::Principal::system(), "file change: " + names);
    watch_anew();
}

}   // namespace grid::server
