// tests/unit/controller/totp_test.cpp: codes of RFC 6238's own table, and codes that are taken
// once.
#include <catch2/catch.hpp>

#include "controller/credentials/second_factors.hpp"

namespace totp_test {

using namespace grid::controller;
using grid::storage::Millis;

namespace {

const std::string rfc_secret = "12345678901234567890";

SecondFactor factor_of(const Enrolment& made) { return made.factor; }

}   // namespace

TEST_CASE("codes are those of RFC 6238, appendix B, and RFC 4226, appendix D") {
    struct Row {
        Millis seconds;
        const char* code;   // the last six of the eight digits there
    };
    for (const Row& row :
         {Row{59, "287082"}, Row{1111111109, "081804"}, Row{1111111111, "050471"},
          Row{1234567890, "005924"}, Row{2000000000, "279037"}, Row{20000000000, "353130"}})
        CHECK(totp_code(rfc_secret, totp_step_at(row.seconds * 1000)) == row.code);
    CHECK(totp_code(rfc_secret, 0) == "755224");
    CHECK(totp_code(rfc_secret, 9) == "520489");
}

TEST_CASE("a code fits in its step and the two beside it, and never before one that was taken") {
    const Millis now = 1'800'000'000'000;
    const std::uint64_t step = totp_step_at(now);
    for (int away = -3; away <= 3; ++away) {
        CAPTURE(away);
        const auto other = step + static_cast<std::uint64_t>(away);
        const auto found = find_totp_step(rfc_secret, totp_code(rfc_secret, other), now, 0);
        CHECK(found.has_value() == (away >= -1 && away <= 1));
        if (found) CHECK(*found == other);
    }
    CHECK_FALSE(find_totp_step(rfc_secret, totp_code(rfc_secret, step), now, step).has_value());
    CHECK_FALSE(find_totp_step(rfc_secret, totp_code(rfc_secret, step - 1), now, step).has_value());
    CHECK(find_totp_step(rfc_secret, totp_code(rfc_secret, step + 1), now, step).has_value());
    for (const char* code : {"", "0", "28708", "2870823", "abcdef", "28708\n"})
        CHECK_FALSE(find_totp_step(rfc_secret, code, 59'000, 0).has_value());
    CHECK(find_totp_step(rfc_secret, "755224", 0, 0) == std::nullopt);   // step 0 is "none taken"
}

TEST_CASE("base 32 and the URI of an authenticator") {
    CHECK(to_base32("") == "");
    CHECK(to_base32("f") == "MY");
    CHECK(to_base32("foobar") == "MZXW6YTBOI");
    CHECK(to_base32(rfc_secret) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    CHECK(
        otpauth_uri("gridd grid.example", "root@grid.example", rfc_secret) ==
        "otpauth://totp/gridd%20grid.example:root%40grid.example?secret="
        "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=gridd%20grid.example&algorithm=SHA1&digits=6&"
        "period=30"
    );
}

TEST_CASE("a code and a recovery code are taken once") {
    const Enrolment made = enrol_second_factor("a seed of 128 bits", 77);
    const SecondFactor first = factor_of(made);
    CHECK(first.secret.size() == totp_secret_bytes);
    REQUIRE(made.recovery_codes.size() == recovery_codes_max);
    const Millis now = 1'800'000'000'000;
    const std::string code = totp_code(first.secret, totp_step_at(now));
    const auto after = take_code(first, code, now);
    REQUIRE(after.has_value());
    CHECK_FALSE(take_code(*after, code, now).has_value());
    CHECK_FALSE(take_code(*after, code, now + totp_step_ms).has_value());
    // As people type it.
    std::string typed = " " + made.recovery_codes.at(3) + " ";
    for (char& c : typed) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const auto recovered = take_code(*after, typed, now);
    REQUIRE(recovered.has_value());
    CHECK(recovered->recovery.size() == recovery_codes_max - 1);
    CHECK_FALSE(take_code(*recovered, made.recovery_codes.at(3), now).has_value());
    CHECK(take_code(*recovered, made.recovery_codes.at(4), now).has_value());
    CHECK(recovered->last_step == after->last_step);
    CHECK_FALSE(take_code(first, "", now).has_value());
    CHECK(enrol_second_factor("another seed", 77).factor.id() != first.id());
    CHECK(after->id() == first.id());
}

TEST_CASE("a record of a second factor is read as it was written, and of its account alone") {
    const SecondFactor factor = enrol_second_factor("a seed of 128 bits", 77).factor;
    const std::string value = encode(factor);
    CHECK(decode_second_factor(value) == factor);
    for (std::size_t size = 0; size < value.size(); ++size)
        CHECK_FALSE(decode_second_factor(value.substr(0, size)).has_value());
    CHECK_FALSE(decode_second_factor(value + "x").has_value());
    SecondFactors all;
    all.apply("root@grid.example", grid::storage::Record{5, 0, value});
    REQUIRE(all.find("root@grid.example", 77) != nullptr);
    CHECK(all.find("root@grid.example", 77)->revision == 5);
    CHECK(all.find("root@grid.example", 78) == nullptr);   // a later account of the name
    all.apply("root@grid.example", grid::storage::Record{6, 0, "broken"});
    CHECK(all.at("root@grid.example") == nullptr);
}

}   // namespace totp_test
