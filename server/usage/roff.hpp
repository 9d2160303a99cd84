// server/usage/roff.hpp: text in the macros of man(7). Pure but for the date.
#pragma once

#include <string>
#include <string_view>

namespace grid::server::usage {

/// ASCII letters alone.
std::string upper_case(std::string text);
/// Plain text in which nothing is a request, an escape or a hyphen that a font replaces.
std::string roff_escaped(std::string_view text);
/// A paragraph: lines of at most 76 columns, each sentence on a line of its own.
std::string roff_filled(std::string_view text);
/// Paragraphs, divided by empty lines. Lines that begin with four blanks are shown as they are.
std::string roff_text(std::string_view text);
/// "accounts list" as the words that a user types.
std::string roff_bold(std::string_view text);
/// ".TH …"; its date is $SOURCE_DATE_EPOCH's, else today's.
std::string roff_head(const std::string& name, const std::string& section);

}   // namespace grid::server::usage
