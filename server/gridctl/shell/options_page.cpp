// server/gridctl/shell/options_page.cpp: see options_page.hpp.
#include "server/gridctl/shell/options_page.hpp"

#include <map>
#include <set>
#include <sstream>

#include "server/config/options.hpp"
#include "server/pki/failure.hpp"
#include "server/usage/roff.hpp"

namespace grid::gridctl {
namespace {

using server::Config;
using server::Option;
using server::YesNoOr;
using server::usage::Page;
using server::usage::roff_bold;
using server::usage::roff_escaped;
using server::usage::roff_filled;
using server::usage::roff_head;
using server::usage::roff_text;

/// Keys that stand together below one comment.
struct Entry {
    std::vector<std::pair<std::string, std::string>> keys;   // with their defaults, as TOML
    std::string text;
};

struct Section {
    std::string name, text;   // "tls"; of the keys before all sections empty
    std::vector<Entry> entries;
};

struct Reader {
    std::string introduction;
    std::vector<Section> sections{Section{}};
    std::string comment;          // that was read last, and belongs to what follows
    bool continues = false;       // the line before was a key
    bool is_introduced = false;   // the first comment, up to an empty line, is about the file

    void take_key(const std::string& line) {
        const auto equals = line.find(" = ");
        const std::string& section = sections.back().name;
        const std::string key = line.substr(0, equals);
        auto& entries = sections.back().entries;
        if (!continues || !comment.empty() || entries.empty())
            entries.push_back({{}, std::exchange(comment, {})});
        entries.back().keys.emplace_back(
            section.empty() ? key : section + "." + key, line.substr(equals + 3)
        );
        continues = true;
    }

    void take(const std::string& line) {
        if (line.starts_with("#")) {
            const std::string text = line.size() > 2 ? line.substr(2) : "";
            comment += is_introduced ? text + " " : text + "\n";
            return;
        }
        if (line.empty()) {
            if (!is_introduced) introduction = std::exchange(comment, {});
            is_introduced = true;
            continues = false;
        } else if (line.starts_with("[")) {
            const auto end = line.find(']');
            const auto mark = line.find("# ", end);
            std::string text = mark == std::string::npos ? "" : line.substr(mark + 2);
            sections.push_back({line.substr(1, end - 1), std::move(text), {}});
            comment.clear();
            continues = false;
        } else if (line.find(" = ") != std::string::npos) {
            take_key(line);
        }
    }
};

std::string toml_kind(const server::Target& target) {
    return std::visit(
        [](auto* value) -> std::string {
            using T = std::remove_pointer_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::string>)
                return "text";
            else if constexpr (std::is_same_v<T, bool>)
                return "true or false";
            else if constexpr (std::is_same_v<T, YesNoOr>)
                return "true, false or a word";
            else if constexpr (std::is_integral_v<T>)
                return "number";
            else
                return "list";
        },
        target
    );
}

std::string unmatched(const std::set<std::string>& left, const char* what) {
    std::string names;
    for (const std::string& key : left) names += (names.empty() ? "" : ", ") + key;
    return names.empty() ? "" : std::string(what) + names;
}

}   // namespace

Result<std::string, std::string> options_page(const std::string& commented, const Page& page) {
    Reader reader;
    std::istringstream lines(commented);
    std::string line;
    while (std::getline(lines, line)) reader.take(line);
    Config config;
    std::map<std::string, std::string> kinds;
    std::set<std::string> untold, unknown;
    for (const Option& option : options_of(config)) {
        kinds[option.key] = toml_kind(option.target);
        untold.insert(option.key);
    }
    std::string out = roff_head(page.name, page.section);
    out += ".SH NAME\n" + roff_escaped(page.name) + " \\- " + roff_escaped(page.summary) + "\n";
    out += ".SH DESCRIPTION\n" + roff_text(page.description) + ".PP\n";
    // The first line is the file's name.
    out += roff_text(reader.introduction.substr(reader.introduction.find('\n') + 1));
    out += ".SH OPTIONS\n";
    for (const Section& section : reader.sections) {
        if (!section.name.empty()) out += ".SS \"[" + roff_escaped(section.name) + "]\"\n";
        out += roff_filled(section.text);
        for (const Entry& entry : section.entries) {
            const char* macro = ".TP\n";
            for (const auto& [key, value] : entry.keys) {
                if (untold.erase(key) == 0) unknown.insert(key);
                out += macro + roff_bold(key) + " = " + roff_escaped(value) + "   (" + kinds[key] +
                       ")\n";
                macro = ".TQ\n";
            }
            out += roff_filled(entry.text);
        }
    }
    for (const auto& [heading, text] : page.more)
        out += ".SH \"" + roff_escaped(heading) + "\"\n" + roff_text(text);
    std::string wrong = unmatched(untold, "options without a paragraph: ");
    if (wrong.empty()) wrong = unmatched(unknown, "no such options: ");
    if (!wrong.empty()) return pki::Failure{std::move(wrong)};
    return Result<std::string, std::string>(boost::system::in_place_value, std::move(out));
}

}   // namespace grid::gridctl
