// tests/unit/server/systemd/notifier_test.cpp: the words that a service manager gets
// (sd_notify(3)).
#include "server/systemd/notifier.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <cstring>
#include <filesystem>

namespace notifier_test {

using grid::server::systemd::Notifier;
using grid::server::systemd::watchdog_limit;

namespace {

/// The manager's end: a socket that is bound to that address.
struct Manager {
    explicit Manager(const std::string& address) : path(address) {
        sockaddr_un own{};
        own.sun_family = AF_UNIX;
        std::memcpy(own.sun_path, address.data(), address.size());
        auto bytes = offsetof(sockaddr_un, sun_path) + address.size();
        if (address.starts_with('@'))
            own.sun_path[0] = '\0';
        else
            ++bytes;
        const auto* there = reinterpret_cast<const sockaddr*>(&own);
        REQUIRE(::bind(socket, there, static_cast<socklen_t>(bytes)) == 0);
    }
    ~Manager() {
        ::close(socket);
        if (path.starts_with('/')) std::filesystem::remove(path);
    }
    /// The next message; empty: none waits.
    std::string next() const {
        std::array<char, 4096> message{};
        const auto size = ::recv(socket, message.data(), message.size(), MSG_DONTWAIT);
        return size < 0 ? "" : std::string(message.data(), static_cast<std::size_t>(size));
    }
    std::string path;
    int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

std::string own_path() {
    const auto folder = std::filesystem::temp_directory_path();
    return (folder / ("gridd-notify-" + std::to_string(::getpid()))).string();
}

}   // namespace

TEST_CASE("a manager hears of start, reload, life and end") {
    for (const std::string& address : {own_path(), "@gridd-notify-" + std::to_string(::getpid())}) {
        const Manager manager(address);
        Notifier notifier(address);
        REQUIRE(notifier.is_on());
        notifier.ready();
        CHECK(manager.next() == "READY=1\nSTATUS=");
        notifier.beat("3 sessions");
        CHECK(manager.next() == "WATCHDOG=1\nSTATUS=3 sessions");
        notifier.reloading();
        const std::string word = manager.next();
        CHECK(word.starts_with("RELOADING=1\nMONOTONIC_USEC="));
        CHECK(std::stoll(word.substr(word.find("USEC=") + 5)) > 0);
        notifier.remark("the last reload\nWATCHDOG=trigger");
        notifier.ready();
        CHECK(manager.next() == "READY=1\nSTATUS=3 sessions; the last reload WATCHDOG=trigger");
        notifier.remark("");
        notifier.beat("4 sessions");
        CHECK(manager.next() == "WATCHDOG=1\nSTATUS=4 sessions");
        notifier.stopping();
        CHECK(manager.next() == "STOPPING=1\nSTATUS=ending");
        CHECK(manager.next().empty());
    }
}

TEST_CASE("without a manager nothing is sent, and one that is gone is no error") {
    for (const std::string& address :
         {std::string(), std::string("@"), std::string("run/notify"), std::string("vsock:2:1234"),
          "/" + std::string(200, 'a')}) {
        Notifier notifier(address);
        CHECK_FALSE(notifier.is_on());
        notifier.ready();
        notifier.beat("");
    }
    Notifier notifier(own_path() + "-gone");
    CHECK(notifier.is_on());
    notifier.ready();
}

TEST_CASE("a beat that finds no room does not wait") {
    const Manager manager(own_path());
    Notifier notifier(manager.path);
    for (int i = 0; i < 10'000; ++i) notifier.beat("");
    CHECK_FALSE(manager.next().empty());
}

TEST_CASE("the watchdog's limit is the manager's, for this process alone") {
    using std::chrono::microseconds;
    CHECK(watchdog_limit("30000000", "", 7) == microseconds(30'000'000));
    CHECK(watchdog_limit("30000000", "7", 7) == microseconds(30'000'000));
    CHECK_FALSE(watchdog_limit("30000000", "8", 7));
    CHECK_FALSE(watchdog_limit("30000000", "x", 7));
    for (const char* text : {"", "0", "-1", "30s", "1e6"}) CHECK_FALSE(watchdog_limit(text, "", 7));
}

}   // namespace notifier_test
