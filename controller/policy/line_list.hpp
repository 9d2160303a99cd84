// controller/policy/line_list.hpp: words with commas between them, for the files of LineParser.
#pragma once

#include "controller/policy/line_parser.hpp"

namespace grid::controller::policy {

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

}   // namespace grid::controller::policy
