// controller/schemas/document.cpp: reads a schema document.
#include "controller/schemas/document.hpp"

#include <libxml/parserInternals.h>

#include <algorithm>
#include <optional>

#include "controller/schemas/document_writer.hpp"
#include "controller/schemas/libxml.hpp"

namespace grid::controller::schemas {

namespace {

/// The state of one reading, for libxml2's callbacks (a parser context's _private).
struct Reading {
    bool has_doctype = false;
    std::optional<Problem> problem;
};

Reading& reading_of(void* context) {
    return *static_cast<Reading*>(static_cast<xmlParserCtxt*>(context)->_private);
}

/// Before anything of it is looked at.
void stop_at_doctype(void* context, const xmlChar*, const xmlChar*, const xmlChar*) {
    auto* parser = static_cast<xmlParserCtxt*>(context);
    reading_of(context).has_doctype = true;
    reading_of(context).problem = Problem{
        {},
        parser->input == nullptr ? 0 : parser->input->line,
        "a schema has no DTD and no entities: remove <!DOCTYPE>"
    };
    xmlStopParser(parser);
}

void note_read_error(void* context, xmlError* error) {
    Reading& reading = reading_of(context);
    if (!reading.problem && error != nullptr && error->level >= XML_ERR_ERROR)
        reading.problem = Problem{{}, error->line, cleaned(error->message)};
}

Result<XmlPtr<xmlDoc>, Problem> parse(std::string_view text) {
    prepare_libxml();
    XmlPtr<xmlParserCtxt> context(
        xmlCreateMemoryParserCtxt(text.data(), static_cast<int>(text.size()))
    );
    if (!context) return Problem{{}, 0, "it is empty"};
    Reading reading;
    context->_private = &reading;
    xmlCtxtUseOptions(context.get(), XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_IGNORE_ENC);
    context->sax->internalSubset = stop_at_doctype;
    context->sax->externalSubset = stop_at_doctype;
    context->sax->serror = note_read_error;
    xmlParseDocument(context.get());
    XmlPtr<xmlDoc> document(context->myDoc);
    context->myDoc = nullptr;
    if (reading.problem) return std::move(*reading.problem);
    if (!context->wellFormed || !document)
        return Problem{{}, 0, "it is no well-formed XML document"};
    return Result<XmlPtr<xmlDoc>, Problem>(std::move(document));
}

/// True for an element that may be absent, or occur more than once.
bool is_loose(const xmlNode& element) {
    const std::string most = attribute(element, "maxOccurs");
    return attribute(element, "minOccurs") == "0" || (!most.empty() && most != "1");
}

void add_use(Component& component, Kind kind, std::string_view qnames) {
    while (!qnames.empty()) {
        const std::size_t end = std::min(qnames.find_first_of(" \t\r\n"), qnames.size());
        if (end > 0) component.uses.emplace_back(kind, local_part(qnames.substr(0, end)));
        qnames.remove_prefix(std::min(end + 1, qnames.size()));
    }
}

void count(const xmlNode& element, Document& document, Component& component) {
    ++component.own;
    if (is_loose(element)) ++component.loose;
    if (is_xsd(element, "element")) {
        add_use(component, Kind::Element, attribute(element, "ref"));
    } else if (is_xsd(element, "group")) {
        add_use(component, Kind::Group, attribute(element, "ref"));
    } else if (is_xsd(element, "attributeGroup")) {
        add_use(component, Kind::AttributeGroup, attribute(element, "ref"));
    } else if (is_xsd(element, "extension") || is_xsd(element, "restriction")) {
        add_use(component, Kind::Type, attribute(element, "base"));
    } else if (is_xsd(element, "union")) {
        add_use(component, Kind::Type, attribute(element, "memberTypes"));
    }
    for (const xmlNode* child = element.children; child != nullptr; child = child->next) {
        if (child->type != XML_ELEMENT_NODE || is_xsd(*child, "annotation")) continue;
        if (!is_xsd(*child, "complexType")) {
            count(*child, document, component);
            continue;
        }
        // A content model of its own, under a name that no document uses.
        Component own;
        own.line = xmlGetLineNo(child);
        count(*child, document, own);
        const std::string name = "#" + std::to_string(document.components.size());
        document.components.push_back({{Kind::Declaration, name}, std::move(own)});
    }
}

bool has_keys(const xmlNode& element) {
    if (is_xsd(element, "key") || is_xsd(element, "keyref") || is_xsd(element, "unique"))
        return true;
    for (const xmlNode* child = element.children; child != nullptr; child = child->next)
        if (child->type == XML_ELEMENT_NODE && has_keys(*child)) return true;
    return false;
}

void note_components(const xmlNode& schema, Document& document) {
    for (const xmlNode* child = schema.children; child != nullptr; child = child->next) {
        if (child->type != XML_ELEMENT_NODE || is_xsd(*child, "annotation")) continue;
        const std::string name = attribute(*child, "name");
        Kind kind = Kind::Type;
        if (is_xsd(*child, "element")) {
            kind = Kind::Declaration;
            document.elements.push_back(name);
        } else if (is_xsd(*child, "group")) {
            kind = Kind::Group;
        } else if (is_xsd(*child, "attributeGroup")) {
            kind = Kind::AttributeGroup;
        }
        Component component;
        component.line = xmlGetLineNo(child);
        count(*child, document, component);
        // A reference to the head of a substitution group stands for its members, too.
        const std::string head = attribute(*child, "substitutionGroup");
        if (!head.empty())
            document.components.push_back(
                {{Kind::Element, local_part(head)}, {1, 0, {{Kind::Element, name}}, component.line}}
            );
        document.components.push_back({{kind, name}, std::move(component)});
    }
}

Result<Document, Problem> read(const std::string& location, std::string_view text) {
    if (text.size() > document_bytes_max)
        return Problem{
            {}, 0, "a schema document has at most " + std::to_string(document_bytes_max) + " bytes"
        };
    auto parsed = parse(text);
    if (!parsed) return parsed.error();
    const xmlNode* root = xmlDocGetRootElement(parsed->get());
    if (root == nullptr || !is_xsd(*root, "schema"))
        return Problem{
            {},
            root == nullptr ? 0 : xmlGetLineNo(root),
            "expected an element schema of " + std::string(xsd_ns)
        };
    Document document;
    document.location = location;
    document.target_namespace = attribute(*root, "targetNamespace");
    DocumentWriter writer(document);
    if (!writer.write(*root)) return std::move(*writer.problem);
    note_components(*root, document);
    document.has_keys = has_keys(*root);
    return document;
}

}   // namespace

std::string to_text(const Problem& problem) {
    std::string text = problem.document;
    if (problem.line > 0)
        text.append(text.empty() ? "" : ", ").append("line ").append(std::to_string(problem.line));
    return text.append(text.empty() ? "" : ": ").append(problem.text);
}

Result<Document, Problem> read_document(const std::string& location, std::string_view text) {
    auto document = read(location, text);
    if (document) return document;
    Problem problem = document.error();
    problem.document = location;
    return problem;
}

}   // namespace grid::controller::schemas
