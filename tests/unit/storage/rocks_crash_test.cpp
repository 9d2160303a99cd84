// tests/unit/storage/rocks_crash_test.cpp: power loss takes nothing that was acknowledged.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "faulty_fs.hpp"
#include "store_harness.hpp"

#include <rocksdb/db.h>

namespace rocks_crash_test {

using namespace grid::test;

namespace {

std::string item_key(std::uint64_t number) { return "n" + std::to_string(number); }

constexpr int acks_fd = 3;

/// A child that commits until it is killed, and the numbers that it acknowledged.
class Committing {
public:
    explicit Committing(const std::string& path) {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], acks_fd);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        const std::string where = "GRID_CRASH_STORE=" + path;
        std::string name = "unit_storage", tag = "[crash-child]";
        char* arguments[] = {name.data(), tag.data(), nullptr};
        std::vector<char*> environment{const_cast<char*>(where.c_str())};
        for (char** variable = environ; *variable != nullptr; ++variable)
            environment.push_back(*variable);
        environment.push_back(nullptr);
        REQUIRE(
            ::posix_spawn(
                &child_, "/proc/self/exe", &actions, nullptr, arguments, environment.data()
            ) == 0
        );
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        acks_ = ends[0];
    }
    /// Reads acknowledgements until there are `count`, kills, and reads what is still in the pipe.
    std::vector<std::uint64_t> kill_after(std::size_t count) {
        std::vector<std::uint64_t> acks;
        std::uint64_t number = 0;
        bool killed = false;
        while (::read(acks_, &number, sizeof number) == sizeof number) {
            acks.push_back(number);
            if (acks.size() < count || killed) continue;
            ::kill(child_, SIGKILL);
            killed = true;
        }
        int status = 0;
        ::waitpid(child_, &status, 0);
        ::close(acks_);
        CHECK(WIFSIGNALED(status));
        return acks;
    }

private:
    pid_t child_ = 0;
    int acks_ = -1;
};

}   // namespace

TEST_CASE("commits until it is killed", "[.][crash-child]") {
    const char* path = std::getenv("GRID_CRASH_STORE");
    if (path == nullptr) return;   // not started by the test below
    RocksSettings settings;
    settings.path = path;
    settings.file_system = std::make_shared<FaultyFs>();
    auto store = open_rocks_store(settings).value();
    store->start([](std::vector<FeedEntry> entries) {
        for (const FeedEntry& entry : entries) {
            const auto* done = std::get_if<Committed>(&entry);
            if (done == nullptr) std::abort();
            if (::write(acks_fd, &done->ticket, sizeof done->ticket) < 0) std::abort();
        }
    });
    for (Ticket ticket = 1; ticket < 10'000'000; ++ticket) {
        Batch batch = put(item_key(ticket), "x");
        batch.put(Family::Payload, item_key(ticket), std::string(2'000 + ticket % 3'000, 'p'));
        while (!store->submit(ticket, {}, batch)) std::this_thread::yield();
    }
}

TEST_CASE("a power loss at any moment loses no acknowledged commit", "[rocks-crash]") {
    // Killed during the first groups, while write buffers are flushed, and well after.
    const std::size_t acks_wanted = GENERATE(1u, 300u, 5'000u, 20'000u);
    TemporaryDirectory directory;
    Committing child(directory.path());
    const auto acks = child.kill_after(acks_wanted);
    CHECK(acks.size() >= acks_wanted);
    for (std::size_t i = 0; i < acks.size(); ++i) REQUIRE(acks[i] == i + 1);

    RocksSettings settings;
    settings.path = directory.path();
    std::string log;
    settings.log = [&](LogLevel, std::string_view text) { log += std::string(text) + "\n"; };
    auto store = open_rocks_store(settings);
    INFO(log);
    REQUIRE(store);
    const auto view = (*store)->snapshot();
    for (std::uint64_t number : acks) {
        REQUIRE(view->get(Family::Control, item_key(number)).value());
        const auto payload = view->get(Family::Payload, item_key(number)).value();
        REQUIRE(payload);
        REQUIRE(payload->value.size() == 2'000 + number % 3'000);
    }
    CHECK((*store)->status().revision >= acks.size());
}

