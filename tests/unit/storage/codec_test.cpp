// tests/unit/storage/codec_test.cpp: Decoder reads the output of Encoder, and keys sort.
#include "storage/codec.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "storage/batch.hpp"
#include "storage/errors.hpp"

namespace codec_test {

using namespace grid::storage;

TEST_CASE("every kind of value survives encoding", "[codec]") {
    const std::uint64_t large = std::numeric_limits<std::uint64_t>::max();
    const std::string bytes = Encoder()
                                  .u8(200)
                                  .u32(0xdeadbeef)
                                  .u64(large)
                                  .i64(-5)
                                  .boolean(true)
                                  .varint(127)
                                  .varint(128)
                                  .varint(large)
                                  .text("")
                                  .text(std::string(300, 'x'))
                                  .raw("rest")
                                  .take();
    Decoder decoder(bytes);
    CHECK(decoder.u8() == 200);
    CHECK(decoder.u32() == 0xdeadbeef);
    CHECK(decoder.u64() == large);
    CHECK(decoder.i64() == -5);
    CHECK(decoder.boolean());
    CHECK(decoder.varint() == 127);
    CHECK(decoder.varint() == 128);
    CHECK(decoder.varint() == large);
    CHECK(decoder.text().empty());
    CHECK(decoder.text() == std::string(300, 'x'));
    CHECK(decoder.raw() == "rest");
    CHECK(decoder.ok());
    CHECK(decoder.at_end());
}

TEST_CASE("integers in keys sort like numbers", "[codec]") {
    const std::uint64_t numbers[] = {0, 1, 255, 256, 65'535, 1ull << 32, ~0ull};
    for (std::size_t i = 1; i < std::size(numbers); ++i)
        CHECK(Encoder().u64(numbers[i - 1]).take() < Encoder().u64(numbers[i]).take());
    CHECK(Encoder().u64(0x0102030405060708).take() == "\x01\x02\x03\x04\x05\x06\x07\x08");
}

TEST_CASE("reading past the end says so and yields nothing", "[codec]") {
    const std::string bytes = Encoder().u32(7).take();
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        Decoder decoder(std::string_view(bytes).substr(0, cut));
        CHECK(decoder.u32() == 0);
        CHECK_FALSE(decoder.ok());
        CHECK(decoder.u8() == 0);
        CHECK(decoder.text().empty());
    }
}

TEST_CASE("a length that is longer than what follows is refused", "[codec]") {
    Decoder short_text(
        "\x05"
        "abc"
    );
    CHECK(short_text.text().empty());
    CHECK_FALSE(short_text.ok());
    const std::string longest = std::string(9, '\xff') + "\x01" + "abc";
    Decoder huge(longest);
    CHECK(huge.text().empty());
    CHECK_FALSE(huge.ok());
}

TEST_CASE("a varint of more than 64 bits is refused", "[codec]") {
    const std::string too_long(11, '\xff'), too_large = std::string(9, '\xff') + "\x02";
    Decoder one(too_long), two(too_large);
    CHECK(one.varint() == 0);
    CHECK_FALSE(one.ok());
    CHECK(two.varint() == 0);
    CHECK_FALSE(two.ok());
}

TEST_CASE("a batch knows its weight", "[batch]") {
    Batch batch;
    batch.put(Family::Control, "key", "value")
        .erase(Family::Index, "gone")
        .expect(Family::Control, "gate", 7);
    batch.event = "event";
    CHECK(batch.bytes() == 3 + 5 + 4 + 4 + 5);
    CHECK(batch.operations[1].erase);
    CHECK(batch.expectations[0].revision == 7);
}

TEST_CASE("every reason has a sentence of its own", "[errors]") {
    std::vector<std::string> seen;
    for (int value = static_cast<int>(Errc::Conflict); value <= static_cast<int>(Errc::Closed);
         ++value) {
        const std::string text = make_error_code(static_cast<Errc>(value)).message();
        CHECK(text.size() > 10);
        CHECK(std::find(seen.begin(), seen.end(), text) == seen.end());
        seen.push_back(text);
    }
}

}   // namespace codec_test
