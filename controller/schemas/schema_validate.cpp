// controller/schemas/schema_validate.cpp: does a payload fit its schema?
#include <algorithm>
#include <optional>

#include "controller/schemas/schema_compiled.hpp"

namespace grid::controller::schemas {

namespace {

/// Between two of them the clock is asked.
constexpr std::size_t piece_bytes = 4096;

struct Root {
    std::string ns, name;
};

/// The payload's root, and the first thing that is wrong with it.
struct Validation {
    std::string problem;
};

void note_invalid(void* data, xmlError* error) {
    auto& validation = *static_cast<Validation*>(data);
    if (!validation.problem.empty() || error == nullptr) return;
    if (error->line > 0) validation.problem = "line " + std::to_string(error->line) + ": ";
    validation.problem += cleaned(error->message);
}

/// libxml2 asks for the place while the payload is being read.
int locate(void* parser, const char** file, unsigned long* line) {
    const auto* input = static_cast<xmlParserCtxt*>(parser)->input;
    if (file != nullptr) *file = nullptr;
    if (line != nullptr) *line = input == nullptr ? 0 : static_cast<unsigned long>(input->line);
    return input == nullptr ? -1 : 0;
}

using Texts = const xmlChar**;

void note_root(
    void* data,
    const xmlChar* name,
    const xmlChar* /*prefix*/,
    const xmlChar* ns,
    int /*namespaces*/,
    Texts /*declared*/,
    int /*attributes*/,
    int /*defaulted*/,
    Texts /*given*/
) {
    auto* parser = static_cast<xmlParserCtxt*>(data);
    *static_cast<Root*>(parser->_private) = {std::string(view(ns)), std::string(view(name))};
    xmlStopParser(parser);
}

Root root_of(const std::string& payload) {
    Root root;
    xmlSAXHandler handler{};
    handler.initialized = XML_SAX2_MAGIC;
    handler.startElementNs = note_root;
    const XmlPtr<xmlParserCtxt> parser(
        xmlCreatePushParserCtxt(&handler, nullptr, nullptr, 0, nullptr)
    );
    if (!parser) return root;
    parser->_private = &root;
    xmlCtxtUseOptions(parser.get(), XML_PARSE_NONET);
    for (std::size_t at = 0; at < payload.size() && root.name.empty(); at += piece_bytes) {
        const std::size_t size = std::min(piece_bytes, payload.size() - at);
        if (xmlParseChunk(parser.get(), payload.data() + at, static_cast<int>(size), 0) != 0) break;
    }
    return root;
}

/// The parser feeds the validation, and makes no tree.
class PayloadReader {
public:
    PayloadReader(xmlSchemaValidCtxt* context)
        : parser_(xmlCreatePushParserCtxt(nullptr, nullptr, nullptr, 0, nullptr)) {
        if (!parser_) return;
        xmlCtxtUseOptions(parser_.get(), XML_PARSE_NONET | XML_PARSE_BIG_LINES);
        own_ = parser_->sax;
        parser_->sax = nullptr;
        plug_ = xmlSchemaSAXPlug(context, &parser_->sax, &parser_->userData);
        xmlSchemaValidateSetLocator(context, locate, parser_.get());
    }
    ~PayloadReader() {
        if (plug_ != nullptr) xmlSchemaSAXUnplug(plug_);
        if (parser_) parser_->sax = own_;
    }
    PayloadReader(const PayloadReader&) = delete;

    /// False: it could not be read to its end in time.
    bool read(const std::string& payload, const Validation& validation, const IsLate& is_late) {
        if (plug_ == nullptr) return false;
        for (std::size_t at = 0; at < payload.size(); at += piece_bytes) {
            if (is_late && is_late()) return false;
            const std::size_t size = std::min(piece_bytes, payload.size() - at);
            const bool is_last = at + size == payload.size();
            if (xmlParseChunk(
                    parser_.get(), payload.data() + at, static_cast<int>(size), is_last ? 1 : 0
                ) != 0)
                return false;
            if (!validation.problem.empty()) return true;
        }
        return true;
    }

private:
    XmlPtr<xmlParserCtxt> parser_;
    xmlSAXHandler* own_ = nullptr;
    xmlSchemaSAXPlugStruct* plug_ = nullptr;
};

/// Of one text or attribute. The payload is as our writer made it: attributes are between single
/// quotes, and a `<` begins a tag wherever it stands.
std::size_t longest_text(std::string_view payload) {
    enum class In { Text, Tag, Value } in = In::Text;
    std::size_t longest = 0, length = 0;
    for (const char c : payload) {
        const bool is_turn = (in == In::Text && c == '<') || (in == In::Tag && c == '>') ||
                             (in != In::Text && c == '\'');
        if (!is_turn) {
            longest = std::max(longest, ++length);
            continue;
        }
        length = 0;
        in = c == '<' ? In::Tag : c == '>' ? In::Text : in == In::Tag ? In::Value : In::Tag;
    }
    return longest;
}

}   // namespace

std::string Schema::check(Mode mode, const std::string& payload, const IsLate& is_late) const {
    if (mode == Mode::Off) return {};
    prepare_libxml();
    const Root root = root_of(payload);
    if (!compiled_->roots.contains({root.ns, root.name})) {
        if (mode == Mode::Lax) return {};
        return "line 1: the schema of this topic declares no element '" + root.name +
               "' of namespace '" + root.ns + "'";
    }
    return validate(payload, is_late);
}

std::string Schema::validate(const std::string& payload, const IsLate& is_late) const {
    if (compiled_->has_keys && payload.size() > keyed_payload_bytes_max)
        return "the schema of this topic has keys, with which a payload has at most " +
               std::to_string(keyed_payload_bytes_max) + " bytes";
    const std::size_t text_max =
        compiled_->pattern_degree > 2 ? cubed_text_bytes_max : squared_text_bytes_max;
    if (compiled_->pattern_degree > 1 && longest_text(payload) > text_max)
        return "the schema of this topic has patterns that take long, with which no text has more "
               "than " +
               std::to_string(text_max) + " bytes";
    Validation validation;
    const XmlPtr<xmlSchemaValidCtxt> context(xmlSchemaNewValidCtxt(compiled_->schema.get()));
    if (!context) return "it could not be checked: out of memory";
    xmlSchemaSetValidStructuredErrors(context.get(), note_invalid, &validation);
    PayloadReader reader(context.get());
    const bool is_read = reader.read(payload, validation, is_late);
    if (!validation.problem.empty()) return std::move(validation.problem);
    if (!is_read) return "it could not be checked against its schema in time";
    if (xmlSchemaIsValid(context.get()) != 1) return "it does not fit its schema";
    return {};
}

}   // namespace grid::controller::schemas
