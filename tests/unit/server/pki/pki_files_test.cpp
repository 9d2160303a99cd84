// tests/unit/server/pki/pki_files_test.cpp: DIR/pki is made once, whole, private, and never
// overwritten.
#include <sys/stat.h>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "server/pki/administrators.hpp"
#include "server/pki/files.hpp"
#include "server/pki/initialize.hpp"
#include "server/pki/layout.hpp"
#include "server/pki/pki.hpp"

namespace pki_files_test {

using namespace grid::pki;
namespace fs = std::filesystem;

namespace {

constexpr grid::storage::Millis now = 1'790'000'000'000;

struct Folder {
    fs::path path;
    Folder() {
        std::string name = (fs::temp_directory_path() / "gridd-pki-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    std::string text(const fs::path& below) const { return read_file(path / below)->text; }
    unsigned mode(const fs::path& below) const {
        struct stat status{};
        REQUIRE(::stat((path / below).c_str(), &status) == 0);
        return status.st_mode & 0777;
    }
    std::size_t entries(const fs::path& below) const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path / below), fs::directory_iterator())
        );
    }
};

grid::xml::Jid jid(std::string_view text) { return *grid::xml::Jid::parse(text); }

}   // namespace

TEST_CASE_METHOD(Folder, "a first start makes a CA, a server and an administrator", "[pki]") {
    const auto made = initialize(path, "Grid.Example", now);
    REQUIRE(made.has_value());
    CHECK(made->present.empty());
    CHECK(text("pki/domain") == "grid.example\n");
    const std::string ca = text("pki/ca.crt");
    CHECK(verify(text("pki/server.crt"), ca, true, now).has_value());
    CHECK(verify(text("pki/admin.crt"), ca, false, now).has_value());
    CHECK(describe(text("pki/admin.crt"))->jids == std::vector<std::string>{"admin@grid.example"});
    CHECK(describe(text("pki/server.crt"))->hosts.size() == server_names("grid.example").size());
    CHECK(describe(text("pki/server.crt"))->hosts.front() == "grid.example");
    CHECK(is_pair({text("pki/server.crt"), text("pki/server.key")}));
    CHECK(is_pair({text("pki/admin.crt"), text("pki/admin.key")}));
    CHECK(
        parse_administrators(text("administrators")).jids ==
        std::vector<grid::xml::Jid>{jid("admin@grid.example")}
    );
    CHECK(entries("pki") == 7);
    CHECK(entries(".") == 2);   // no twin left behind
}

TEST_CASE_METHOD(Folder, "both spellings of an international domain give one CA", "[pki]") {
    REQUIRE(initialize(path, "xn--bcher-kva.Example.", now).has_value());
    CHECK(text("pki/domain") == "bücher.example\n");
    CHECK(describe(text("pki/server.crt"))->hosts.front() == "xn--bcher-kva.example");
    CHECK(
        describe(text("pki/admin.crt"))->jids == std::vector<std::string>{"admin@bücher.example"}
    );
    CHECK(initialize(path, "bücher.example", now)->made.empty());
}

TEST_CASE_METHOD(Folder, "keys and the folder are for the owner alone", "[pki]") {
    REQUIRE(initialize(path, "grid.example", now).has_value());
    CHECK(mode("pki") == 0700);
    for (const char* key : {"pki/ca.key", "pki/server.key", "pki/admin.key", "administrators"})
        CHECK(mode(key) == 0600);
    CHECK(mode("pki/ca.crt") == 0600);
}

TEST_CASE_METHOD(Folder, "doing it twice changes nothing", "[pki]") {
    REQUIRE(initialize(path, "grid.example", now).has_value());
    const std::string before = text("pki/ca.key") + text("pki/server.crt") + text("pki/admin.crt");
    const auto again = initialize(path, "grid.example", now + 1000);
    REQUIRE(again.has_value());
    CHECK(again->made.empty());
    CHECK(again->present.size() == 7);
    CHECK(text("pki/ca.key") + text("pki/server.crt") + text("pki/admin.crt") == before);
}

