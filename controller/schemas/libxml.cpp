// controller/schemas/libxml.cpp: the one loader of libxml2 in this process.
#include "controller/schemas/libxml.hpp"

#include <libxml/catalog.h>
#include <libxml/schemasInternals.h>
#include <libxml/xmlschemastypes.h>

#include <charconv>
#include <cstdint>

namespace grid::controller::schemas {

namespace {

constexpr std::string_view scheme = "gridd-schema:";
constexpr std::size_t message_bytes_max = 400;

thread_local std::span<const std::string> current;

/// The entity loader of libxml2 (xmlSetExternalEntityLoader), which asks here for documents that a
/// schema names and for external entities. Files and addresses do not exist for libxml2.
xmlParserInput* load(const char* name, const char* /*public_id*/, xmlParserCtxt* context) {
    const std::size_t index = source_index(name == nullptr ? "" : name);
    if (index >= current.size()) return nullptr;
    const std::string& text = current[index];
    xmlParserInputBuffer* buffer = xmlParserInputBufferCreateMem(
        text.data(), static_cast<int>(text.size()), XML_CHAR_ENCODING_UTF8
    );
    if (buffer == nullptr) return nullptr;
    xmlParserInput* input = xmlNewIOInputStream(context, buffer, XML_CHAR_ENCODING_UTF8);
    if (input != nullptr) input->filename = reinterpret_cast<char*>(xmlStrdup(to_xml(name)));
    return input;
}

void keep_quiet(void* /*data*/, xmlError* /*error*/) {}

}   // namespace

void prepare_libxml() {
    static const bool is_ready = [] {
        xmlInitParser();
        xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
        xmlSetExternalEntityLoader(load);
        xmlSchemaInitTypes();   // else the first two validations would race for it
        return true;
    }();
    static_cast<void>(is_ready);
    xmlSetStructuredErrorFunc(nullptr, keep_quiet);
}

Sources::Sources(std::span<const std::string> texts) { current = texts; }
Sources::~Sources() { current = {}; }

std::string source_name(std::size_t index) {
    return std::string(scheme).append(std::to_string(index));
}

std::size_t source_index(std::string_view name) {
    if (!name.starts_with(scheme)) return SIZE_MAX;
    name.remove_prefix(scheme.size());
    std::size_t index = SIZE_MAX;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    return error == std::errc() && end == name.data() + name.size() ? index : SIZE_MAX;
}

std::string cleaned(const char* message) {
    std::string text;
    for (std::string_view rest = message == nullptr ? "" : message; !rest.empty();
         rest.remove_prefix(1)) {
        const bool is_space = static_cast<unsigned char>(rest.front()) <= ' ';
        if (!is_space)
            text += rest.front();
        else if (!text.empty() && text.back() != ' ')
            text += ' ';
    }
    if (text.size() > message_bytes_max) {
        std::size_t end = message_bytes_max;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
        text.resize(end);
        text += "…";
    }
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
}

}   // namespace grid::controller::schemas
