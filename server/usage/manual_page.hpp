// server/usage/manual_page.hpp: a command line as a manual page. Pure but for the date.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

namespace grid::server::usage {

/// The words of a page beside its options. Texts are paragraphs, divided by empty lines; a line
/// that begins with four blanks stays as it is.
struct Page {
    std::string name;      // gridd
    std::string section;   // 8
    std::string summary;   // after the name, without a full stop
    std::string description;
    std::vector<std::pair<std::string, std::string>> more;   // headings and texts, at the end
};

/// man(7) of a program with all its commands, as they stand in `app`: what has no group is left
/// out, as in --help.
std::string manual_page(const CLI::App& app, const Page& page);

}   // namespace grid::server::usage
