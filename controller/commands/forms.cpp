// controller/commands/forms.cpp: see forms.hpp.
#include "controller/commands/forms.hpp"

#include <algorithm>
#include <charconv>

#include "controller/gi/request.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::commands {

using xml::Element;

xml::Form form(std::string_view form_type, std::string title, std::string instructions) {
    xml::Form made;
    made.type = "form";
    made.title = std::move(title);
    made.instructions = std::move(instructions);
    made.set_form_type(form_type);
    return made;
}

void add_field(
    xml::Form& to,
    std::string var,
    std::string type,
    std::string label,
    std::vector<std::string> values,
    const std::vector<std::string>& options
) {
    xml::FormField field{std::move(var), std::move(type), std::move(label), std::move(values), {}};
    for (const std::string& option : options) field.options.push_back({option, {}});
    to.fields.push_back(std::move(field));
}

void add_required(
    xml::Form& to,
    std::string var,
    std::string type,
    std::string label,
    const std::vector<std::string>& options
) {
    add_field(to, std::move(var), std::move(type), std::move(label), {}, options);
    to.fields.back().is_required = true;
}

Element result(std::string_view form_type, const std::vector<Value>& values) {
    xml::Form made;
    made.type = "result";
    made.set_form_type(form_type);
    for (const Value& value : values)
        made.fields.push_back({value.var, value.type, {}, value.values, {}});
    return made.to_element();
}

Table::Table(std::string_view form_type, std::string title, std::vector<Column> columns)
    : columns_(std::move(columns)), x_("x", xml::ns::data, {{"type", "result"}}) {
    if (!title.empty()) x_.add(Element::with_text("title", title));
    x_.add(Element(
        "field", {{"var", "FORM_TYPE"}, {"type", "hidden"}}, Element::with_text("value", form_type)
    ));
    Element reported("reported");
    for (const Column& column : columns_)
        reported.add(
            Element("field", {{"var", column.var}, {"type", column.type}, {"label", column.label}})
        );
    x_.add(std::move(reported));
}

void Table::add(const std::vector<std::vector<std::string>>& row) {
    Element item("item");
    for (std::size_t i = 0; i < columns_.size() && i < row.size(); ++i) {
        Element field("field", {{"var", columns_[i].var}});
        for (const std::string& value : row[i]) field.add(Element::with_text("value", value));
        item.add(std::move(field));
    }
    x_.add(std::move(item));
    ++size_;
}

Result<PageAsked, xml::StanzaError> page_of(const Call& call) {
    PageAsked asked;
    const std::size_t bound = std::max<std::size_t>(call.state.settings.page_max, 1);
    asked.max = bound;
    if (const std::string max = call.value("max_items"); !max.empty() && max != "none") {
        const auto [end, error] = std::from_chars(max.data(), max.data() + max.size(), asked.max);
        if (error != std::errc{} || end != max.data() + max.size() || asked.max == 0)
            return bad_payload("max_items is a number or none");
    }
    if (call.page) {
        if (call.page->before || call.page->index)
            return xml::feature_not_implemented("these lists are paged forward, by <after/>");
        if (call.page->max) asked.max = *call.page->max;
        asked.after = call.page->after.value_or("");
    }
    asked.max = std::min(asked.max, bound);
    return asked;
}

Element page_element(std::string first, std::string last, std::size_t count) {
    xml::RsmReply reply;
    reply.first = std::move(first);
    reply.last = std::move(last);
    reply.count = count;
    return reply.to_element();
}

Result<std::vector<xml::Jid>, xml::StanzaError> accounts_in(
    const Call& call, std::string_view var, std::size_t most
) {
    std::vector<xml::Jid> found;
    for (const std::string& text : call.values(var)) {
        const auto jid = xml::Jid::parse(
            text.find('@') == std::string::npos ? text + "@" + call.state.settings.domain : text
        );
        if (!jid || !jid->is_bare() || jid->local().empty())
            return bad_payload("'" + text + "' is no account: expected name@domain");
        if (std::ranges::find(found, *jid) == found.end()) found.push_back(*jid);
    }
    if (found.empty()) return bad_payload("the form must name accounts in " + std::string(var));
    if (found.size() > most)
        return bad_payload("at most " + std::to_string(most) + " accounts at a time");
    return found;
}

Result<std::optional<Groups>, xml::StanzaError> groups_in(const Call& call, std::string_view var) {
    std::vector<std::string> names = call.values(var);
    if (names.empty()) return std::optional<Groups>{};
    auto groups = make_groups(std::move(names));
    if (!groups) return bad_payload(std::string("at most 64 groups; ") + group_name_rule);
    return std::optional(std::move(*groups));
}

Step refusal(const Failure& failure) { return to_stanza_error(failure); }

Step done_with(Outcome<storage::Batch> batch) {
    if (!batch) return refusal(batch.error());
    return Done{std::move(*batch)};
}

}   // namespace grid::controller::commands