TEST_CASE("a power loss without a restart keeps what was committed", "[rocks-crash]") {
    auto fs = std::make_shared<FaultyFs>();
    RocksHarness h(fs);
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 20; ++i)
            REQUIRE(h.commit(put(item_key(static_cast<std::uint64_t>(i)), "x")).committed());
        const auto before = h.contents();
        fs->lose_unsynced();
        REQUIRE_FALSE(h.open());
        CHECK(h.contents() == before);
    }
}

TEST_CASE("the faulty file system does forget what is not synced", "[faulty-fs]") {
    TemporaryDirectory directory;
    auto fs = std::make_shared<FaultyFs>();
    const auto env = rocksdb::NewCompositeEnv(fs);
    rocksdb::Options options;
    options.env = env.get();
    options.create_if_missing = true;
    const auto open = [&] {
        rocksdb::DB* db = nullptr;
        const auto status = rocksdb::DB::Open(options, directory.path(), &db);
        INFO(status.ToString());
        REQUIRE(status.ok());
        return std::unique_ptr<rocksdb::DB>(db);
    };
    auto db = open();
    rocksdb::WriteOptions synced, careless;
    synced.sync = true;
    std::string value;
    REQUIRE(db->Put(synced, "synced", "1").ok());
    REQUIRE(db->Put(careless, "careless", "1").ok());
    CHECK(db->Get({}, "careless", &value).ok());
    SECTION("at a power loss") {
        CHECK(fs->unsynced_bytes() > 0);
        fs->lose_unsynced();
        db.reset();
        db = open();
        CHECK(db->Get({}, "synced", &value).ok());
        CHECK(db->Get({}, "careless", &value).IsNotFound());
    }
    SECTION("but not when the process closes and opens its files") {
        db.reset();
        db = open();
        CHECK(db->Get({}, "careless", &value).ok());
    }
    db.reset();
}

TEST_CASE("a new file has its name only after its directory was synced", "[faulty-fs]") {
    TemporaryDirectory directory;
    FaultyFs fs;
    const std::string name = directory.path() + "/new", other = directory.path() + "/other";
    std::unique_ptr<rocksdb::FSWritableFile> file;
    REQUIRE(fs.NewWritableFile(name, {}, &file, nullptr).ok());
    REQUIRE(file->Append("text", {}, nullptr).ok());
    REQUIRE(file->Sync({}, nullptr).ok());
    CHECK_FALSE(std::filesystem::exists(name));
    CHECK(fs.FileExists(name, {}, nullptr).ok());
    REQUIRE(fs.RenameFile(name, other, {}, nullptr).ok());
    CHECK(fs.FileExists(name, {}, nullptr).IsNotFound());
    std::vector<std::string> children;
    REQUIRE(fs.GetChildren(directory.path(), {}, &children, nullptr).ok());
    CHECK(children == std::vector<std::string>{"other"});
    SECTION("and goes with the power") {
        fs.lose_unsynced();
        CHECK(fs.FileExists(other, {}, nullptr).IsNotFound());
        CHECK_FALSE(file->Append("more", {}, nullptr).ok());
    }
    SECTION("and stays then") {
        std::unique_ptr<rocksdb::FSDirectory> parent;
        REQUIRE(fs.NewDirectory(directory.path(), {}, &parent, nullptr).ok());
        REQUIRE(parent->Fsync({}, nullptr).ok());
        REQUIRE(file->Append(" and more", {}, nullptr).ok());
        fs.lose_unsynced();
        CHECK(std::filesystem::file_size(other) == 4);
    }
}

}   // namespace rocks_crash_test
