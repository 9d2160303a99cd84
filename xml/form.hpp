// xml/form.hpp: data forms (XEP-0004), read and written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::xml {

struct FormOption {
    std::string value, label;
};

/// One field. `type` is empty where the peer gave none (§3.3: then text-single is meant).
struct FormField {
    std::string var, type, label;
    std::vector<std::string> values;
    std::vector<FormOption> options;
    bool is_required = false;   // of a form to fill in

    std::string_view value() const { return values.empty() ? std::string_view{} : values.front(); }
};

/// `<x xmlns='jabber:x:data' type='form|submit|cancel|result'>`.
struct Form {
    std::string type, title, instructions;
    std::vector<FormField> fields;

    /// Bad request when it is no form, has an unknown `type`, names a field twice, or was submitted
    /// with several values in a field whose type has one.
    static Result<Form, StanzaError> parse(const Element& x);
    Element to_element() const;

    const FormField* field(std::string_view var) const;
    /// Value of FORM_TYPE; empty when there is none.
    std::string_view form_type() const;
    /// Adds a field; a FORM_TYPE is added hidden by `set_form_type`.
    FormField& add(std::string var, std::string type, std::string value, std::string label = "");
    Form& set_form_type(std::string_view name);
};

/// XEP-0004 §3.3: 0, 1, false, true.
std::optional<bool> parse_boolean(std::string_view text);

}   // namespace grid::xml
