// controller/policy/lexer.cpp: words, quotes, commas and comments of the policy language.
#include "controller/policy/lexer.hpp"

namespace grid::controller::policy {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

class Cutter {
public:
    explicit Cutter(std::string_view text) : text_(text) {}

    Line cut() {
        while (line_.error.empty()) {
            while (at_ < text_.size() && is_blank(text_[at_])) step();
            if (at_ == text_.size() || text_[at_] == '#') break;
            if (text_[at_] == ',') {
                line_.tokens.push_back({Token::Kind::Comma, ",", false, column_});
                step();
            } else if (text_[at_] == '"') {
                quoted();
            } else {
                word();
            }
            line_.end_column = column_;
        }
        return std::move(line_);
    }

private:
    /// Columns count characters, as an editor shows them.
    void step() {
        ++at_;
        if (at_ == text_.size() || (static_cast<unsigned char>(text_[at_]) & 0xc0) != 0x80)
            ++column_;
    }

    void quoted() {
        Token token{Token::Kind::Word, {}, true, column_};
        step();
        while (at_ < text_.size() && text_[at_] != '"') {
            // A backslash stays, since it belongs to the pattern; here it only keeps a quote from
            // closing.
            if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] == '"') step();
            token.text += text_[at_];
            step();
        }
        if (at_ == text_.size()) {
            line_.error = "expected a closing quote (\")";
            line_.error_column = token.column;
            return;
        }
        step();
        line_.tokens.push_back(std::move(token));
    }

    void word() {
        Token token{Token::Kind::Word, {}, false, column_};
        while (at_ < text_.size() && !is_blank(text_[at_]) && text_[at_] != ',' && text_[at_] != '"'
        ) {
            token.text += text_[at_];
            step();
        }
        line_.tokens.push_back(std::move(token));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::uint32_t column_ = 1;
    Line line_;
};

}   // namespace

Line cut_line(std::string_view text) { return Cutter(text).cut(); }

}   // namespace grid::controller::policy
