// tests/unit/server/cluster/shared_files_test.cpp: files on members in one process, joined by links
// in memory.
#include "server/cluster/files/shared_files.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>

#include "memory_links.hpp"
#include "server/bulk/digest.hpp"
#include "server/cluster/control.hpp"

namespace shared_files_test {

using namespace grid::server;
using namespace grid::server::cluster;
using bulk::FileFolder;
using bulk::FileForm;
using bulk::KnownFile;
using grid::test::MemoryLinks;
using grid::test::Switchboard;
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

std::string hash_of(const std::string& bytes) {
    bulk::Digest digest;
    digest.add(bytes);
    return digest.take();
}

/// Several pieces, the last of which is not full.
std::string shared_content(char seed = 'a') {
    std::string bytes(1'000'003, seed);
    for (std::size_t i = 0; i < bytes.size(); i += 97) bytes[i] = static_cast<char>(i / 97 + 1);
    return bytes;
}

KnownFile known(char id, const std::string& bytes) {
    return {std::string(32, id), bytes.size(), hash_of(bytes)};
}

/// One member: a folder, its store, its links.
struct Sharer {
    Sharer(
        asio::io_context& context,
        Switchboard& board,
        Log& log,
        Member member,
        fs::path folder,
        const SharedFilesSettings& settings,
        std::uint64_t free_bytes_min
    )
        : self(std::move(member)), path(std::move(folder)), links(board, self) {
        fs::create_directories(path);
        store = std::make_unique<bulk::FileStore>(
            *FileFolder::open(path, FileFolder::Parts::Apart), 2, free_bytes_min
        );
        files = SharedFiles::make(context, links, settings, log);
        files->start(*store, [this](std::string, const SharedFiles::Listed& done) {
            done(records, std::nullopt);
        });
    }
    ~Sharer() {
        store->stop();
        files->stop();
    }
    void writes(const std::string& name, const std::string& bytes) const {
        std::ofstream(path / "files" / name) << bytes;
    }
    /// nullopt: there is none of that name.
    std::optional<std::string> reads(const std::string& name) const {
        std::ifstream file(path / "files" / name);
        if (!file) return std::nullopt;
        return std::string(std::istreambuf_iterator<char>(file), {});
    }
    std::vector<std::string> names() const { return store->folder().names(); }

