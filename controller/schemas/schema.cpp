// controller/schemas/schema.cpp: compiling documents into a schema.
#include "controller/schemas/schema.hpp"

#include <algorithm>
#include <optional>

#include "controller/schemas/cost.hpp"
#include "controller/schemas/schema_compiled.hpp"
#include "xml/writer.hpp"

namespace grid::controller::schemas {

namespace {

struct Compiling {
    std::span<const Schema::Source> sources;
    std::optional<Problem> problem;
};

void note_compile_error(void* data, xmlError* error) {
    auto& compiling = *static_cast<Compiling*>(data);
    if (compiling.problem || error == nullptr || error->level < XML_ERR_ERROR) return;
    Problem problem{{}, error->line, cleaned(error->message)};
    const std::size_t index = source_index(error->file == nullptr ? "" : error->file);
    if (index < compiling.sources.size())
        problem.document = compiling.sources[index].document.location;
    compiling.problem = std::move(problem);
}

/// Each reference names the document that it means, by the name that it has here.
std::vector<std::string> linked_texts(std::span<const Schema::Source> sources) {
    std::vector<std::string> texts;
    for (const auto& [document, meant] : sources) {
        std::string text;
        std::size_t from = 0;
        for (std::size_t i = 0; i < meant.size(); ++i) {
            const std::size_t at = document.references[i].at;
            text.append(document.text, from, at - from);
            text.append(" schemaLocation='").append(source_name(meant[i])).append("'");
            from = at;
        }
        texts.push_back(text.append(document.text, from));
    }
    return texts;
}

}   // namespace

std::string_view to_string(Mode mode) {
    switch (mode) {
        case Mode::Off:
            return "off";
        case Mode::Lax:
            return "lax";
        case Mode::Strict:
            break;
    }
    return "strict";
}

Schema::Schema() : compiled_(std::make_unique<Compiled>()) {}
Schema::~Schema() = default;

Result<std::shared_ptr<const Schema>, Problem> Schema::compile(std::vector<Source> sources) {
    std::vector<Document> documents;
    for (const Source& source : sources) documents.push_back(source.document);
    if (auto problem = refuse_cost(documents)) return std::move(*problem);
    std::shared_ptr<Schema> made(new Schema());
    const std::vector<std::string> texts = linked_texts(sources);
    Compiling compiling{sources, {}};
    prepare_libxml();
    {
        const Sources visible(texts);
        const std::string root = source_name(0);
        const XmlPtr<xmlSchemaParserCtxt> context(xmlSchemaNewParserCtxt(root.c_str()));
        if (!context) return Problem{sources.front().document.location, 0, "out of memory"};
        xmlSchemaSetParserStructuredErrors(context.get(), note_compile_error, &compiling);
        made->compiled_->schema.reset(xmlSchemaParse(context.get()));
    }
    if (compiling.problem) {
        if (compiling.problem->document.empty())
            compiling.problem->document = sources.front().document.location;
        return std::move(*compiling.problem);
    }
    if (!made->compiled_->schema)
        return Problem{sources.front().document.location, 0, "it does not compile"};
    for (const Document& document : documents) {
        made->compiled_->has_keys = made->compiled_->has_keys || document.has_keys;
        made->compiled_->pattern_degree =
            std::max(made->compiled_->pattern_degree, document.pattern_degree);
        for (const std::string& name : document.elements)
            made->compiled_->roots.emplace(document.target_namespace, name);
        // An included document without a namespace of its own takes that of who includes it.
        if (document.target_namespace.empty())
            for (const std::string& name : document.elements)
                made->compiled_->roots.emplace(documents.front().target_namespace, name);
    }
    return std::shared_ptr<const Schema>(std::move(made));
}

}   // namespace grid::controller::schemas
