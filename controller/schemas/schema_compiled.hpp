// controller/schemas/schema_compiled.hpp: libxml2's part of a Schema. A compiled schema is
// immutable: validations in several threads share it, each with a context of its own.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "controller/schemas/libxml.hpp"
#include "controller/schemas/schema.hpp"

namespace grid::controller::schemas {

struct Schema::Compiled {
    XmlPtr<xmlSchema> schema;
    std::set<std::pair<std::string, std::string>> roots;   // namespace and name
    bool has_keys = false;
    unsigned pattern_degree = 1;
};

}   // namespace grid::controller::schemas
