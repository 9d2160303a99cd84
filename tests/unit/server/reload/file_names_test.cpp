// tests/unit/server/reload/file_names_test.cpp: names lead to files through links that are swapped.
#include "server/reload/file_names.hpp"

#include <unistd.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

namespace file_names_test {

using namespace grid::server;
namespace fs = std::filesystem;

namespace {

struct FolderStage {
    FolderStage() {
        fs::remove_all(root);
        fs::create_directories(root);
    }
    ~FolderStage() { fs::remove_all(root); }
    std::string name(const std::string& file) const { return (root / file).string(); }
    void write(const std::string& file, const std::string& text) const {
        fs::create_directories((root / file).parent_path());
        std::ofstream(root / file) << text;
    }
    void link(const std::string& target, const std::string& file) const {
        fs::create_directories((root / file).parent_path());
        fs::create_symlink(target, root / file);
    }
    std::vector<std::string> folders(const std::string& file) const {
        std::vector<std::string> found;
        for (const auto& folder : folders_of({name(file)}))
            found.push_back(folder.lexically_relative(root).string());
        std::ranges::sort(found);
        return found;
    }
    fs::path root =
        fs::canonical(fs::temp_directory_path()) / ("gridd-names-" + std::to_string(::getpid()));
};

using Names = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(FolderStage, "a file is decided by its folder") {
    write("etc/gridd.toml", "a");
    CHECK(folders("etc/gridd.toml") == Names{"etc"});
    CHECK(folders("etc/../etc/./gridd.toml") == Names{"etc"});
}

TEST_CASE_METHOD(FolderStage, "a link is decided by its folder and its target's (certbot)") {
    write("archive/grid/cert1.pem", "1");
    link("../../archive/grid/cert1.pem", "live/grid/cert.pem");
    CHECK(folders("live/grid/cert.pem") == Names{"archive/grid", "live/grid"});
}

TEST_CASE_METHOD(FolderStage, "a link to a folder on the way counts (Kubernetes)") {
    write("tls/..2026_1/tls.crt", "1");
    link("..2026_1", "tls/..data");
    link("..data/tls.crt", "tls/tls.crt");
    CHECK(folders("tls/tls.crt") == Names{"tls", "tls/..2026_1"});
    const auto before = stamps_of({name("tls/tls.crt")});
    write("tls/..2026_2/tls.crt", "2");
    link("..2026_2", "tls/..data_tmp");
    fs::rename(root / "tls/..data_tmp", root / "tls/..data");
    CHECK(changed_since(before, stamps_of({name("tls/tls.crt")})) == Names{name("tls/tls.crt")});
    CHECK(folders("tls/tls.crt") == Names{"tls", "tls/..2026_2"});
}

TEST_CASE_METHOD(FolderStage, "what is not there is decided by the last folder that is") {
    write("etc/other", "");
    CHECK(folders("etc/new/deep/gridd.toml") == Names{"etc"});
    link("nowhere/file", "etc/dangling");
    CHECK(folders("etc/dangling") == Names{"etc"});
    link("round", "etc/round");
    CHECK(folders("etc/round") == Names{"etc"});
}

TEST_CASE_METHOD(FolderStage, "a folder stands for its files") {
    write("crl/one.pem", "1");
    CHECK(folders("crl") == Names{".", "crl"});
    const auto before = stamps_of({name("crl")});
    write("crl/.hidden", "in the making");
    CHECK(changed_since(before, stamps_of({name("crl")})).empty());
    write("crl/two.pem", "2");
    CHECK(changed_since(before, stamps_of({name("crl")})) == Names{name("crl")});
}

TEST_CASE_METHOD(FolderStage, "text, rights, being and not being are changes; a look is none") {
    const Names names{name("a"), name("b")};
    write("a", "1");
    auto stamps = stamps_of(names);
    CHECK(changed_since(stamps, stamps_of(names)).empty());
    write("a", "12");
    CHECK(changed_since(stamps, stamps_of(names)) == Names{name("a")});
    write("b", "1");
    stamps = stamps_of({name("a")});
    CHECK(changed_since(stamps, stamps_of(names)) == Names{name("b")});
    stamps = stamps_of(names);
    fs::remove(root / "b");
    CHECK(changed_since(stamps, stamps_of(names)) == Names{name("b")});
}

}   // namespace file_names_test
