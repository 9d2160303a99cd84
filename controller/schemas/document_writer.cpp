// controller/schemas/document_writer.cpp: see document_writer.hpp.
#include "controller/schemas/document_writer.hpp"

#include <algorithm>

#include "controller/schemas/pattern.hpp"
#include "xml/writer.hpp"

namespace grid::controller::schemas {

namespace {

constexpr std::string_view xsi_ns = "http://www.w3.org/2001/XMLSchema-instance";

std::string full_name(const xmlNs* ns, const xmlChar* name) {
    std::string text;
    if (ns != nullptr && ns->prefix != nullptr) text.append(view(ns->prefix)).append(":");
    return text.append(view(name));
}

}   // namespace

std::string attribute(const xmlNode& element, const char* name) {
    const XmlPtr<xmlChar> value(xmlGetNoNsProp(&element, to_xml(name)));
    return std::string(view(value.get()));
}

bool is_xsd(const xmlNode& node, std::string_view name) {
    return node.type == XML_ELEMENT_NODE && node.ns != nullptr && view(node.ns->href) == xsd_ns &&
           view(node.name) == name;
}

std::string local_part(std::string_view qname) {
    const std::size_t colon = qname.find(':');
    return std::string(colon == std::string_view::npos ? qname : qname.substr(colon + 1));
}

bool DocumentWriter::fail(const xmlNode& element, std::string text) {
    problem = Problem{into_.location, xmlGetLineNo(&element), std::move(text)};
    return false;
}

void DocumentWriter::pad_to(long line) {
    for (; line_ < line; ++line_) into_.text += '\n';
}

void DocumentWriter::note_reference(const xmlNode& element, bool is_import) {
    into_.references.push_back(
        {is_import, attribute(element, "namespace"), attribute(element, "schemaLocation"),
         xmlGetLineNo(&element), into_.text.size()}
    );
}

void DocumentWriter::write_attributes(const xmlNode& element, bool is_reference) {
    for (const xmlNs* ns = element.nsDef; ns != nullptr; ns = ns->next) {
        into_.text.append(ns->prefix == nullptr ? " xmlns" : " xmlns:").append(view(ns->prefix));
        into_.text += "='";
        xml::append_escaped_attr(into_.text, view(ns->href));
        into_.text += '\'';
    }
    for (const xmlAttr* one = element.properties; one != nullptr; one = one->next) {
        if (one->ns != nullptr && view(one->ns->href) == xsi_ns) continue;
        if (is_reference && one->ns == nullptr && view(one->name) == "schemaLocation") continue;
        const XmlPtr<xmlChar> value(
            xmlNodeListGetString(element.doc, one->children, 1 /* with what entities stand for */)
        );
        into_.text.append(" ").append(full_name(one->ns, one->name)).append("='");
        xml::append_escaped_attr(into_.text, view(value.get()));
        into_.text += '\'';
    }
}

void DocumentWriter::write_tag(const xmlNode& element, bool is_reference) {
    into_.text.append("<").append(full_name(element.ns, element.name));
    write_attributes(element, is_reference);
    pad_to(xmlGetLineNo(&element));
}

bool DocumentWriter::write(const xmlNode& element) {
    const bool is_import = is_xsd(element, "import"), is_include = is_xsd(element, "include");
    if (is_xsd(element, "redefine"))
        return fail(element, "xs:redefine is not taken: write the changed types out");
    if (is_xsd(element, "pattern")) {
        const std::string pattern = attribute(element, "value");
        if (auto reason = refuse_pattern(pattern)) return fail(element, std::move(*reason));
        into_.pattern_degree = std::max(into_.pattern_degree, pattern_degree(pattern));
    }
    write_tag(element, is_import || is_include);
    if (is_import || is_include) note_reference(element, is_import);
    into_.text += '>';
    for (const xmlNode* child = element.children; child != nullptr; child = child->next) {
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE) {
            // Only white space is allowed between the elements of a schema: libxml2 says so.
            const std::string_view text = view(child->content);
            line_ += std::ranges::count(text, '\n');
            xml::append_escaped_text(into_.text, text);
        } else if (child->type == XML_ENTITY_REF_NODE) {
            return fail(element, "a schema has no entities");
        } else if (child->type == XML_ELEMENT_NODE && !is_xsd(*child, "annotation")) {
            if (!write(*child)) return false;
        }
    }
    into_.text.append("</").append(full_name(element.ns, element.name)).append(">");
    return true;
}

}   // namespace grid::controller::schemas
