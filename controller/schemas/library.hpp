// controller/schemas/library.hpp: the schema documents that are stored, and the schemas that they
// make. Immutable but for what was compiled, which is remembered: any thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/schemas/schema.hpp"

namespace grid::controller::schemas {

inline constexpr std::size_t documents_max = 64;
inline constexpr std::size_t location_bytes_max = 512;

/// As it was stored.
struct Stored {
    std::string target_namespace;
    std::shared_ptr<const std::string> text;
    bool operator==(const Stored& other) const {
        return target_namespace == other.target_namespace &&
               (text == other.text || *text == *other.text);
    }
};
using Documents = std::map<std::string, Stored, std::less<>>;   // by location

class Library {
public:
    explicit Library(Documents documents);

    const Documents& documents() const { return documents_; }
    using Compiled = Result<std::shared_ptr<const Schema>, Problem>;
    /// Compiles it where that was not done yet.
    Compiled schema(std::string_view location) const;
    /// Whether `schema` answers at once.
    bool is_compiled(std::string_view location) const;
    /// Locations that the document refers to, itself first; why they are not all here.
    Result<std::vector<std::string>, Problem> closure(std::string_view location) const;
    /// Takes over compiled schemas of documents that are the same here.
    void adopt(const Library& other, std::string_view location) const;

private:
    using Place = std::atomic<std::shared_ptr<const Compiled>>;

    Result<std::vector<Schema::Source>, Problem> gather(std::string_view location) const;
    std::optional<std::string> find(const Document& from, const Reference& reference) const;

    Documents documents_;
    /// One place for each document; the first user fills it.
    std::map<std::string, std::unique_ptr<Place>, std::less<>> compiled_;
};

/// A change of the library, tried out: whether all still compiles that must.
struct Trial {
    std::shared_ptr<const Library> base, result;
    // By topics: these must compile, also after changes to documents that they include.
    std::set<std::string> used;
    std::vector<std::string> changed;
    std::optional<Problem> problem;
};
/// Both take long: not on the core strand. `texts` by location, besides those that are there.
Trial try_documents(
    std::shared_ptr<const Library> base,
    std::set<std::string> used,
    const std::map<std::string, std::string>& texts
);
Trial try_without(
    std::shared_ptr<const Library> base, std::set<std::string> used, const std::string& location
);

}   // namespace grid::controller::schemas
