// controller/schemas/document_writer.hpp: writes what libxml2 is to see of a document, and notes
// what it refers to.
#pragma once

#include <optional>
#include <string>

#include "controller/schemas/document.hpp"
#include "controller/schemas/libxml.hpp"

namespace grid::controller::schemas {

class DocumentWriter {
public:
    explicit DocumentWriter(Document& into) : into_(into) {}
    /// The element and all in it. False: `problem` says why.
    bool write(const xmlNode& element);

    std::optional<Problem> problem;

private:
    void write_tag(const xmlNode& element, bool is_reference);
    void write_attributes(const xmlNode& element, bool is_reference);
    void note_reference(const xmlNode& element, bool is_import);
    void pad_to(long line);
    bool fail(const xmlNode& element, std::string text);

    Document& into_;
    long line_ = 1;
};

/// The value of an attribute without a namespace; empty when there is none.
std::string attribute(const xmlNode& element, const char* name);
bool is_xsd(const xmlNode& node, std::string_view name);
/// The name without its prefix.
std::string local_part(std::string_view qname);

}   // namespace grid::controller::schemas
