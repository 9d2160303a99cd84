// tests/unit/server/backup/backups_test.cpp: files that are removed while a backup is made.
#include "server/backup/backups.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <thread>

#include "controller/bulk/file.hpp"
#include "server/bulk/removals.hpp"
#include "storage/rocks_store.hpp"

namespace backups_test {

using namespace grid;
using server::backup::Backups;
namespace fs = std::filesystem;

namespace {

const std::string first(32, 'a'), second(32, 'b'), half(32, 'c');

/// A store on disk, with `behind` called behind the point of each copy.
class PointedStore final : public storage::Store {
public:
    explicit PointedStore(const fs::path& path) {
        storage::RocksSettings settings;
        settings.path = path.string();
        settings.free_bytes_min = 1;
        auto opened = storage::open_rocks_store(settings);
        REQUIRE(opened.has_value());
        below_ = std::move(*opened);
        REQUIRE(below_->scan([](const storage::KeyChange&) {}).has_value());
    }
    void start(storage::FeedHandler handler) override { below_->start(std::move(handler)); }
    bool submit(storage::Ticket ticket, storage::Sender sender, storage::Batch batch) override {
        return below_->submit(ticket, sender, std::move(batch));
    }
    storage::Result<storage::Revision> scan(
        const std::function<void(const storage::KeyChange&)>& apply
    ) override {
        return below_->scan(apply);
    }
    std::unique_ptr<storage::Snapshot> snapshot() override { return below_->snapshot(); }
    void read(std::function<void(const storage::Snapshot&)> work) override {
        below_->read(std::move(work));
    }
    storage::StoreStatus status() const override { return below_->status(); }
    boost::system::error_code reopen() override { return below_->reopen(); }
    boost::system::error_code checkpoint(
        const std::string& directory, const std::function<void()>& at_that_point
    ) override {
        const auto error = below_->checkpoint(directory, at_that_point);
        if (behind) behind();
        return error;
    }

    std::function<void()> behind;

private:
    std::unique_ptr<storage::Store> below_;
};

class BackupStage {
public:
    BackupStage() : folder_(make()), store(folder_ / "store") {
        fs::create_directory(folder_ / "files");
        storage::Batch batch;
        for (const std::string& id : {first, second, half}) {
            std::ofstream(files() / id) << "bytes of " << id;
            controller::bulk::File file;
            file.id = id;
            file.owner = "ann@grid.example";
            file.size = 41;
            file.hash = std::string(64, 'd');
            file.is_complete = id != half;
            batch.put(
                storage::Family::Control, controller::bulk::file_key(id),
                controller::bulk::encode(file)
            );
        }
        std::promise<void> committed;
        store.start([&](const std::vector<storage::FeedEntry>&) { committed.set_value(); });
        REQUIRE(store.submit(1, {}, std::move(batch)));
        committed.get_future().wait();
    }
    ~BackupStage() {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    fs::path files() const { return folder_ / "files"; }
    fs::path backup(const std::string& name) const { return folder_ / "backups" / name; }
    server::backup::BackupSettings settings() const {
        return {folder_, {}, 7, 1, "grid.example", "1", false};
    }
    /// Makes one, to its end.
    controller::BackupView make_one(Backups& backups) {
        REQUIRE(backups.begin().has_value());
        using State = controller::BackupView::State;
        while (backups.list().at(0).state == State::Running) std::this_thread::yield();
        return backups.list().at(0);
    }

private:
    static fs::path make() {
        std::string path = (fs::temp_directory_path() / "gridd-unit-XXXXXX").string();
        REQUIRE(::mkdtemp(path.data()) != nullptr);
        return path;
    }
    const fs::path folder_;

public:
    PointedStore store;
    server::Log log{server::LogSettings{"off", "text"}};
};

}   // namespace

TEST_CASE("a backup has the uploads of its point, also those that are removed behind it") {
    BackupStage stage;
    const auto removals = std::make_shared<server::bulk::Removals>([&](const std::string& id) {
        fs::remove(stage.files() / id);
    });
    Backups backups(stage.store, stage.settings(), stage.log);
    backups.attach([removals] { return removals->hold(); });
    stage.store.behind = [&] {
        removals->remove(first);
        CHECK(fs::exists(stage.files() / first));
    };
    const auto made = stage.make_one(backups);
    REQUIRE(made.reason.empty());
    REQUIRE(made.state == controller::BackupView::State::Complete);
    CHECK(fs::exists(stage.backup(made.name) / "files" / first));
    CHECK(fs::exists(stage.backup(made.name) / "files" / second));
    CHECK_FALSE(fs::exists(stage.backup(made.name) / "files" / half));
    CHECK_FALSE(fs::exists(stage.files() / first));
    CHECK(fs::exists(stage.files() / second));
}

TEST_CASE("a backup that lacks an upload is none") {
    BackupStage stage;
    Backups backups(stage.store, stage.settings(), stage.log);
    stage.store.behind = [&] { fs::remove(stage.files() / first); };
    const auto made = stage.make_one(backups);
    CHECK(made.state == controller::BackupView::State::Failed);
    CHECK(made.reason.find(first) != std::string::npos);
    CHECK(fs::is_empty(stage.backup("")));
}

}   // namespace backups_test
