// controller/policy/line_parser.hpp: one rule from the words of a line; stops at its first error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/lexer.hpp"
#include "controller/policy/parser.hpp"
#include "controller/policy/rule.hpp"

namespace grid::controller::policy {

class LineParser {
public:
    LineParser(const Line& line, std::string_view domain, Spelling spelling)
        : line_(line), domain_(domain), is_strict_(spelling == Spelling::Strict) {}

    std::optional<Rule> parse();
    std::uint32_t error_column() const { return column_; }
    const std::string& error() const { return error_; }

private:
    const Token* peek(std::size_t ahead = 0) const {
        return at_ + ahead < line_.tokens.size() ? &line_.tokens[at_ + ahead] : nullptr;
    }
    bool is_word(std::size_t ahead) const {
        const Token* token = peek(ahead);
        return token != nullptr && token->kind == Token::Kind::Word;
    }
    bool is_keyword(std::string_view word, std::size_t ahead = 0) const {
        return is_word(ahead) && !peek(ahead)->is_quoted && peek(ahead)->text == word;
    }
    bool skip_keyword(std::string_view word) {
        if (!is_keyword(word)) return false;
        ++at_;
        return true;
    }
    bool skip_comma();
    bool fail(std::string_view expected);

    bool effect();
    bool who();
    bool operations();
    bool topics();
    /// The clients or groups that messages may go to.
    bool recipients();
    bool conditions();
    bool end();

    bool networks();
    bool times();
    bool window();
    /// Names without a domain are of the grid's own: never another domain's account of that name.
    void complete_clients(std::vector<std::string>& names) const;
    template <class Accepts>
    bool list(std::vector<std::string>& out, std::string_view expected, Accepts accepts);
    bool patterns(std::vector<std::string>& out, std::string_view expected);
    bool groups(std::vector<std::string>& out);
    /// A list of names: words of the language are none, unless they are in quotes.
    template <class Accepts>
    bool names(std::vector<std::string>& out, std::string_view expected, Accepts accepts);
    bool is_message() const {
        return rule_.operations.count() == 1 &&
               rule_.operations.test(static_cast<std::size_t>(Operation::Message));
    }
    /// A condition may stand once, and has so many values at most.
    bool condition(std::string_view keyword, std::vector<std::string>& out);

    const Line& line_;
    std::string domain_;
    bool is_strict_;
    std::size_t at_ = 0;
    Rule rule_;
    std::uint32_t column_ = 1;
    std::string error_;
};

}   // namespace grid::controller::policy
