// tests/unit/xml/file_name_test.cpp: names that are shown as they are.
#include "xml/file_name.hpp"

#include <catch2/catch.hpp>

namespace file_name_test {

using namespace grid::xml;

TEST_CASE("file names: without control characters, also of direction", "[xml]") {
    for (const char* good : {"a b.pdf", "größe 1.bin", "\xd7\xa9.txt", "a/b"}) {
        INFO(good);
        CHECK(is_file_name(good));
    }
    for (const char* bad :
         {"a\nb", "a\x7f", "\xc2\x85", "\xff",
          "\xe2\x80\xae"
          "gnp.exe",
          "\xe2\x80\x8f", "\xe2\x81\xa6", "\xe2\x81\xa9", "\xd8\x9c"}) {
        INFO(bad);
        CHECK_FALSE(is_file_name(bad));
    }
}

TEST_CASE("file names: what keeps a text from being one is replaced", "[xml]") {
    CHECK(to_file_name("größe 1.bin") == "größe 1.bin");
    CHECK(to_file_name("../a\nb") == ".._a_b");
    CHECK(to_file_name("\xe2\x80\xaegnp.exe") == "_gnp.exe");
    CHECK(to_file_name("a\xff\xfe") == "a__");
    CHECK(to_file_name("").empty());
}

}   // namespace file_name_test
