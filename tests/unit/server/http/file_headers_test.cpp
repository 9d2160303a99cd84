// tests/unit/server/http/file_headers_test.cpp: ranges, conditions and parts of files, read off the
// head of a request.
#include "server/http/file_headers.hpp"

#include <boost/beast/http/verb.hpp>
#include <catch2/catch.hpp>

namespace file_headers_test {

using namespace grid::server::http;
using Verb = boost::beast::http::verb;
using Headers = std::vector<std::pair<std::string, std::string>>;

namespace {

const std::string tag = "\"abc\"";

Head with(Verb verb, const Headers& headers) {
    Head head;
    head.version(11);
    head.method(verb);
    for (const auto& [name, value] : headers) head.insert(name, value);
    return head;
}

Selection selected(const Headers& headers) { return select(with(Verb::get, headers), 1000, tag); }

unsigned upload_status(Verb verb, Headers headers, const std::string& length) {
    headers.emplace_back("Content-Length", length);
    const Head head = with(verb, headers);
    if (const auto refused = check_upload(head)) return refused->status;
    const auto part = upload_part(head, 1000);
    return part ? 0 : part.error().status;
}

}   // namespace

TEST_CASE("one range of bytes is a part, anything else the whole file", "[files]") {
    CHECK(selected({}).part == Part{0, 1000});
    struct Row {
        const char* range;
        unsigned status;
        Part part;
    };
    const Row rows[]{
        {"bytes=0-0", 206, {0, 1}},
        {"bytes=10-19", 206, {10, 10}},
        {"Bytes = 10-19", 200, {0, 1000}},
        {"BYTES=10-", 206, {10, 990}},
        {"bytes=10-100000", 206, {10, 990}},
        {"bytes=-1", 206, {999, 1}},
        {"bytes=-100000", 206, {0, 1000}},
        {"bytes=-0", 416, {}},
        {"bytes=1000-", 416, {}},
        {"bytes=1000-2000", 416, {}},
        {"bytes=9223372036854775807-", 416, {}},
        {"bytes=9223372036854775808-", 416, {}},
        {"bytes=0-99999999999999999999999", 206, {0, 1000}},
        {"bytes=-99999999999999999999999", 206, {0, 1000}},
        {"bytes=0-+9", 200, {0, 1000}},
        {"bytes=20-10", 200, {0, 1000}},
        {"bytes=-", 200, {0, 1000}},
        {"bytes=", 200, {0, 1000}},
        {"bytes=1-2,3-4", 200, {0, 1000}},
        {"bytes=1-2x", 200, {0, 1000}},
        {"bytes=+1-2", 200, {0, 1000}},
        {"items=0-1", 200, {0, 1000}},
    };
    for (const Row& row : rows) {
        INFO(row.range);
        const Selection got = selected({{"Range", row.range}});
        CHECK(got.status == row.status);
        CHECK(got.part == row.part);
    }
    CHECK(selected({{"Range", "bytes=0-1"}, {"Range", "bytes=5-6"}}).status == 200);
}

TEST_CASE("conditions on the tag of a file", "[files]") {
    CHECK(selected({{"If-None-Match", tag}}).status == 304);
    CHECK(selected({{"If-None-Match", "\"x\", W/\"abc\""}}).status == 304);
    CHECK(selected({{"If-None-Match", "*"}}).status == 304);
    CHECK(selected({{"If-None-Match", "\"abcd\", abc"}}).status == 200);
    CHECK(selected({{"If-Match", "\"x\""}}).status == 412);
    CHECK(selected({{"If-Match", "W/\"abc\""}}).status == 412);   // strongly compared
    CHECK(selected({{"If-Match", "\"x\", \"abc\""}}).status == 200);
    CHECK(selected({{"Range", "bytes=0-1"}, {"If-Range", tag}}).status == 206);
    CHECK(selected({{"Range", "bytes=0-1"}, {"If-Range", "W/\"abc\""}}).status == 200);
    CHECK(
        selected({{"Range", "bytes=0-1"}, {"If-Range", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status ==
        200
    );
}

TEST_CASE("a path names a file by its id, and is nothing else", "[files]") {
    const std::string id = "0123456789abcdef0123456789abcdef";
    CHECK(parse_file_path("/bulk/" + id)->id == id);
    CHECK_FALSE(parse_file_path("/bulk/" + id)->name);
    CHECK(*parse_file_path("/bulk/" + id + "/a%20b%2Fc")->name == "a b/c");
    const std::vector<std::string> others{
        "/bulk/",
        "/bulk/" + id + "0",
        "/bulk/" + id.substr(1),
        "/bulk/../" + id,
        "/bulk/" + id + "/%zz",
        "/bulk/..%2f..%2fetc%2fpasswd",
        "/bulk/ABCDEF6789abcdef0123456789abcdef",
        "/other/" + id
    };
    for (const std::string& bad : others) {
        INFO(bad);
        CHECK_FALSE(parse_file_path(bad));
    }
}

TEST_CASE("an upload says how long it is and where it belongs", "[files]") {
    CHECK(upload_status(Verb::put, {}, "1000") == 0);
    CHECK(upload_status(Verb::put, {}, "999") == 400);
    CHECK(upload_status(Verb::put, {}, "1001") == 413);
    CHECK(upload_status(Verb::put, {}, "99999999999999999999") == 400);
    CHECK(upload_status(Verb::put, {{"Transfer-Encoding", "chunked"}}, "1000") == 411);
    CHECK(check_upload(with(Verb::put, {}))->status == 411);
    CHECK(upload_status(Verb::put, {{"Content-Encoding", "gzip"}}, "1000") == 415);
    CHECK(upload_status(Verb::put, {{"Content-Encoding", "identity"}}, "1000") == 0);
    CHECK(upload_status(Verb::put, {{"Expect", "200-ok"}}, "1000") == 417);
    CHECK(upload_status(Verb::put, {{"Expect", "100-continue"}}, "1000") == 0);
    for (const auto& [one, other] :
         {std::pair("100-continue", "200-ok"), std::pair("200-ok", "100-continue")})
        CHECK(upload_status(Verb::put, {{"Expect", one}, {"Expect", other}}, "1000") == 417);
    struct Row {
        const char* range;
        const char* length;
        unsigned status;
    };
    const Row rows[]{
        {"bytes 0-999/1000", "1000", 0},
        {"bytes 500-999/1000", "500", 0},
        {"bytes 500-599/1000", "100", 0},
        {"bytes 500-999/1000", "499", 400},
        {"bytes 500-999/1001", "500", 400},
        {"bytes 500-1000/1000", "501", 400},
        {"bytes 9-5/1000", "5", 400},
        {"bytes */1000", "5", 400},
        {"bytes 0-4/*", "5", 400},
        {"items 0-4/1000", "5", 400},
        {"bytes 0-18446744073709551615/1000", "0", 400},
    };
    for (const Row& row : rows) {
        INFO(row.range);
        CHECK(upload_status(Verb::put, {{"Content-Range", row.range}}, row.length) == row.status);
    }
    CHECK(upload_status(Verb::patch, {}, "10") == 400);
    CHECK(upload_status(Verb::patch, {{"Upload-Offset", "990"}}, "10") == 0);
    CHECK(upload_status(Verb::patch, {{"Upload-Offset", "1000"}}, "0") == 0);
    CHECK(upload_status(Verb::patch, {{"Upload-Offset", "991"}}, "10") == 413);
    CHECK(upload_status(Verb::patch, {{"Upload-Offset", "1001"}}, "0") == 413);
    CHECK(upload_status(Verb::patch, {{"Upload-Offset", "-1"}}, "0") == 400);
}

}   // namespace file_headers_test