TEST_CASE_METHOD(Folder, "what is missing is made by the same CA", "[pki]") {
    REQUIRE(initialize(path, "grid.example", now).has_value());
    fs::remove(path / "pki/server.crt");
    fs::remove(path / "pki/server.key");
    const auto again = initialize(path, "grid.example", now);
    REQUIRE(again.has_value());
    CHECK(again->made == std::vector<std::string>{"pki/server.key", "pki/server.crt"});
    CHECK(verify(text("pki/server.crt"), text("pki/ca.crt"), true, now).has_value());
}

TEST_CASE_METHOD(Folder, "what contradicts is refused and left alone", "[pki]") {
    REQUIRE(initialize(path, "grid.example", now).has_value());
    SECTION("another domain") {
        const auto other = initialize(path, "other.example", now);
        REQUIRE(!other.has_value());
        CHECK(other.error().find("grid.example") != std::string::npos);
    }
    SECTION("a key without its certificate") {
        fs::remove(path / "pki/server.crt");
        CHECK(!initialize(path, "grid.example", now).has_value());
        CHECK(fs::exists(path / "pki/server.key"));
    }
    SECTION("certificates without their CA") {
        fs::remove(path / "pki/ca.crt");
        CHECK(!initialize(path, "grid.example", now).has_value());
        CHECK(!fs::exists(path / "pki/ca.crt"));
    }
    SECTION("something to issue, and the CA's key is kept elsewhere") {
        fs::remove(path / "pki/ca.key");
        fs::remove(path / "pki/admin.crt");
        fs::remove(path / "pki/admin.key");
        const auto refused = initialize(path, "grid.example", now);
        REQUIRE(!refused.has_value());
        CHECK(refused.error().find("ca.key") != std::string::npos);
    }
}

TEST_CASE_METHOD(Folder, "a name that is no domain leaves no trace", "[pki]") {
    CHECK(!initialize(path, "a/b", now).has_value());
    CHECK(!initialize(path, "", now).has_value());
    CHECK(!fs::exists(path / "pki/ca.crt"));
    CHECK(!fs::exists(path / "administrators"));
}

TEST_CASE_METHOD(Folder, "a removed administrator stays removed at the next start", "[pki]") {
    REQUIRE(initialize(path, "grid.example", now).has_value());
    REQUIRE(*remove_administrator(path, jid("admin@grid.example")));
    REQUIRE(initialize(path, "grid.example", now).has_value());
    CHECK(parse_administrators(text("administrators")).jids.empty());
    CHECK(!*remove_administrator(path, jid("admin@grid.example")));
}

TEST_CASE("the list of administrators has comments, and bad lines are named", "[pki]") {
    const auto read = parse_administrators(
        "# the team\n"
        "  Alice@Grid.Example  # on call\r\n"
        "\n"
        "grid.example\n"
        "bob@grid.example/desk\n"
        "alice@grid.example\n"
        "a#1@grid.example"
    );
    CHECK(
        read.jids == std::vector<grid::xml::Jid>{jid("alice@grid.example"), jid("a#1@grid.example")}
    );
    REQUIRE(read.problems.size() == 2);
    CHECK(read.problems[0].find("line 4") == 0);
    CHECK(read.problems[1].find("line 5") == 0);
}

TEST_CASE("editing the list keeps what others wrote", "[pki]") {
    const std::string text = "# team\nalice@grid.example # on call\nbob@grid.example";
    const std::string more = with_administrator(text, jid("eve@grid.example"));
    CHECK(more == text + "\neve@grid.example\n");
    CHECK(
        without_administrator(more, jid("alice@grid.example")) ==
        "# team\nbob@grid.example\neve@grid.example\n"
    );
}

TEST_CASE_METHOD(Folder, "a file is replaced whole, and created only once", "[pki]") {
    REQUIRE(write_file(path / "a", "one", Mode::Private).has_value());
    REQUIRE(write_file(path / "a", "two", Mode::Public).has_value());
    CHECK(text("a") == "two");
    CHECK(mode("a") == 0644);
    CHECK(!create_file(path / "a", "three", Mode::Private).has_value());
    CHECK(text("a") == "two");
    CHECK(entries(".") == 1);
}

TEST_CASE_METHOD(Folder, "only a regular file is read", "[pki]") {
    CHECK(!read_file(path / "nothing")->exists);
    CHECK(!read_file(path).has_value());
    REQUIRE(::mkfifo((path / "pipe").c_str(), 0600) == 0);
    CHECK(!read_file(path / "pipe").has_value());   // and does not hang
}

}   // namespace pki_files_test
