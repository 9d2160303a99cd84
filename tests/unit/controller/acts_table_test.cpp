// tests/unit/controller/acts_table_test.cpp: the table of acts in controller/README.md says which
// interface reaches which act, and no interface changes anything beside it.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "controller/commands/command.hpp"
#include "controller/rest/call.hpp"

namespace acts_table_test {

namespace commands = grid::controller::commands;
namespace rest = grid::controller::rest;
namespace fs = std::filesystem;

struct Row {
    std::vector<std::string> functions, routes, nodes;
};

fs::path folder() { return fs::path(__FILE__).parent_path() / ".." / ".." / ".." / "controller"; }

std::string text_of(const fs::path& file) {
    std::ifstream in(file);
    REQUIRE(in);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The texts between backquotes.
std::vector<std::string> in_backquotes(const std::string& cell) {
    std::vector<std::string> found;
    std::istringstream in(cell);
    std::string part;
    for (bool is_inside = false; std::getline(in, part, '`'); is_inside = !is_inside)
        if (is_inside) found.push_back(part);
    return found;
}

std::vector<Row> rows() {
    std::istringstream in(text_of(folder() / "README.md"));
    std::string line;
    while (std::getline(in, line) && line != "| act | function | REST | ad-hoc command |") {
    }
    std::getline(in, line);   // the rule below the head
    std::vector<Row> found;
    while (std::getline(in, line) && line.starts_with("|")) {
        std::istringstream cells(line.substr(1));
        std::string act, function, route, node;
        std::getline(cells, act, '|');
        std::getline(cells, function, '|');
        std::getline(cells, route, '|');
        std::getline(cells, node, '|');
        found.push_back({in_backquotes(function), in_backquotes(route), in_backquotes(node)});
    }
    return found;
}

/// "POST accounts" of each route that is no GET.
std::set<std::string> changing_routes() {
    std::set<std::string> found;
    for (const auto& table : rest::all_routes())
        for (const rest::Route& route : table)
            if (route.method != "GET")
                found.insert(std::string(route.method) + " " + std::string(route.pattern));
    return found;
}

const commands::Command* find_command(const std::string& name) {
    for (const char* prefix :
         {"com.domain.gi.gcl.controller#", "http://jabber.org/protocol/admin#"})
        if (const commands::Command* found = commands::find_command(prefix + name)) return found;
    return nullptr;
}

TEST_CASE("each act is reached by the interfaces that the README names") {
    std::string declared;
    for (const auto& file : fs::recursive_directory_iterator(folder() / "administration"))
        if (file.path().string().ends_with("_acts.hpp")) declared += text_of(file.path());
    const std::set<std::string> routes = changing_routes();
    std::set<std::string> named;
    const auto table = rows();
    REQUIRE(table.size() > 20);
    for (const Row& row : table) {
        REQUIRE(row.functions.size() == 1);
        INFO(row.functions.front());
        CHECK(declared.find(" " + row.functions.front() + "(") != std::string::npos);
        CHECK_FALSE(row.routes.empty());
        for (const std::string& route : row.routes) {
            INFO(route);
            CHECK(routes.contains(route));
            named.insert(route);
        }
        for (const std::string& node : row.nodes) {
            INFO(node);
            const commands::Command* command = find_command(node);
            REQUIRE(command != nullptr);
            CHECK(grid::controller::least_role(command->act) >= grid::controller::Role::Auditor);
        }
    }
    // No call by REST changes anything beside the acts.
    CHECK(named == routes);
}

/// The nodes in the first cells of the table in controller/commands/README.md.
std::set<std::string> commands_of_readme() {
    std::set<std::string> found;
    std::istringstream in(text_of(folder() / "commands" / "README.md"));
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("| `")) continue;
        for (const std::string& name : in_backquotes(line.substr(0, line.find('|', 1)))) {
            const bool is_own = name.starts_with("#");
            CHECK((is_own || name.starts_with("admin#")));
            found.insert(
                (is_own ? "com.domain.gi.gcl.controller" : "http://jabber.org/protocol/") + name
            );
        }
    }
    return found;
}

TEST_CASE("the README of the commands names those that there are") {
    std::set<std::string> there;
    for (const auto& table : commands::all_commands())
        for (const commands::Command& command : table) there.insert(std::string(command.node));
    CHECK(there.size() > 20);
    CHECK(commands_of_readme() == there);
}

}   // namespace acts_table_test
