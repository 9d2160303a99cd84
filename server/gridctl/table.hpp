// server/gridctl/table.hpp: JSON values as cells and rows as aligned text. Pure.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xml/utf8.hpp"

namespace grid::gridctl {

using Row = std::vector<std::string>;

/// A terminal would obey these characters or draw the text in another place: control characters
/// (C0, DEL, C1), and those that turn the direction of writing.
inline bool commands_terminal(char32_t c) {
    return xml::is_control(c) || c == 0x61c || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

inline std::string escape(char32_t c) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += hex[c >> static_cast<unsigned>(shift) & 15U];
    return out;
}

/// Text of others, safe for a terminal, and so that two names that differ look different: \u001b. A
/// byte that is no UTF-8 is a question mark. `kept`: line ends and tabs of a whole text stay.
inline std::string printable(std::string_view text, std::string_view kept = {}) {
    std::string out;
    while (!text.empty()) {
        const auto [value, bytes, truncated] = xml::first_code_point(text);
        const bool is_kept = bytes == 1 && kept.find(text.front()) != std::string_view::npos;
        if (bytes == 0)
            out += '?';
        else if (commands_terminal(value) && !is_kept)
            out += escape(value);
        else
            out += text.substr(0, bytes);
        text.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    return out;
}

/// A line of JSON that reads the same and has none of these characters either.
inline std::string json_line(const boost::json::value& value) {
    return printable(boost::json::serialize(value)) + "\n";
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
    if (value.is_object()) {   // in a list: its members side by side
        std::string out;
        for (const auto& [name, member] : value.get_object())
            out.append(out.empty() ? "" : " ")
                .append(printable(name))
                .append("=")
                .append(to_cell(member));
        return out.empty() ? "-" : out;
    }
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

/// The bytes of so many characters from the front.
inline std::size_t bytes_of(std::string_view text, std::size_t characters) {
    std::size_t at = 0;
    for (; at < text.size(); ++at)
        if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80 && characters-- == 0) break;
    return at;
}

/// At most so many characters: names differ at their ends.
inline std::string cut_in_the_middle(const std::string& text, std::size_t most) {
    const std::size_t has = width(text);
    if (has <= most || most == 0) return text;
    const std::size_t front = most / 2, back = most - 1 - front;
    return text.substr(0, bytes_of(text, front)) + "…" + text.substr(bytes_of(text, has - back));
}

/// Makes the widest columns narrower, so that a line fits; no column narrower than its head.
inline void fit(std::vector<std::size_t>& widths, const Row& head, std::size_t width_max) {
    constexpr std::size_t least = 8;
    if (widths.empty()) return;
    const auto line = [&] {
        std::size_t sum = 2 * (widths.size() - 1);
        for (const std::size_t one : widths) sum += one;
        return sum;
    };
    for (auto most = *std::max_element(widths.begin(), widths.end());
         most >= least && line() > width_max; --most)
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::min(widths[i], std::max(most, i < head.size() ? width(head[i]) : 0));
}

/// Columns two blanks apart, the first row as the head; no blanks at the end of a line.
/// `width_max`: of a line, for which cells are cut; 0: none is.
inline std::string layout(const std::vector<Row>& rows, std::size_t width_max = 0) {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    if (width_max != 0 && !rows.empty()) fit(widths, rows.front(), width_max);
    std::string out;
    for (const Row& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string cell = cut_in_the_middle(row[i], widths[i]);
            line.append(cell).append(widths[i] + 2 - width(cell), ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).append("\n");
    }
    return out;
}

/// One line per member, names aligned, objects and lists of objects indented below their name.
inline void append_members(
    const boost::json::object& object, std::string indent, std::vector<Row>& to
) {
    for (const auto& [name, value] : object) {
        const bool is_nested = value.is_object() && !value.get_object().empty();
        const auto* list = value.if_array();
        const bool is_list = list != nullptr && !list->empty() && list->front().is_object();
        to.push_back({indent + printable(name), is_nested || is_list ? "" : to_cell(value)});
        if (is_nested) append_members(value.get_object(), indent + "  ", to);
        if (!is_list) continue;
        for (const auto& element : *list) to.push_back({indent + "  " + to_cell(element)});
    }
}
inline std::string layout_members(const boost::json::object& object) {
    std::vector<Row> rows;
    append_members(object, "", rows);
    return layout(rows);
}

}   // namespace grid::gridctl
