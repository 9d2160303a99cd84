// xml/form.cpp: data forms to and from elements.
#include "xml/form.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "xml/namespaces.hpp"

namespace grid::xml {
namespace {

constexpr std::array<std::string_view, 10> field_types{"boolean",     "fixed",      "hidden",
                                                       "jid-multi",   "jid-single", "list-multi",
                                                       "list-single", "text-multi", "text-private",
                                                       "text-single"};

/// XEP-0004 §3.3.
bool has_one_value(std::string_view type) {
    return type == "boolean" || type == "text-private" || type.ends_with("-single");
}

FormField parse_field(const Element& element) {
    FormField field;
    field.var = element.attr_or("var", "");
    field.type = element.attr_or("type", "");
    field.label = element.attr_or("label", "");
    // XEP-0004 §3.3: a type that is not known is to be treated as text-single.
    if (!field.type.empty() && std::ranges::find(field_types, field.type) == field_types.end())
        field.type = "text-single";
    for (const Element* child : element.children()) {
        if (child->ns() != element.ns()) continue;
        if (child->name() == "value") {
            field.values.push_back(child->text());
        } else if (child->name() == "option") {
            const Element* value = child->child("value");
            field.options.push_back(
                {value ? value->text() : "", std::string(child->attr_or("label", ""))}
            );
        }
    }
    return field;
}

Element to_element(const FormField& field) {
    Element made("field");
    if (!field.var.empty()) made.set("var", field.var);
    if (!field.type.empty()) made.set("type", field.type);
    if (!field.label.empty()) made.set("label", field.label);
    if (field.is_required) made.add(Element("required"));
    for (const std::string& value : field.values) made.add(Element::with_text("value", value));
    for (const FormOption& option : field.options) {
        Element offered("option", {}, Element::with_text("value", option.value));
        if (!option.label.empty()) offered.set("label", option.label);
        made.add(std::move(offered));
    }
    return made;
}

bool is_form_type(std::string_view type) {
    return type == "form" || type == "submit" || type == "cancel" || type == "result";
}

}   // namespace

Result<Form, StanzaError> Form::parse(const Element& x) {
    if (!x.is("x", ns::data))
        return bad_request("expected a data form, <x xmlns='jabber:x:data'/>");
    Form form;
    form.type = x.attr_or("type", "");
    if (!is_form_type(form.type))
        return bad_request("the type of a data form is form, submit, cancel or result");
    std::unordered_set<std::string_view> seen;
    form.fields.reserve(x.nodes().size());   // so that `seen` may point into it
    for (const Element* child : x.children()) {
        if (child->ns() != x.ns()) continue;
        if (child->name() == "title") {
            form.title = child->text();
        } else if (child->name() == "instructions") {
            if (!form.instructions.empty()) form.instructions += '\n';
            form.instructions += child->text();
        } else if (child->name() == "field") {
            const FormField& field = form.fields.emplace_back(parse_field(*child));
            if (!field.var.empty() && !seen.insert(field.var).second)
                return bad_request("the form has the field '" + field.var + "' twice");
            // A form of another type decides nothing.
            if (form.type == "submit" && field.values.size() > 1 && has_one_value(field.type))
                return bad_request("the field '" + field.var + "' has one value");
        }
    }
    return form;
}

Element Form::to_element() const {
    Element x("x", ns::data);
    if (!type.empty()) x.set("type", type);
    if (!title.empty()) x.add(Element::with_text("title", title));
    if (!instructions.empty()) x.add(Element::with_text("instructions", instructions));
    for (const FormField& field : fields) x.add(xml::to_element(field));
    return x;
}

const FormField* Form::field(std::string_view var) const {
    auto found = std::ranges::find(fields, var, &FormField::var);
    return found == fields.end() ? nullptr : &*found;
}

std::string_view Form::form_type() const {
    const FormField* found = field("FORM_TYPE");
    return found ? found->value() : std::string_view{};
}

FormField& Form::add(
    std::string var, std::string field_type, std::string value, std::string label
) {
    FormField& made = fields.emplace_back();
    made.var = std::move(var);
    made.type = std::move(field_type);
    made.label = std::move(label);
    made.values.push_back(std::move(value));
    return made;
}

Form& Form::set_form_type(std::string_view name) {
    std::erase_if(fields, [](const FormField& field) { return field.var == "FORM_TYPE"; });
    fields.insert(fields.begin(), {"FORM_TYPE", "hidden", "", {std::string(name)}, {}});
    return *this;
}

std::optional<bool> parse_boolean(std::string_view text) {
    if (text == "1" || text == "true") return true;
    if (text == "0" || text == "false") return false;
    return std::nullopt;
}

}   // namespace grid::xml
