// controller/schemas/document.hpp: one schema document, read, checked, and reduced to what
// libxml2 is to see of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xml/result.hpp"

namespace grid::controller::schemas {

inline constexpr std::size_t document_bytes_max = 256 * 1024;
inline constexpr std::string_view xsd_ns = "http://www.w3.org/2001/XMLSchema";

/// A mistake in a document, and its place.
struct Problem {
    std::string document;   // the document's location
    long line = 0;          // 0: it is not known
    std::string text;
    bool operator==(const Problem&) const = default;
};
/// "iodef.xsd, line 12: …"
std::string to_text(const Problem& problem);

/// xs:import or xs:include.
struct Reference {
    bool is_import = false;
    std::string ns, location;
    long line = 0;
    std::size_t at = 0;   // in Document::text: where the schemaLocation goes
};

/// The components that libxml2 expands: where one uses another, it gets everything that the other
/// has. Element: the members of its substitution group. Declaration: the element's own content
/// only.
enum class Kind : std::uint8_t { Type, Group, AttributeGroup, Element, Declaration };
using Use = std::pair<Kind, std::string>;   // by local name: namespaces can only make it less
struct Component {
    std::size_t own = 0;     // elements of the schema language in it
    std::size_t loose = 0;   // of these, that need not occur or may do so more than once
    std::vector<Use> uses;
    long line = 0;
};

struct Document {
    std::string location, target_namespace;
    /// Without annotations, comments, instructions and schemaLocation; each start tag is in the
    /// line where it was.
    std::string text;
    std::vector<Reference> references;
    std::vector<std::string> elements;   // declared for the root of a payload
    std::vector<std::pair<Use, Component>> components;
    unsigned pattern_degree = 1;   // of the slowest pattern
    bool has_keys = false;         // xs:key, xs:keyref, xs:unique
};

/// No DTD, no entities, no xs:redefine; only patterns that are matched in reasonable time.
Result<Document, Problem> read_document(const std::string& location, std::string_view text);

}   // namespace grid::controller::schemas
