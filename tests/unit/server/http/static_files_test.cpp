// tests/unit/server/http/static_files_test.cpp: a directory is read once, and nothing beside
// it.
#include "server/http/pages/static_files.hpp"

#include <catch2/catch.hpp>
#include <fstream>

namespace static_files_test {

using grid::server::http::StaticFiles;
namespace fs = std::filesystem;

namespace {

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "static-files-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        top = name;
        fs::create_directories(top / "app");
    }
    ~Folder() { fs::remove_all(top); }
    void write(const fs::path& name, const std::string& text) const {
        std::ofstream(top / name, std::ios::binary) << text;
    }
    fs::path top;
};

}   // namespace

TEST_CASE("files are found by their path, and by no other") {
    const Folder folder;
    folder.write("index.html", "<p>");
    folder.write("app/main.js", "1;");
    folder.write("a b.txt", "x");
    folder.write(".hidden", "x");
    const auto files = StaticFiles::read(folder.top);
    REQUIRE(files.has_value());
    CHECK(files->size() == 3);
    const auto page = files->answer("/", "");
    CHECK(page.status == 200);
    CHECK(page.body == "<p>");
    CHECK(page.type == "text/html; charset=utf-8");
    CHECK(files->answer("/app/main.js", "").body == "1;");
    CHECK(files->answer("/a%20b.txt", "").body == "x");
    for (const char* none :
         {"", "/app", "/app/", "/.hidden", "/app/../index.html", "/%2e%2e/x", "//index.html",
          "/index.html%00", "/%zz", "index.html"})
        CHECK(files->answer(none, "").status == 404);
}

TEST_CASE("an unchanged file is not sent again") {
    const Folder folder;
    folder.write("index.html", "<p>");
    const auto files = StaticFiles::read(folder.top);
    REQUIRE(files.has_value());
    const std::string etag = files->answer("/", "").headers;
    REQUIRE(etag.starts_with("ETag: \""));
    const std::string tag = etag.substr(6, etag.size() - 8);
    CHECK(files->answer("/", "W/" + tag + ", \"other\"").status == 304);
    CHECK(files->answer("/", "\"other\"").status == 200);
}

TEST_CASE("a link out of the directory stops the start, one within is a file") {
    const Folder folder, other;
    folder.write("a.txt", "a");
    other.write("b.txt", "b");
    fs::create_symlink(folder.top / "a.txt", folder.top / "again.txt");
    CHECK(StaticFiles::read(folder.top)->answer("/again.txt", "").body == "a");
    fs::create_symlink(other.top / "b.txt", folder.top / "out.txt");
    CHECK_FALSE(StaticFiles::read(folder.top).has_value());
    CHECK_FALSE(StaticFiles::read(folder.top / "nowhere").has_value());
}

}   // namespace static_files_test
