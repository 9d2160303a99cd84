// controller/schemas/schema.hpp: one compiled schema, and what it says of payloads. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "controller/schemas/document.hpp"

namespace grid::controller::schemas {

/// Lax: a payload whose root the schema does not declare may be anything.
enum class Mode : std::uint8_t { Off, Lax, Strict };
std::string_view to_string(Mode mode);

/// Keys are compared each with each: such a schema takes smaller payloads.
inline constexpr std::size_t keyed_payload_bytes_max = 32 * 1024;

/// Nor long texts where patterns take time that grows with the square or cube of their length:
/// libxml2 does not stop within a text.
inline constexpr std::size_t squared_text_bytes_max = 900, cubed_text_bytes_max = 110;

/// Asked between two pieces of a payload: whether it has taken too long.
using IsLate = std::function<bool()>;

class Schema {
public:
    /// `documents`: the one that was asked for, and all that it refers to; each with the index of
    /// the document that each of its references means.
    struct Source {
        Document document;
        std::vector<std::size_t> meant;
    };
    static Result<std::shared_ptr<const Schema>, Problem> compile(std::vector<Source> sources);
    ~Schema();
    Schema(const Schema&) = delete;

    /// Line and reason; empty: it may be published.
    std::string check(Mode mode, const std::string& payload, const IsLate& is_late) const;

private:
    struct Compiled;
    Schema();
    std::string validate(const std::string& payload, const IsLate& is_late) const;

    std::unique_ptr<Compiled> compiled_;
};

}   // namespace grid::controller::schemas
