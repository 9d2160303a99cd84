// controller/policy/line_parser.hpp: one rule from the words of a line; stops at its first error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/lexer.hpp"
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
    /// The clients or groups that messages and bulk data may go to.
    bool recipients();
    bool names_recipients() const;
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
    /// A condition may stand once, and has so many values at most.
    bool condition(std::string_view keyword, std::vector<std::string>& out);

    const Line& line_;
    std::string domain_;
    bool is_strict_;
    std::size_t at_ = 0;
    Rule rule_;
    bool is_about_clients_ = false;
    std::uint32_t column_ = 1;
    std::string error_;
};

// Words with commas between them, for the files of LineParser.

/// Words that a rule is made of.
bool is_word_of_the_language(std::string_view word);

template <class Accepts>
bool LineParser::list(std::vector<std::string>& out, std::string_view expected, Accepts accepts) {
    do {
        const Token* token = peek();
        if (token == nullptr || token->kind != Token::Kind::Word || !accepts(*token))
            return fail(expected);
        if (!out.empty()) rule_.text += ",";
        rule_.text += token->is_quoted ? "\"" + token->text + "\"" : token->text;
        out.push_back(token->text);
        ++at_;
    } while (skip_comma());
    return true;
}

template <class Accepts>
bool LineParser::names(std::vector<std::string>& out, std::string_view expected, Accepts accepts) {
    const Token* refused = nullptr;
    const auto is_name = [&](const Token& token) {
        if (!is_strict_ || token.is_quoted || !is_word_of_the_language(token.text))
            return accepts(token);
        refused = &token;
        return false;
    };
    if (list(out, expected, is_name)) return true;
    if (refused != nullptr)
        error_ += ", a word of this language: in quotes (\"" + refused->text + "\") it is a name";
    return false;
}

}   // namespace grid::controller::policy
