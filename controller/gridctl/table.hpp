// controller/gridctl/table.hpp: JSON values as cells and rows as aligned text. Pure.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace grid::controller::gridctl {

using Row = std::vector<std::string>;

/// Text of others, safe for a terminal: no control character gets through, in C1 neither.
inline std::string printable(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool is_c1 =
            c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (is_c1) ++i;
        out += c < 0x20 || c == 0x7f || is_c1 ? '?' : text[i];
    }
    return out;
}

/// Characters, not bytes, of UTF-8.
inline std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

inline std::string to_cell(const boost::json::value& value) {
    if (value.is_null()) return "-";
    if (value.is_bool()) return value.get_bool() ? "yes" : "no";
    if (value.is_string()) return value.get_string().empty() ? "-" : printable(value.get_string());
    if (!value.is_array()) return printable(boost::json::serialize(value));
    std::string out;
    for (const auto& element : value.get_array())
        out.append(out.empty() ? "" : ",").append(to_cell(element));
    return out.empty() ? "-" : out;
}

/// The member of an object; `-` when it is missing. `a.b` looks into an object.
inline std::string cell_of(const boost::json::value& object, std::string_view path) {
    const auto dot = path.find('.');
    const auto* members = object.if_object();
    const auto* member = members == nullptr ? nullptr : members->if_contains(path.substr(0, dot));
    if (member == nullptr) return "-";
    return dot == std::string_view::npos ? to_cell(*member)
                                         : cell_of(*member, path.substr(dot + 1));
}

/// Columns two blanks apart, the first row as the head; no blanks at the end of a line.
inline std::string layout(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line.append(row[i]).append(widths[i] + 2 - width(row[i]), ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).append("\n");
    }
    return out;
}

/// One line per member, names aligned, objects indented below their name.
inline void append_members(
    const boost::json::object& object, std::string indent, std::vector<Row>& to
) {
    for (const auto& [name, value] : object) {
        const bool is_nested = value.is_object() && !value.get_object().empty();
        to.push_back({indent + printable(name), is_nested ? "" : to_cell(value)});
        if (is_nested) append_members(value.get_object(), indent + "  ", to);
    }
}
inline std::string layout_members(const boost::json::object& object) {
    std::vector<Row> rows;
    append_members(object, "", rows);
    return layout(rows);
}

}   // namespace grid::controller::gridctl
