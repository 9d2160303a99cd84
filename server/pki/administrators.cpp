// server/pki/administrators.cpp: reads and edits the list of administrators as text.
#include "server/pki/administrators.hpp"

#include <algorithm>

namespace grid::pki {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

/// The next line without its end; `text` loses it.
std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

/// The JID on this line as written; empty when there is none.
std::string_view content(std::string_view line) {
    // `#` may be part of a local part, so a comment starts a line or follows white space.
    for (auto at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
        if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') line = line.substr(0, at);
    return trimmed(line);
}

bool names(std::string_view line, const xml::Jid& jid) {
    const auto parsed = xml::Jid::parse(content(line));
    return parsed.has_value() && parsed->bare() == jid;
}

}   // namespace

Administrators parse_administrators(std::string_view text, std::string_view domain) {
    Administrators out;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view written = content(take_line(text));
        if (written.empty()) continue;
        const auto jid = xml::Jid::parse(written);
        if (!jid.has_value() || !jid->is_bare() || jid->local().empty()) {
            out.problems.push_back(
                "line " + std::to_string(number) + ": '" + std::string(written) +
                "' is no bare JID such as admin@grid.example"
            );
        } else if (!domain.empty() && jid->domain() != domain) {
            out.problems.push_back(
                "line " + std::to_string(number) + ": '" + jid->str() +
                "' is no administrator here: accounts are in the domain " + std::string(domain)
            );
        } else if (std::find(out.jids.begin(), out.jids.end(), *jid) == out.jids.end()) {
            out.jids.push_back(*jid);
        }
    }
    return out;
}

RebindLines parse_rebind(std::string_view text) {
    RebindLines out;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::string_view written = content(take_line(text));
        if (written.empty()) continue;
        const auto blank = written.find(' ');
        const auto jid = xml::Jid::parse(written.substr(0, blank));
        if (!jid || !jid->is_bare() || jid->local().empty() || blank == std::string_view::npos)
            out.problems.push_back(
                "line " + std::to_string(number) + ": expected an account and the key of a CA"
            );
        else
            out.wanted.emplace_back(*jid, std::string(trimmed(written.substr(blank))));
    }
    return out;
}

std::string with_administrator(std::string_view text, const xml::Jid& jid) {
    std::string out(text);
    if (!out.empty() && out.back() != '\n') out += '\n';
    return out + jid.str() + '\n';
}

std::string without_administrator(std::string_view text, const xml::Jid& jid) {
    std::string out;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        if (!names(line, jid)) out.append(line).append("\n");
    }
    return out;
}

}   // namespace grid::pki
