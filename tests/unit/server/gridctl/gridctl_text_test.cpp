// tests/unit/server/gridctl/gridctl_text_test.cpp: gridctl's output, file names and exit codes.
#include <catch2/catch.hpp>

#include "server/gridctl/exit_code.hpp"
#include "server/gridctl/file_name.hpp"
#include "server/gridctl/table.hpp"

namespace gridctl_text_test {

using namespace grid::gridctl;
namespace json = boost::json;

TEST_CASE(
    "columns are aligned by characters, and lines end with none of their blanks", "[gridctl]"
) {
    CHECK(layout({{"NAME", "N"}, {"jürgen", "1"}, {"x", ""}}) == "NAME    N\njürgen  1\nx\n");
    CHECK(layout({}).empty());
    CHECK(layout({{"a", "b"}, {"only one"}}) == "a         b\nonly one\n");
}

TEST_CASE("long cells are cut in the middle where a line is to fit", "[gridctl]") {
    CHECK(cut_in_the_middle("abcdefghij", 5) == "ab…ij");
    CHECK(cut_in_the_middle("äöüäöüäöü", 4) == "äö…ü");
    CHECK(cut_in_the_middle("abcd", 4) == "abcd");
    const std::vector<Row> rows{{"NAME", "N"}, {"a-very-long-name-1", "1"}, {"short", "22"}};
    CHECK(layout(rows, 14) == "NAME        N\na-ver…me-1  1\nshort       22\n");
    CHECK(layout(rows, 100) == layout(rows));
    // No column becomes narrower than eight, or than its head.
    CHECK(layout(rows, 3) == "NAME      N\na-ve…e-1  1\nshort     22\n");
    CHECK(layout({{"A LONG HEAD"}, {"a-very-long-name-1"}}, 3) == "A LONG HEAD\na-ver…ame-1\n");
}

TEST_CASE("values become cells that people read", "[gridctl]") {
    CHECK(to_cell(nullptr) == "-");
    CHECK(to_cell("") == "-");
    CHECK(to_cell(true) == "yes");
    CHECK(to_cell(7) == "7");
    CHECK(to_cell(json::array()) == "-");
    CHECK(to_cell(json::array{"a", "b"}) == "a,b");
    CHECK(to_cell(json::object{{"a", 1}}) == "a=1");
}

TEST_CASE("what others wrote cannot command the terminal", "[gridctl]") {
    CHECK(printable("a\x1b[2J\nb\x7f") == R"(a\u001b[2J\u000ab\u007f)");
    CHECK(
        printable("\xc2\x9b"
                  "31m") == R"(\u009b31m)"
    );   // CSI as one C1 character
    CHECK(printable("ü → \xc2\xa0") == "ü → \xc2\xa0");
    CHECK(to_cell("x\ty") == R"(x\u0009y)");
    CHECK(
        printable("a\xe2\x80\xae"
                  "b\xe2\x81\xa6") == R"(a\u202eb\u2066)"
    );   // right to left
    CHECK(printable("\xff\xfe") == "??");
    CHECK(printable("a\n\tb\x1b", "\n\t") == "a\n\tb\\u001b");
    const json::value name = "x\xe2\x80\xae\xc2\x9b";
    CHECK(json_line(name) == "\"x\\u202e\\u009b\"\n");
    CHECK(json::parse(json_line(name)) == name);
}

TEST_CASE("a member is found by its path, and a missing one is a dash", "[gridctl]") {
    const json::value value = json::parse(R"({"a":{"b":[1,2]},"c":null})");
    CHECK(cell_of(value, "a.b") == "1,2");
    CHECK(cell_of(value, "c") == "-");
    CHECK(cell_of(value, "c.d") == "-");
    CHECK(cell_of(value, "a.x") == "-");
    CHECK(cell_of("text", "a") == "-");
}

TEST_CASE("an object is one line per member, nested ones indented", "[gridctl]") {
    const json::value value = json::parse(R"({"name":"x","in":{"deep":true},"none":{}})");
    CHECK(layout_members(value.get_object()) == "name    x\nin\n  deep  yes\nnone    -\n");
    const json::value list = json::parse(R"({"who":[{"jid":"a","on":["x","y"]},{"jid":"b"}]})");
    CHECK(layout_members(list.get_object()) == "who\n  jid=a on=x,y\n  jid=b\n");
}

TEST_CASE("exit codes follow the answer", "[gridctl]") {
    CHECK(to_exit(200) == Exit::Ok);
    CHECK(to_exit(201) == Exit::Ok);
    CHECK(to_exit(404) == Exit::NotFound);
    for (const unsigned status : {302U, 400U, 401U, 403U, 409U, 500U, 503U})
        CHECK(to_exit(status) == Exit::Refused);
}

TEST_CASE("a file name stays in its folder and belongs to one account", "[gridctl]") {
    CHECK(to_file_name("sensor-1.a_b") == "sensor-1.a_b");
    CHECK(to_file_name("../../etc/passwd") == "=2e.=2f..=2fetc=2fpasswd");
    CHECK(to_file_name("..") == "=2e.");
    CHECK(to_file_name("-rf") == "=2drf");
    CHECK(to_file_name("a b$(x)") == "a=20b=24=28x=29");
    CHECK(to_file_name("a=20b") == "a=3d20b");
    CHECK(to_file_name("jürgen") == "jürgen");
    CHECK(to_file_name("ca") == "=63a");
    CHECK(to_file_name("cab") == "cab");
}

}   // namespace gridctl_text_test
