// server/usage/roff.cpp: see roff.hpp.
#include "server/usage/roff.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "server/version.hpp"
#include "xml/datetime.hpp"

namespace grid::server::usage {
namespace {

constexpr std::size_t columns_max = 76;
constexpr std::string_view verbatim = "    ";

/// A word that is a request at the beginning of a line.
std::string at_line_start(std::string word) {
    if (word.starts_with('.') || word.starts_with('\'')) word.insert(0, "\\&");
    return word;
}

bool ends_sentence(const std::string& word) {
    return word.size() > 2 && (word.ends_with('.') || word.ends_with('?') || word.ends_with('!'));
}

std::string date_of_page() {
    using namespace std::chrono;
    const char* fixed = std::getenv("SOURCE_DATE_EPOCH");
    const long long seconds =
        fixed != nullptr && *fixed != '\0'
            ? std::strtoll(fixed, nullptr, 10)
            : duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count();
    return xml::to_datetime(seconds * 1000).substr(0, 10);
}

}   // namespace

std::string upper_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
    return text;
}

std::string roff_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else if (c == '~')
            out += "\\(ti";
        else if (c == '^')
            out += "\\(ha";
        else if (c == '`')
            out += "\\(ga";
        else
            out += c;
    }
    return out;
}

std::string roff_filled(std::string_view text) {
    std::istringstream words{std::string(text)};
    std::string out, line, word;
    const auto end_line = [&] {
        if (!line.empty()) out += at_line_start(line) + "\n";
        line.clear();
    };
    while (words >> word) {
        const bool is_end = ends_sentence(word);
        const std::string shown = roff_escaped(word);
        if (!line.empty() && line.size() + 1 + shown.size() > columns_max) end_line();
        line += (line.empty() ? "" : " ") + shown;
        if (is_end) end_line();
    }
    end_line();
    return out;
}

std::string roff_text(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string out, paragraph, line;
    bool is_shown = false, is_first = true;
    const auto end_paragraph = [&] {
        if (paragraph.empty()) return;
        out += (is_first ? "" : ".PP\n") + roff_filled(paragraph);
        is_first = false;
        paragraph.clear();
    };
    const auto end_shown = [&] {
        if (is_shown) out += ".EE\n.RE\n";
        is_shown = false;
    };
    while (std::getline(lines, line)) {
        if (line.starts_with(verbatim)) {
            end_paragraph();
            if (!is_shown) out += ".RS 4\n.EX\n";
            is_shown = true;
            out += at_line_start(roff_escaped(line.substr(verbatim.size()))) + "\n";
            continue;
        }
        end_shown();
        if (line.empty())
            end_paragraph();
        else
            paragraph += line + " ";
    }
    end_shown();
    end_paragraph();
    return out;
}

std::string roff_bold(std::string_view text) { return "\\fB" + roff_escaped(text) + "\\fR"; }

std::string roff_head(const std::string& name, const std::string& section) {
    return ".TH \"" + upper_case(roff_escaped(name)) + "\" " + section + " \"" + date_of_page() +
           "\" \"gridd " + version + "\" \"gridd\"\n";
}

}   // namespace grid::server::usage
