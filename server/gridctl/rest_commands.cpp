// server/gridctl/rest_commands.cpp: lists page by page, tables, and the choice between both
// outputs.
#include "server/gridctl/rest_commands.hpp"

#include "server/gridctl/table.hpp"
#include "server/gridctl/target.hpp"

namespace grid::gridctl {

namespace json = boost::json;

std::string with_query(const std::string& path, const Query& query) {
    std::string out = path;
    char separator = '?';
    for (const auto& [name, value] : query) {
        if (value.empty()) continue;
        out.append(1, separator).append(name).append("=").append(encoded(value));
        separator = '&';
    }
    return out;
}

std::optional<std::string> next_page(const json::object& page, std::string_view here) {
    const json::value* next = page.if_contains("next");
    if (next == nullptr || !next->is_string()) return std::nullopt;
    if (next->get_string() == here)
        throw Failed(Exit::Refused, "the server's list has no end: its pages do not go on");
    return std::string(next->get_string());
}

json::object list_all(
    Client& client,
    const std::string& path,
    const std::string& name,
    Query query,
    std::size_t count_max
) {
    json::array all;
    json::value next;
    query.emplace_back("after", "");
    const std::size_t after = query.size() - 1;
    query.emplace_back("max", "");
    do {
        const std::size_t wanted = count_max - all.size();
        query.back().second = wanted < 500 ? std::to_string(wanted) : "";
        json::object page = client.call("GET", with_query(path, query));
        json::value* elements = page.if_contains(name);
        if (elements == nullptr || !elements->is_array())
            throw Failed(Exit::Refused, "the server's answer has no list of " + name);
        for (json::value& element : elements->get_array()) all.push_back(std::move(element));
        next = page.contains("next") ? page["next"] : json::value();
        const auto goes_on = next_page(page, query[after].second);
        if (!goes_on) break;
        query[after].second = *goes_on;
    } while (all.size() < count_max);
    return {{name, std::move(all)}, {"next", next}};
}

void print_list(
    const Options& options,
    const json::object& list,
    const std::string& name,
    const Columns& columns
) {
    if (options.json) return print(json_line(list));
    std::vector<Row> rows(1);
    for (const auto& column : columns) rows.front().push_back(column.first);
    for (const json::value& element : list.at(name).as_array()) {
        Row row;
        for (const auto& column : columns) row.push_back(cell_of(element, column.second));
        rows.push_back(std::move(row));
    }
    if (rows.size() == 1) return print("no " + name + "\n");
    print(layout(rows, terminal_width()));
    if (list.at("next").is_string()) print("… and more\n");
}

void print_object(const Options& options, const json::object& object) {
    print(options.json ? json_line(object) : layout_members(object));
}

Client connect_to(const Options& options) {
    return Client(find_target(options), options.timeout_seconds);
}

xml::Jid account_at(const Options& options, Client& client, const std::string& text) {
    return account_of(options, text, [&client] {
        return cell_of(client.call("GET", "status"), "domain");
    });
}

}   // namespace grid::gridctl
