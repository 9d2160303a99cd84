// pubsub/ports/payload_schemas.hpp: the port for schemas of payloads (XEP-0060 §7.1.3.6);
// controller/schemas/ implements it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/batch.hpp"

namespace grid::pubsub {

/// The result of checking one payload. A publish carries it from where it was prepared to where it
/// is decided.
struct SchemaCheck {
    std::string topic;            // the topic whose schema was asked; empty: none was in force
    std::uint64_t revision = 0;   // of what was in force then
    std::string problem;          // line and reason; empty: it may be published
};

class PayloadSchemas {
public:
    virtual ~PayloadSchemas() = default;

    /// Any thread: asks a snapshot of the schemas in force. A subtopic's payloads are its topic's.
    virtual SchemaCheck check(std::string_view node, const std::string& payload) const = 0;

    // Core strand.
    /// The revision of the schema in force for the topic; 0: the topic takes any payload.
    virtual std::uint64_t in_force(std::string_view topic) const = 0;
    /// The batch rests on it.
    virtual void expect(storage::Batch& batch, std::string_view topic) const = 0;
};

}   // namespace grid::pubsub
