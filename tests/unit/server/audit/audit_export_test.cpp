// tests/unit/server/audit/audit_export_test.cpp: exported audit records, and where they may go.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "server/audit/format.hpp"
#include "server/audit/sink.hpp"

namespace audit_export_test {

using namespace grid;
using server::audit::make_sink;

namespace {

controller::audit::Entry entry_of(const std::string& topic) {
    controller::audit::Entry entry;
    entry.id = "000000000000000700";
    entry.time = 1'700'000'000'123;
    entry.record.outcome = controller::audit::Outcome::Deny;
    entry.record.actor = "probe@grid.example/x";
    entry.record.operation = "publish";
    entry.record.topic = topic;
    entry.record.rule = "default deny";
    entry.link.number = 5;
    return entry;
}

}   // namespace

TEST_CASE("S73: a syslog message has RFC 5424's header and escapes what would end a value") {
    const std::string message = server::audit::to_syslog(entry_of("a\"b]c\\d\ne"), "grid.example");
    CHECK(message.starts_with("<108>1 2023-11-14T22:13:20"));
    CHECK(message.find(" grid.example gridd ") != std::string::npos);
    CHECK(message.find(" audit [gridd@32473 number=\"5\" ") != std::string::npos);
    CHECK(message.find(R"(topic="a\"b\]c\\d e")") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    auto allowed = entry_of("t");
    allowed.record.outcome = controller::audit::Outcome::Allow;
    CHECK(server::audit::to_syslog(allowed, "").starts_with("<109>1 "));
}

TEST_CASE("S73: a JSON line is one line, and says what REST says") {
    const std::string line = server::audit::to_json_line(entry_of("a\nb"));
    CHECK(line.find('\n') == line.size() - 1);
    const auto value = boost::json::parse(line);
    CHECK(value.at("number") == 5);
    CHECK(value.at("decision") == "deny");
    CHECK(value.at("topic") == "a\nb");
}

TEST_CASE("an export goes to a file, a UNIX socket, UDP or TCP, and nowhere else") {
    for (const char* good : {"file:/tmp/x", "unix:/dev/log", "udp:127.0.0.1:514", "tcp:[::1]:601"})
        CHECK(make_sink(good, "h").has_value());
    for (const char* bad :
         {"file:", "file:relative", "udp:host", "udp::514", "tcp:host:", "smtp:x", "/tmp/x",
          "unix:x"})
        CHECK_FALSE(make_sink(bad, "h").has_value());
}

TEST_CASE("S73: a file that cannot be written takes nothing, and says why") {
    const std::string folder =
        (std::filesystem::temp_directory_path() / ("audit-" + std::to_string(::getpid()))).string();
    std::filesystem::create_directories(folder);
    const std::vector<controller::audit::Entry> entries{entry_of("a"), entry_of("b")};
    auto sink = make_sink("file:" + folder + "/missing/audit.jsonl", "h");
    const auto refused = (*sink)->send(entries);
    CHECK(refused.count == 0);
    CHECK(refused.trouble.find("No such file") != std::string::npos);
    sink = make_sink("file:" + folder + "/audit.jsonl", "h");
    CHECK((*sink)->send(entries).count == 2);
    std::ifstream in(folder + "/audit.jsonl");
    std::string line;
    int lines = 0;
    while (std::getline(in, line)) ++lines;
    CHECK(lines == 2);
    std::filesystem::remove_all(folder);
}

TEST_CASE("a line that a crash cut short is not joined to the next record") {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("half-" + std::to_string(::getpid()))).string();
    std::ofstream(path) << "{\"id\":\"0000";
    auto sink = make_sink("file:" + path, "h");
    const std::vector<controller::audit::Entry> entries{entry_of("a"), entry_of("b")};
    CHECK((*sink)->send(entries).count == 2);
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    CHECK(line == "{\"id\":\"0000");
    for (const char* topic : {"a", "b"}) {
        REQUIRE(std::getline(in, line));
        CHECK(boost::json::parse(line).at("topic") == topic);
    }
    CHECK_FALSE(std::getline(in, line));
    std::filesystem::remove(path);
}

TEST_CASE("a pipe without a reader takes nothing and holds nothing up") {
    const std::string path =
        (std::filesystem::temp_directory_path() / ("pipe-" + std::to_string(::getpid()))).string();
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    auto sink = make_sink("file:" + path, "h");
    const std::vector<controller::audit::Entry> entries{entry_of("a")};
    const auto refused = (*sink)->send(entries);
    CHECK(refused.count == 0);
    CHECK(refused.trouble.starts_with("cannot open"));
    std::filesystem::remove(path);
}

}   // namespace audit_export_test