    Member self;
    fs::path path;
    MemoryLinks links;
    std::vector<KnownFile> records;   // complete, when this member starts
    std::unique_ptr<bulk::FileStore> store;
    std::shared_ptr<SharedFiles> files;
};

struct SharingStage {
    explicit SharingStage(std::size_t count, std::uint64_t free_bytes_min_of_last = 0) {
        settings.again_after = settings.room_again_after = std::chrono::milliseconds(50);
        settings.answer_max = settings.extent_max = std::chrono::milliseconds(2'000);
        settings.keep_silence_max = std::chrono::milliseconds(2'000);
        folder =
            fs::temp_directory_path() / ("gridd-shared-" + std::to_string(std::random_device{}()));
        for (std::size_t i = 0; i < count; ++i) {
            Member member;
            member.id = i + 1;
            member.name = "m" + std::to_string(i);
            members.push_back(member);
        }
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(std::make_unique<Sharer>(
                context, board, log, members[i], folder / members[i].name, settings,
                i + 1 == count ? free_bytes_min_of_last : 0
            ));
    }
    ~SharingStage() {
        all.clear();
        fs::remove_all(folder);
    }
    Sharer& operator[](std::size_t member) { return *all.at(member); }
    void joins() {
        for (std::size_t i = 0; i < all.size(); ++i) {
            std::vector<Member> others;
            for (const Member& member : members)
                if (member.id != members[i].id) others.push_back(member);
            all[i]->files->set_members(others);
            for (std::size_t j = 0; j < i; ++j) board.connect(members[j].id, members[i].id);
        }
    }
    bool waits(const std::function<bool()>& is_so) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!is_so()) {
            if (std::chrono::steady_clock::now() > until) return false;
            context.restart();
            context.run_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    /// The answer to one question; `ask` gets the callback.
    template <class Value, class Ask>
    Value answer(const Ask& ask) {
        auto mutex = std::make_shared<std::mutex>();
        auto value = std::make_shared<std::optional<Value>>();
        ask([mutex, value](Value got) {
            const std::lock_guard lock(*mutex);
            *value = std::move(got);
        });
        REQUIRE(waits([&] {
            const std::lock_guard lock(*mutex);
            return value->has_value();
        }));
        return std::move(**value);
    }
    bulk::RemoteFiles::Kept keeps(std::size_t member, const KnownFile& file) {
        return answer<bulk::RemoteFiles::Kept>([&](auto done) {
            all[member]->files->keep(file, done);
        });
    }
    std::optional<std::string> reads_from(
        std::size_t member, const KnownFile& file, std::uint64_t from, std::size_t count
    ) {
        return answer<std::optional<std::string>>([&](auto done) {
            all[member]->files->read(file, from, count, done);
        });
    }

    asio::io_context context;
    Switchboard board{context};
    Log log{LogSettings{"off", "text"}};
    SharedFilesSettings settings;
    fs::path folder;
    std::vector<Member> members;
    std::vector<std::unique_ptr<Sharer>> all;
};

}   // namespace

TEST_CASE("a file that is missing is fetched from a member that has it", "[shared_files]") {
    SharingStage stage(3);
    const std::string bytes = shared_content();
    const KnownFile file = known('a', bytes);
    stage[2].writes(file.id, bytes);
    stage[0].records = {file};
    REQUIRE(stage.waits([&] { return stage[0].files->figures().missing == 1; }));
    CHECK(stage[0].files->figures().missing_bytes == bytes.size());
    stage.joins();
    REQUIRE(stage.waits([&] { return stage[0].files->figures().missing == 0; }));
    CHECK(stage[0].reads(file.id) == bytes);
    CHECK(stage[0].names() == std::vector{file.id});
    CHECK(stage[0].files->figures().fetched == 1);
    CHECK(stage[0].files->figures().fetched_bytes == bytes.size());
}

TEST_CASE("other bytes than the file's never become the file", "[shared_files]") {
    SharingStage stage(2);
    const std::string bytes = shared_content();
    std::string damaged = bytes;
    damaged[500'000] ^= 1;
    const KnownFile file = known('a', bytes);
    stage[1].writes(file.id, damaged);
    // A part that was left here, while the upload went on elsewhere with other bytes.
    stage[0].writes(file.id + ".part", damaged);
    stage[0].records = {file};
    stage.joins();
    REQUIRE(stage.waits([&] { return stage.board.frames > 20; }));
    CHECK_FALSE(stage[0].reads(file.id));
    CHECK_FALSE(stage[0].reads(file.id + ".part"));
    CHECK(stage[0].files->figures().missing == 1);
    stage[1].writes(file.id, bytes);
    REQUIRE(stage.waits([&] { return stage[0].files->figures().missing == 0; }));
    CHECK(stage[0].reads(file.id) == bytes);
}

TEST_CASE("a whole part that a crash has left becomes the file without a link", "[shared_files]") {
    SharingStage stage(1);
    const std::string bytes = shared_content();
    const KnownFile one = known('a', bytes), other = known('b', bytes);
    stage[0].writes(one.id + ".part", bytes);
    stage[0].writes(other.id + ".copy", bytes);
    stage[0].records = {one, other};
    REQUIRE(stage.waits([&] { return stage[0].reads(one.id) && stage[0].reads(other.id); }));
    CHECK(stage[0].names().size() == 2);
}

TEST_CASE("an upload is kept by another member before it is complete", "[shared_files]") {
    SharingStage stage(2);
    stage.joins();
    const std::string bytes = shared_content();
    const KnownFile file = known('a', bytes);
    stage[0].writes(file.id + ".part", bytes);
    const auto kept = stage.keeps(0, file);
    CHECK_FALSE(kept.is_failed);
    CHECK(stage[1].reads(file.id + ".copy") == bytes);
    CHECK_FALSE(stage[1].reads(file.id));
    stage[1].files->completed(file);
    REQUIRE(stage.waits([&] { return stage[1].reads(file.id).has_value(); }));
    CHECK(stage[1].names() == std::vector{file.id});
    CHECK(stage[1].files->figures().fetched == 0);   // the copy was there
}

TEST_CASE("an upload that is kept and then completed with other bytes", "[shared_files]") {
    SharingStage stage(2);
    stage.joins();
    const std::string bytes = shared_content(), others = shared_content('z');
    const KnownFile before = known('a', bytes), file = known('a', others);
    stage[0].writes(file.id + ".part", bytes);
    CHECK_FALSE(stage.keeps(0, before).is_failed);
    stage[0].writes(file.id, others);
    stage[1].files->completed(file);
    REQUIRE(stage.waits([&] { return stage[1].reads(file.id).has_value(); }));
    CHECK(stage[1].reads(file.id) == others);
}

TEST_CASE("why an upload is not kept elsewhere", "[shared_files]") {
    const std::string bytes = shared_content();
    const KnownFile file = known('a', bytes);
    SECTION("a member is there and has no room") {
        SharingStage stage(2, std::uint64_t{1} << 60);
        stage.joins();
        stage[0].writes(file.id + ".part", bytes);
        const auto kept = stage.keeps(0, file);
        CHECK(kept.is_failed);
        CHECK(kept.failure == "m1: its disk has no room for the file");
        CHECK(stage[1].names().empty());
    }
    SECTION("a member is there and no connection leads to it") {
        SharingStage stage(2);
        stage.joins();
        stage.board.cut(1, 2);
        stage[0].writes(file.id + ".part", bytes);
        const auto kept = stage.keeps(0, file);
        CHECK(kept.is_failed);
        CHECK(kept.failure == "m1: it is not connected");
    }
    SECTION("a connection that ends in the middle") {
        SharingStage stage(2);
        stage.joins();
        stage[0].writes(file.id + ".part", bytes);
        std::optional<bulk::RemoteFiles::Kept> kept;
        stage.board.arrive_most = stage.board.frames + 4;
        stage[0].files->keep(file, [&](bulk::RemoteFiles::Kept got) { kept = std::move(got); });
        REQUIRE(stage.waits([&] { return stage.board.frames >= stage.board.arrive_most; }));
        stage.board.cut(1, 2);
        REQUIRE(stage.waits([&] { return kept.has_value(); }));
        CHECK(kept->is_failed);
        REQUIRE(stage.waits([&] { return stage[1].names().empty(); }));
    }
    SECTION("another member takes it") {
        SharingStage stage(3, std::uint64_t{1} << 60);
        stage.joins();
        stage[0].writes(file.id + ".part", bytes);
        CHECK_FALSE(stage.keeps(0, file).is_failed);
        CHECK(stage[1].reads(file.id + ".copy") == bytes);
    }
    SECTION("no other member is there: that is no failure") {
        SharingStage stage(1);
        stage.joins();
        stage[0].writes(file.id + ".part", bytes);
        CHECK_FALSE(stage.keeps(0, file).is_failed);
    }
    SECTION("nor is one that takes no clients yet") {
        SharingStage stage(2);
        stage.members[1].flushed_group = serves_nobody;
        stage.joins();
        stage.board.cut(1, 2);
        stage[0].writes(file.id + ".part", bytes);
        CHECK_FALSE(stage.keeps(0, file).is_failed);
    }
}

TEST_CASE("a part of a file is read from the member that has it", "[shared_files]") {
    SharingStage stage(3, std::uint64_t{1} << 60);   // the last one has no room to keep it
    stage.joins();
    const std::string bytes = shared_content();
    const KnownFile file = known('a', bytes);
    stage[1].writes(file.id, bytes);
    CHECK(stage.reads_from(2, file, 400'000, 1'000) == bytes.substr(400'000, 1'000));
    CHECK(stage.reads_from(2, file, bytes.size() - 3, 3) == bytes.substr(bytes.size() - 3));
    CHECK(stage[2].names().empty());
    CHECK(stage[2].files->figures().missing == 1);
    // Wherever there is room it is fetched because it was asked for.
    CHECK(stage.reads_from(0, file, 0, 10) == bytes.substr(0, 10));
    REQUIRE(stage.waits([&] { return stage[0].reads(file.id).has_value(); }));
    stage.board.cut(2, 3);
    CHECK(stage.reads_from(2, file, 0, 10) == bytes.substr(0, 10));   // of the other one
    stage.board.cut(1, 3);
    CHECK_FALSE(stage.reads_from(2, file, 0, 10));
}

TEST_CASE("an upload moves to the member at which it goes on", "[shared_files]") {
    SharingStage stage(3);
    stage.joins();
    const std::string id(32, 'c'), bytes = shared_content();
    stage[1].writes(id + ".part", bytes);
    stage[2].writes(id + ".part", bytes.substr(0, 10));
    const auto extent =
        stage.answer<std::uint64_t>([&](auto done) { stage[0].files->extent(id, done); });
    CHECK(extent == bytes.size());
    const auto moves = [&](std::uint64_t offset) {
        return stage.answer<bool>([&](auto done) { stage[0].files->move_here(id, offset, done); });
    };
    CHECK_FALSE(moves(bytes.size() + 1));
    CHECK(moves(500));
    CHECK(stage[0].reads(id + ".part") == bytes);
    CHECK(stage[0].names() == std::vector{id + ".part"});
}

TEST_CASE(
    "a connection that fills an upload gives way to one at another member", "[shared_files]"
) {
    SharingStage stage(2);
    stage.joins();
    const std::string id(32, 'c');
    stage[1].writes(id + ".part", "half");
    bulk::UploadGate::TurnPtr turn;
    bool is_asked = false;
    stage[1].store->gate()->enter(
        id, [&] { is_asked = true; }, [&](bulk::UploadGate::TurnPtr got) { turn = std::move(got); }
    );
    std::optional<bool> is_here;
    stage[0].files->move_here(id, 2, [&](bool moved) { is_here = moved; });
    REQUIRE(stage.waits([&] { return is_asked; }));
    CHECK_FALSE(is_here);
    stage[1].writes(id + ".part", "half and more");   // bytes that were on their way
    turn = nullptr;
    REQUIRE(stage.waits([&] { return is_here.has_value(); }));
    CHECK(*is_here);
    CHECK(stage[0].reads(id + ".part") == "half and more");
    CHECK(stage[1].store->gate()->size() == 0);
}

TEST_CASE("a file that is removed while it is fetched leaves nothing", "[shared_files]") {
    SharingStage stage(2);
    const std::string bytes = shared_content();
    const KnownFile file = known('a', bytes);
    stage[1].writes(file.id, bytes);
    stage.joins();
    stage[0].files->completed(file);
    REQUIRE(stage.waits([&] { return stage.board.frames >= 3; }));
    stage[0].store->remove(file.id);
    stage[0].files->removed(file.id);
    REQUIRE(stage.waits([&] {
        return stage[0].files->figures().missing == 0 && stage[0].names().empty();
    }));
}

TEST_CASE("words about files that no member says", "[shared_files]") {
    const files::Word want = files::Want{7, std::string(32, 'a'), FileForm::Part, 3, 4};
    const std::string good = files::encode(want);
    const auto decoded = files::decode(good);
    REQUIRE(decoded.has_value());
    const auto& read = std::get<files::Want>(*decoded);
    CHECK(read.number == 7);
    CHECK(read.form == FileForm::Part);
    CHECK(read.from == 3);
    CHECK(read.count == 4);
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_FALSE(files::decode(good.substr(0, size)));
    for (const std::string id : {"", "../../../../../../etc/passwd00000", "a", "AAAA"})
        CHECK_FALSE(files::decode(files::encode(files::Want{1, id, FileForm::Whole, 0, 1})));
    CHECK_FALSE(files::decode(files::encode(files::Keep{1, "../x", 1, "h"})));
    CHECK_FALSE(files::decode(files::encode(files::Extent{1, "../x", true})));
    CHECK_FALSE(files::decode(std::string(1, '\x08') + std::string(20, 'a')));
    const auto kept = files::decode(files::encode(files::Kept{9, "no room", true}));
    REQUIRE(kept.has_value());
    CHECK(std::get<files::Kept>(*kept).why_not == "no room");
}

}   // namespace shared_files_test
