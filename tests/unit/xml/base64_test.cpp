// tests/unit/xml/base64_test.cpp: one text for each sequence of bytes, and no other.
#include "xml/base64.hpp"

#include <catch2/catch.hpp>

namespace base64_test {

using namespace grid::xml;

TEST_CASE("the vectors of RFC 4648 10, both ways") {
    const std::pair<const char*, const char*> vectors[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"}
    };
    for (auto [bytes, text] : vectors) {
        CHECK(to_base64(bytes) == text);
        CHECK(parse_base64(text) == bytes);
    }
}

TEST_CASE("every byte value survives") {
    for (std::size_t length : {255u, 256u, 257u}) {
        std::string bytes;
        for (std::size_t i = 0; i < length; ++i) bytes += static_cast<char>(i);
        CHECK(parse_base64(to_base64(bytes)) == bytes);
    }
    CHECK(to_base64("\xFB\xEF\xFF") == "++//");
}

TEST_CASE("anything but strict base64 is refused") {
    for (std::string_view text :
         {"Z",     "Zg",       "Zg=",  "Zg===",    "Zm9",  "Zm9v\n",    " Zm9v",
          "Zm 9v", "Zm9v Zm9", "Zm9-", "Zm9_",     "=",    "==",        "===",
          "====",  "Z===",     "=Zg=", "Zg==Zg==", "Zm=v", "\xC3\xA9Zg"})
        CHECK_FALSE(parse_base64(text));
    CHECK_FALSE(parse_base64(std::string_view("Zm9\0", 4)));
}

TEST_CASE("bits that no byte takes must be zero") {
    CHECK(parse_base64("Zg=="));
    for (char c : std::string_view("hijklmnopqrstuv"))
        CHECK_FALSE(parse_base64(std::string("Z") + c + "=="));
    CHECK(parse_base64("Zm8="));
    CHECK_FALSE(parse_base64("Zm9="));
    CHECK_FALSE(parse_base64("Zm+="));
}

}   // namespace base64_test
