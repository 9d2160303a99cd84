// controller/policy/line_list.hpp: words with commas between them, for the files of LineParser.
#pragma once

#include "controller/policy/line_parser.hpp"

namespace grid::controller::policy {

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
