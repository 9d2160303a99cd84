// controller/schemas/schemas.hpp: the stored documents, which topic has which schema, and what
// the broker asks about payloads.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "controller/schemas/library.hpp"
#include "pubsub/ports/payload_schemas.hpp"
#include "storage/batch.hpp"

namespace grid::controller::schemas {

/// The schema that an administrator set for a topic. Bound to the topic's name: deleting a topic
/// and making it anew does not remove it.
struct TopicSchema {
    Mode mode = Mode::Off;
    std::string location;             // of the document
    storage::Revision revision = 0;   // of the record; not stored in it
    bool operator==(const TopicSchema&) const = default;
};
std::optional<Mode> parse_mode(std::string_view text);

/// A payload whose validation takes longer is refused.
inline constexpr std::uint64_t validation_ms_max = 200;

std::string document_key(std::string_view location);
std::string topic_schema_key(std::string_view topic);
/// Every change of documents and of topics' schemas expects and rewrites it: they rest on each
/// other.
std::string guard_key();
/// Rewritten by each change of documents; publishes at topics with a schema expect it.
std::string library_key();

std::string encode(const Stored& document);
std::string encode(const TopicSchema& topic);

/// Core strand, except check.
class Schemas final : public pubsub::PayloadSchemas {
public:
    pubsub::SchemaCheck check(std::string_view node, const std::string& payload) const override;
    std::uint64_t in_force(std::string_view topic) const override;
    void expect(storage::Batch& batch, std::string_view topic) const override;

    /// Milliseconds of a clock that does not go back; without, nothing is ever late. Call once,
    /// before anything else.
    void attach(std::function<std::uint64_t()> clock) { clock_ = std::move(clock); }

    std::shared_ptr<const Library> library() const { return present_->library; }
    /// Null: it has none.
    const TopicSchema* topic(std::string_view name) const;
    /// Documents by topics that use them.
    std::map<std::string, std::vector<std::string>> users() const;
    storage::Revision guard() const { return guard_; }
    /// A library that was tried, and is likely to come. Soft state.
    void expect_soon(std::shared_ptr<const Library> library) const { candidate_ = library; }

    /// `rest` of the key.
    void apply(std::string_view rest, const std::optional<storage::Record>& record);
    void forget();
    void scan_finished();

private:
    struct InForce {
        std::shared_ptr<const Library> library = std::make_shared<const Library>(Documents{});
        storage::Revision library_revision = 0;
        std::map<std::string, TopicSchema, std::less<>> topics;
    };
    void renew(bool has_new_documents);
    static std::uint64_t revision_of(const InForce& in_force, const TopicSchema& topic);

    Documents documents_;
    std::map<std::string, TopicSchema, std::less<>> topics_;
    storage::Revision guard_ = 0, library_revision_ = 0;
    std::shared_ptr<const InForce> present_ = std::make_shared<const InForce>();
    std::atomic<std::shared_ptr<const InForce>> published_{present_};   // for any thread
    mutable std::shared_ptr<const Library> candidate_;
    std::function<std::uint64_t()> clock_;
    bool is_scanned_ = true;   // else all waits for the whole scan
};

}   // namespace grid::controller::schemas
