// controller/commands/command.cpp: see command.hpp. The answers to a stage's form.
#include "controller/commands/command.hpp"

#include "controller/text/text.hpp"

namespace grid::controller::commands {

const xml::FormField* Call::field(std::string_view var) const {
    for (auto form = forms.rbegin(); form != forms.rend(); ++form)
        if (const xml::FormField* found = form->field(var)) return found;
    return nullptr;
}

std::string Call::value(std::string_view var) const {
    const xml::FormField* found = field(var);
    return found == nullptr ? std::string{} : trimmed(found->value());
}

std::vector<std::string> Call::values(std::string_view var) const {
    std::vector<std::string> all;
    if (const xml::FormField* found = field(var))
        for (const std::string& value : found->values)
            if (std::string text = trimmed(value); !text.empty()) all.push_back(std::move(text));
    return all;
}

std::string Call::text(std::string_view var) const {
    std::string text;
    if (const xml::FormField* found = field(var))
        for (const std::string& line : found->values) text += line + "\n";
    return text;
}

}   // namespace grid::controller::commands
