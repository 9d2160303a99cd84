// controller/gi/provider_bulk.cpp: see controller/gi/provider_bulk.hpp.
#include "controller/gi/provider_bulk.hpp"

#include "controller/gi/request.hpp"
#include "controller/text/text.hpp"

namespace grid::controller::gi {

namespace {

/// The element without its content.
xml::Element shell_of(const xml::Element& element) {
    xml::Element shell(element.name(), element.ns(), element.attrs());
    for (const xml::Declaration& declared : element.declarations())
        shell.declare(declared.prefix, declared.uri);
    return shell;
}

}   // namespace

const xml::Element* find_bulk_query(const xml::Element& payload) {
    const xml::Element* inner = is_grid(payload) ? payload.first_child() : nullptr;
    return inner != nullptr && inner->name() == "BulkQuery" ? inner : nullptr;
}

std::string topic_of_bulk_query(const xml::Element& query) {
    const xml::Element* method = query.first_child();
    if (method == nullptr) return {};
    for (const xml::Element* param : method->children())
        if (param->name() == "param" && param->attr_or("name", "") == "topic")
            return trimmed(param->text());
    return {};
}

std::optional<xml::Element> bulk_question(const xml::Element& payload) {
    const xml::Element* query = find_bulk_query(payload);
    if (query == nullptr) return std::nullopt;
    xml::Element question = shell_of(payload), inner = shell_of(*query);
    if (const xml::Element* method = query->first_child()) {
        xml::Element asked = shell_of(*method);
        if (const std::string topic = topic_of_bulk_query(*query); !topic.empty())
            asked.add(xml::Element::with_text("param", topic, {{"name", "topic"}}));
        inner.add(std::move(asked));
    }
    question.add(std::move(inner));
    return question;
}

xml::Element question_shell(const xml::Element& payload) {
    xml::Element question = shell_of(payload);
    if (is_grid(payload))
        if (const xml::Element* inner = payload.first_child()) question.add(shell_of(*inner));
    return question;
}

std::string offered_stream(const xml::Element& payload) {
    const xml::Element* query = find_bulk_query(payload);
    const xml::Element* method = query != nullptr ? query->first_child() : nullptr;
    const xml::Element* value = method != nullptr ? method->child_any_ns("value") : nullptr;
    if (value == nullptr) return {};
    const std::string_view carrier = value->attr_or("transport", "");
    return carrier == "s5b" || carrier == "ibb" ? std::string(value->attr_or("sid", "")) : "";
}

}   // namespace grid::controller::gi
