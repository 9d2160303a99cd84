// tests/unit/server/bulk/upload_test.cpp: files on disk: filled in parts, by one connection at a
// time; nothing is left where there is no room.
#include "server/bulk/upload.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "server/bulk/upload_gate.hpp"

namespace upload_test {

namespace fs = std::filesystem;
namespace bulk = grid::server::bulk;

namespace {

const std::string id(32, 'a');
const std::string abc_hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct Data {
    Data() {
        path =
            fs::temp_directory_path() / ("gridd-upload-" + std::to_string(std::random_device{}()));
        fs::create_directory(path);
    }
    ~Data() { fs::remove_all(path); }
    fs::path path;
};

struct UploadStage : Data {
    bulk::FileFolder folder = *bulk::FileFolder::open(path);
    fs::path file = path / "files" / id;
};

}   // namespace

TEST_CASE("an upload that breaks off goes on, and its hash is that of the whole", "[files]") {
    UploadStage stage;
    {
        bulk::Upload first(stage.folder, id, 0);
        CHECK(*first.open() == 0);
        CHECK_FALSE(first.begin(0, 3));
        CHECK_FALSE(first.write(std::string("abx")));
        CHECK(first.offset() == 3);
    }
    bulk::Upload second(stage.folder, id, 0);
    CHECK(*second.open() == 3);
    CHECK_FALSE(second.begin(2, 1));   // the third byte is sent again
    while (!second.is_hashed()) CHECK_FALSE(second.hash_some());
    second.hash(std::string("c"));
    CHECK_FALSE(second.write(std::string("c")));
    CHECK(*second.finish() == abc_hash);
    CHECK(fs::file_size(stage.file) == 3);
    CHECK(stage.folder.size_of(id) == 3);
    CHECK(stage.folder.names() == std::vector<std::string>{id});
    second.discard();
    CHECK_FALSE(fs::exists(stage.file));
    CHECK(stage.folder.size_of(id) == 0);
}

TEST_CASE("the reserve of the disk is kept", "[files]") {
    UploadStage stage;
    bulk::Upload upload(stage.folder, id, stage.folder.free_bytes() * 2);
    REQUIRE(upload.open().has_value());
    CHECK(bulk::is_disk_full(upload.begin(0, 1)));
}

TEST_CASE("a link in the folder is not followed", "[files]") {
    UploadStage stage;
    std::ofstream(stage.path / "secret") << "secret";
    fs::create_symlink(stage.path / "secret", stage.file);
    CHECK_FALSE(stage.folder.open_to_read(id).has_value());
    CHECK_FALSE(stage.folder.open_to_write(id).has_value());
}

TEST_CASE("the newest connection fills a file", "[files]") {
    const auto gate = std::make_shared<bulk::UploadGate>();
    std::vector<std::string> said;
    bulk::UploadGate::TurnPtr first, second, third;
    const auto enter = [&](const std::string& name, bulk::UploadGate::TurnPtr& turn) {
        gate->enter(
            id, [&said, name] { said.push_back(name + " gives way"); },
            [&said, &turn, name](bulk::UploadGate::TurnPtr given) {
                said.push_back(name + (given ? " enters" : " is too late"));
                turn = std::move(given);
            }
        );
    };
    enter("1", first);
    enter("2", second);
    enter("3", third);
    CHECK(said == std::vector<std::string>{"1 enters", "1 gives way", "2 is too late"});
    first.reset();
    CHECK(said.back() == "3 enters");
    enter("4", second);
    CHECK(said.back() == "3 gives way");
    third.reset();
    CHECK(said.back() == "4 enters");
    CHECK_FALSE(gate->remove(id, [&] { said.emplace_back("its bytes go"); }));
    second.reset();
    CHECK(said.back() == "its bytes go");
    CHECK(gate->size() == 0);
    CHECK(gate->remove(id, {}));
}

}   // namespace upload_test
