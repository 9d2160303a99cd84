// controller/schemas/libxml.hpp: libxml2 as it is used here: nothing is read but what it is
// given.
#pragma once

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace grid::controller::schemas {

struct XmlFree {
    void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
    void operator()(xmlParserCtxt* context) const { xmlFreeParserCtxt(context); }
    void operator()(xmlSchema* schema) const { xmlSchemaFree(schema); }
    void operator()(xmlSchemaParserCtxt* context) const { xmlSchemaFreeParserCtxt(context); }
    void operator()(xmlSchemaValidCtxt* context) const { xmlSchemaFreeValidCtxt(context); }
    void operator()(xmlChar* text) const { xmlFree(text); }
};
template <class T>
using XmlPtr = std::unique_ptr<T, XmlFree>;

inline std::string_view view(const xmlChar* text) {
    return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}
inline const xmlChar* to_xml(const char* text) { return reinterpret_cast<const xmlChar*>(text); }

/// Before each use of libxml2: once in the process it is made to open no file and no connection,
/// whatever it parses; in this thread it is made to keep what it finds to itself.
void prepare_libxml();

/// While it lives, this thread's libxml2 finds these texts, by the names that `source_name` gives
/// them, and nothing else.
class Sources {
public:
    explicit Sources(std::span<const std::string> texts);
    ~Sources();
    Sources(const Sources&) = delete;
};
std::string source_name(std::size_t index);
/// SIZE_MAX: it is no such name.
std::size_t source_index(std::string_view name);

/// The message in one line, bounded.
std::string cleaned(const char* message);

}   // namespace grid::controller::schemas
