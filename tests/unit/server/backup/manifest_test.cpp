// tests/unit/server/backup/manifest_test.cpp: manifests of backups, and which of them are refused.
#include "server/backup/manifest.hpp"

#include <catch2/catch.hpp>

#include "server/backup/archive.hpp"

namespace manifest_test {

using namespace grid::server::backup;

namespace {

Manifest example() {
    Manifest manifest;
    manifest.name = "20261129T150000Z";
    manifest.domain = "grid.example";
    manifest.version = "0.1.0";
    manifest.time = 1'700'000'000'000;
    manifest.store = {"0123", 3, 1, 12'345'678'901'234, 1'700'000'000'000, {7, 800, {}}};
    manifest.files = {
        {"store/CURRENT", 16, std::string(64, 'a')}, {"files/ab", 5, std::string(64, 'b')}
    };
    return manifest;
}

std::string with(std::string text, const std::string& old, const std::string& now) {
    const auto at = text.find(old);
    REQUIRE(at != std::string::npos);
    return text.replace(at, old.size(), now);
}

}   // namespace

TEST_CASE("a manifest is read as it was written") {
    const Manifest written = example();
    const auto read = parse_manifest(to_json(written));
    REQUIRE(read.has_value());
    CHECK(read->name == written.name);
    CHECK(read->domain == written.domain);
    CHECK(read->time == written.time);
    CHECK(read->store.store_id == "0123");
    CHECK(read->store.epoch == 3);
    CHECK(read->store.revision == written.store.revision);
    CHECK(read->store.audit == written.store.audit);
    CHECK(read->files == written.files);
    CHECK(read->bytes() == 21);
}

TEST_CASE("manifests that say too little, or too much, are refused") {
    const std::string good = to_json(example());
    for (const auto& [old, now] : std::vector<std::pair<std::string, std::string>>{
             {"{", "["},
             {R"("format":1)", R"("format":2)"},
             {R"("format":1)", R"("format":0)"},
             {R"("schema":1)", R"("schema":9)"},
             {R"("schema":1)", R"("schema":4294967297)"},
             {R"("name":"20261129T150000Z")", R"("name":"../20261129T150000Z")"},
             {R"("name":"20261129T150000Z")", R"("name":"20261129T150000Z\n")"},
             {R"("domain":)", R"("domains":)"},
             {R"("epoch":3)", R"("epoch":"3")"},
             {R"("epoch":3)", R"("epoch":-3)"},
             {"store/CURRENT", "store/OTHER"},
             {"files/ab", "store/CURRENT"},
             {"files/ab", "../ab"},
             {"files/ab", "/etc/passwd"},
             {"files/ab", "files/../ab"},
             {"files/ab", "files/"},
             {"files/ab", "files/.ab"},
             {"files/ab", "pki/ca.key"},
             {std::string(64, 'b'), std::string(63, 'b')},
             {std::string(64, 'b'), std::string(64, 'g')},
         }) {
        INFO(old << " becomes " << now);
        CHECK_FALSE(parse_manifest(with(good, old, now)).has_value());
    }
}

TEST_CASE("backups are named by their time") {
    CHECK(backup_name(1'700'000'000'000) == "20231114T221320Z");
    CHECK(backup_name(1'700'000'000'123) == "20231114T221320Z");
    CHECK(is_backup_name("20231114T221320Z"));
    CHECK(is_backup_name("20231114T221320Z-2"));
    CHECK_FALSE(is_backup_name("20231114T221320Z.unfinished"));
    CHECK_FALSE(is_backup_name("../20231114T221320Z"));
    CHECK_FALSE(is_backup_name(""));
}

TEST_CASE("a header of a tar says name, size and its own sum") {
    const std::string header =
        tar_header("20231114T221320Z/store/CURRENT", 1000, 1'700'000'000'000);
    REQUIRE(header.size() == 512);
    CHECK(header.substr(0, 31) == std::string("20231114T221320Z/store/CURRENT\0", 31));
    CHECK(header.substr(124, 12) == std::string("00000001750\0", 12));
    CHECK(header.substr(257, 8) == std::string("ustar\00000", 8));
    unsigned sum = 0;
    for (std::size_t i = 0; i < header.size(); ++i)
        sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
    CHECK(std::stoul(header.substr(148, 6), nullptr, 8) == sum);
    CHECK(header.substr(154, 2) == std::string("\0 ", 2));
}

TEST_CASE("a header of a tar takes long names and large files") {
    const std::string folder(90, 'f'), name(90, 'n');
    const std::string header = tar_header(folder + "/" + name, std::uint64_t{1} << 40U, 0);
    CHECK(header.substr(0, 91) == name + std::string(1, '\0'));
    CHECK(header.substr(345, 91) == folder + std::string(1, '\0'));
    CHECK(static_cast<unsigned char>(header[124]) == 0x80);
    CHECK(header.substr(130, 6) == std::string("\x01\0\0\0\0\0", 6));
}

}   // namespace manifest_test
