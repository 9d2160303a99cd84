// controller/schemas/library.cpp: which document a reference means; compiling what belongs
// together.
#include "controller/schemas/library.hpp"

#include <algorithm>
#include <set>

namespace grid::controller::schemas {

namespace {

constexpr std::string_view xml_ns = "http://www.w3.org/XML/1998/namespace";

/// Nearly every schema imports it, and it never changes.
constexpr std::string_view xml_document =
    "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' "
    "targetNamespace='http://www.w3.org/XML/1998/namespace'>"
    "<xs:attribute name='lang'><xs:simpleType><xs:union memberTypes='xs:language'>"
    "<xs:simpleType><xs:restriction base='xs:string'><xs:enumeration value=''/></xs:restriction>"
    "</xs:simpleType></xs:union></xs:simpleType></xs:attribute>"
    "<xs:attribute name='space'><xs:simpleType><xs:restriction base='xs:NCName'>"
    "<xs:enumeration value='default'/><xs:enumeration value='preserve'/>"
    "</xs:restriction></xs:simpleType></xs:attribute>"
    "<xs:attribute name='base' type='xs:anyURI'/>"
    "<xs:attribute name='id' type='xs:ID'/>"
    "<xs:attributeGroup name='specialAttrs'>"
    "<xs:attribute ref='xml:base'/><xs:attribute ref='xml:lang'/>"
    "<xs:attribute ref='xml:space'/><xs:attribute ref='xml:id'/></xs:attributeGroup></xs:schema>";

std::string_view file_name(std::string_view location) {
    const std::size_t slash = location.find_last_of("/\\");
    return slash == std::string_view::npos ? location : location.substr(slash + 1);
}

}   // namespace

Library::Library(Documents documents) : documents_(std::move(documents)) {
    for (const auto& [location, stored] : documents_)
        compiled_.emplace(location, std::make_unique<Place>());
}

/// By location; an import by its namespace; then by the last part of the location, which is all
/// that files on a disk and addresses on the web have in common.
std::optional<std::string> Library::find(const Document& from, const Reference& reference) const {
    if (documents_.contains(reference.location)) return reference.location;
    std::vector<std::string> found;
    if (reference.is_import) {
        for (const auto& [location, stored] : documents_)
            if (stored.target_namespace == reference.ns) found.push_back(location);
        if (found.size() == 1) return found.front();
    }
    const std::string_view name = file_name(reference.location);
    if (name.empty()) return std::nullopt;
    std::erase_if(found, [&](const std::string& location) { return file_name(location) != name; });
    if (found.empty() && !reference.is_import)
        for (const auto& [location, stored] : documents_)
            if (file_name(location) == name && location != from.location) found.push_back(location);
    if (found.size() == 1) return found.front();
    return std::nullopt;
}

Result<std::vector<Schema::Source>, Problem> Library::gather(std::string_view root) const {
    std::vector<Schema::Source> sources;
    std::vector<std::string> locations{std::string(root)};
    for (std::size_t i = 0; i < locations.size(); ++i) {
        const std::string location = locations[i];
        const auto stored = documents_.find(location);
        const bool is_known = stored != documents_.end();
        if (!is_known && location != xml_ns)
            return Problem{location, 0, "there is no such document here"};
        auto document = read_document(location, is_known ? *stored->second.text : xml_document);
        if (!document) return document.error();
        std::vector<std::size_t> meant;
        for (const Reference& reference : document->references) {
            auto target = find(*document, reference);
            if (!target && reference.is_import && reference.ns == xml_ns) target = xml_ns;
            if (!target)
                return Problem{
                    location, reference.line,
                    "no stored document is meant by " +
                        (reference.is_import ? "the import of namespace '" + reference.ns + "'"
                                             : "the include of '" + reference.location + "'") +
                        ": store it too; nothing is read from files or from the network"
                };
            const auto at = std::ranges::find(locations, *target);
            meant.push_back(static_cast<std::size_t>(at - locations.begin()));
            if (at == locations.end()) locations.push_back(std::move(*target));
        }
        sources.push_back({std::move(*document), std::move(meant)});
    }
    return sources;
}

Result<std::vector<std::string>, Problem> Library::closure(std::string_view location) const {
    auto sources = gather(location);
    if (!sources) return sources.error();
    std::vector<std::string> locations;
    for (const Schema::Source& source : *sources) locations.push_back(source.document.location);
    return locations;
}

Library::Compiled Library::schema(std::string_view location) const {
    const auto place = compiled_.find(location);
    if (place == compiled_.end())
        return Problem{std::string(location), 0, "there is no such document here"};
    if (const auto ready = place->second->load()) return *ready;
    auto sources = gather(location);
    Compiled made = sources ? Schema::compile(std::move(*sources)) : Compiled(sources.error());
    place->second->store(std::make_shared<const Compiled>(made));
    return made;
}

bool Library::is_compiled(std::string_view location) const {
    const auto place = compiled_.find(location);
    return place == compiled_.end() || place->second->load() != nullptr;
}

void Library::adopt(const Library& other, std::string_view location) const {
    const auto from = other.compiled_.find(location);
    const auto to = compiled_.find(location);
    if (from != other.compiled_.end() && to != compiled_.end())
        to->second->store(from->second->load());
}

namespace {

/// Documents that are there for others to include need not be complete by themselves.
std::set<std::string> included_in(
    const Library& library,
    std::map<std::string, std::vector<std::string>>& closures,
    std::optional<Problem>& problem
) {
    std::set<std::string> included;
    for (const auto& [location, stored] : library.documents()) {
        auto closure = library.closure(location);
        if (!closure) {
            problem = closure.error();
            return included;
        }
        for (const std::string& other : *closure) {
            const auto found = library.documents().find(other);
            if (other == location || found == library.documents().end()) continue;
            const std::string& ns = found->second.target_namespace;
            if (ns.empty() || ns == stored.target_namespace) included.insert(other);
        }
        closures.emplace(location, std::move(*closure));
    }
    return included;
}

bool touches(const std::vector<std::string>& changed, const std::vector<std::string>& closure) {
    return std::ranges::any_of(changed, [&](const std::string& one) {
        return std::ranges::find(closure, one) != closure.end();
    });
}

void compile_touched(Trial& trial) {
    std::map<std::string, std::vector<std::string>> closures;
    const auto included = included_in(*trial.result, closures, trial.problem);
    for (const auto& [location, closure] : closures) {
        if (trial.problem) return;
        if (!touches(trial.changed, closure)) {
            trial.result->adopt(*trial.base, location);
            continue;
        }
        auto schema = trial.result->schema(location);
        if (!schema && (trial.used.contains(location) || !included.contains(location)))
            trial.problem = schema.error();
    }
}

}   // namespace

Trial try_documents(
    std::shared_ptr<const Library> base,
    std::set<std::string> used,
    const std::map<std::string, std::string>& texts
) {
    Trial trial{std::move(base), {}, std::move(used), {}, {}};
    Documents documents = trial.base->documents();
    for (const auto& [location, text] : texts) {
        auto document = read_document(location, text);
        if (!document) {
            trial.problem = document.error();
            return trial;
        }
        documents[location] = {
            document->target_namespace, std::make_shared<const std::string>(text)
        };
        trial.changed.push_back(location);
    }
    if (documents.size() > documents_max) {
        trial.problem = Problem{
            {}, 0, "at most " + std::to_string(documents_max) + " schema documents are stored"
        };
        return trial;
    }
    trial.result = std::make_shared<const Library>(std::move(documents));
    compile_touched(trial);
    return trial;
}

Trial try_without(
    std::shared_ptr<const Library> base, std::set<std::string> used, const std::string& location
) {
    Trial trial{std::move(base), {}, std::move(used), {}, {}};
    Documents documents = trial.base->documents();
    documents.erase(location);
    trial.result = std::make_shared<const Library>(std::move(documents));
    // References to it may resolve otherwise now.
    for (const auto& [other, stored] : trial.result->documents()) trial.changed.push_back(other);
    compile_touched(trial);
    return trial;
}

}   // namespace grid::controller::schemas
