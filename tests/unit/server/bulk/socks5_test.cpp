// tests/unit/server/bulk/socks5_test.cpp: words that a client may say to the proxy of byte streams,
// and how each other word is refused (RFC 1928, XEP-0065).
#include "server/bulk/socks5.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace socks5_test {

using grid::server::bulk::Socks5;
using grid::server::bulk::stream_hash;

namespace {

using namespace std::string_literals;

const std::string hash = "98b8d688d0f5d895fd41c5e7309a2e9e33ba32ff";
const std::string greeting = "\5\1\0"s, chosen = "\5\0"s;

std::string request(
    const std::string& name, char command = 1, char type = 3, const std::string& port = "\0\0"s
) {
    return "\5"s + command + '\0' + type + static_cast<char>(name.size()) + name + port;
}

std::string failure(char code) { return "\5"s + code + "\0\1\0\0\0\0\0\0"s; }

/// All that is said to that, given in pieces of so many bytes; never more than is wanted.
std::string talk(Socks5& socks, std::string bytes, std::size_t piece = 1000) {
    std::string said;
    while (!bytes.empty() && socks.wants() != 0) {
        const std::size_t size = std::min({piece, socks.wants(), bytes.size()});
        said += socks.take(bytes.substr(0, size));
        bytes.erase(0, size);
    }
    return said;
}

}   // namespace

TEST_CASE("socks5: a stream's name is the SHA-1 of id, requester and target (XEP-0065 §5.3.2)") {
    CHECK(
        stream_hash("vxf9n471bn46", "requester@example.com/foo", "target@example.org/bar") == hash
    );
}

TEST_CASE("socks5: a client asks for a stream, in pieces of any size") {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
        CAPTURE(piece);
        Socks5 socks;
        CHECK(talk(socks, greeting + request(hash), piece) == chosen);
        REQUIRE(socks.stage() == Socks5::Stage::Asked);
        CHECK(socks.hash() == hash);
        CHECK(socks.wants() == 0);
        CHECK(socks.answer(Socks5::Reply::Succeeded) == "\5\0\0\3\x28"s + hash + "\0\0"s);
    }
}

TEST_CASE("socks5: no byte behind the request is read") {
    Socks5 socks;
    const std::string all = greeting + request(hash) + "the stream's own";
    std::size_t at = 0;
    while (socks.wants() != 0) {
        const std::size_t size = socks.wants();
        socks.take(all.substr(at, size));
        at += size;
    }
    CHECK(all.substr(at) == "the stream's own");
}

TEST_CASE("socks5: methods") {
    for (const auto& [offered, answer] :
         {std::pair("\5\2\2\0"s, chosen), std::pair("\5\1\2"s, "\5\xff"s),
          std::pair("\5\0"s, "\5\xff"s), std::pair("\4\1"s, ""s), std::pair("GE"s, ""s)}) {
        Socks5 socks;
        CHECK(talk(socks, offered) == answer);
        CHECK((socks.stage() == Socks5::Stage::Request) == (answer == chosen));
    }
    Socks5 many;
    CHECK(talk(many, "\5\xff"s + std::string(254, '\2') + '\0') == chosen);
}

TEST_CASE("socks5: commands and kinds of addresses that there are not") {
    for (const char command : {'\0', '\2', '\3', '\x7f'}) {
        Socks5 socks;
        CHECK(talk(socks, greeting + request(hash, command)) == chosen + failure(7));
        CHECK(socks.stage() == Socks5::Stage::Ended);
        CHECK(!socks.reason().empty());
    }
    for (const char type : {'\0', '\1', '\4', '\x7f'}) {
        Socks5 socks;
        CHECK(talk(socks, greeting + request(hash, 1, type)) == chosen + failure(8));
        CHECK(socks.stage() == Socks5::Stage::Ended);
    }
    Socks5 version;
    CHECK(talk(version, greeting + "\4\1\0\3\x28"s) == chosen);
    CHECK(version.stage() == Socks5::Stage::Ended);
    Socks5 reserved;
    CHECK(talk(reserved, greeting + "\5\1\1\3\x28"s) == chosen + failure(1));
}

TEST_CASE("socks5: hosts, other spellings of a hash and ports are refused") {
    std::string capital = hash;
    capital[3] = 'B';
    std::string beyond = hash;
    beyond[0] = 'g';
    for (const std::string& name :
         {"localhost"s, ""s, hash + "0", hash.substr(1), capital, beyond, std::string(40, '\0'),
          std::string(255, 'a')}) {
        CAPTURE(name);
        Socks5 socks;
        CHECK(talk(socks, greeting + request(name)) == chosen + failure(2));
        CHECK(socks.stage() == Socks5::Stage::Ended);
    }
    Socks5 socks;
    CHECK(talk(socks, greeting + request(hash, 1, 3, "\0\x50"s)) == chosen + failure(2));
}

}   // namespace socks5_test
