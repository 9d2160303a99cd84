// controller/policy/lexer.hpp: one line of the policy cut into words and commas.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace grid::controller::policy {

struct Token {
    enum class Kind { Word, Comma } kind = Kind::Word;
    std::string text;         // without quotes
    bool is_quoted = false;   // then it is never a keyword
    std::uint32_t column = 0;
};

struct Line {
    std::vector<Token> tokens;
    std::uint32_t end_column = 0;   // behind the last token
    std::string error;              // empty: none
    std::uint32_t error_column = 0;
};

Line cut_line(std::string_view text);

/// Whether words of the language may stand for names without quotes: see parse.
enum class Spelling { Strict, Stored };

}   // namespace grid::controller::policy
