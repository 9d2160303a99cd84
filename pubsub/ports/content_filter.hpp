// pubsub/ports/content_filter.hpp: the port for filters by content (XEP-0060 §12.20);
// controller/filters/ implements it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"
#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// Filters that mean the same are one: `text` is what all of them come to, `id` its name.
struct CanonicalFilter {
    std::string text, id;
};

/// All filters of one topic, asked together about what was extracted from a payload.
class FilterIndex {
public:
    virtual ~FilterIndex() = default;
    virtual void add(std::uint64_t subtopic, std::string_view filter) = 0;
    virtual void remove(std::uint64_t subtopic) = 0;
    virtual std::vector<std::uint64_t> match(std::string_view extracted) const = 0;
};

/// One filter, asked about payloads that are read again. Any thread.
class PayloadTest {
public:
    virtual ~PayloadTest() = default;
    virtual bool matches(const xml::Element& payload) const = 0;
};

class ContentFilter {
public:
    virtual ~ContentFilter() = default;

    /// The attributes that the filters of that topic may ask for, extracted from this payload once;
    /// empty where the broker does not filter. Any thread: it reads a snapshot of what was
    /// declared.
    virtual std::string extract(std::string_view topic, const xml::Element& payload) const = 0;

    // Core strand.
    /// Checked against what the topic's providers offer.
    virtual Result<CanonicalFilter, xml::StanzaError> canonical(
        std::string_view topic, std::string_view text
    ) const = 0;
    /// Whether the broker filters: publishers then publish to the topic alone.
    virtual bool is_server_side(std::string_view topic) const = 0;
    /// How many subtopics the topic's providers and the operator allow, and the refusal of one
    /// more.
    virtual std::size_t subtopics_max(std::string_view topic) const = 0;
    virtual xml::StanzaError too_many(std::size_t subtopics_max) const = 0;
    /// The same for an account that has its share of them.
    virtual xml::StanzaError too_many_of_account(std::size_t share) const {
        return too_many(share);
    }
    /// Whether that was extracted under the declarations in force; if so, the batch expects them.
    virtual bool expect_declared(
        storage::Batch& batch, std::string_view topic, std::string_view extracted
    ) const = 0;
    virtual std::unique_ptr<FilterIndex> make_index(std::string_view topic) const = 0;
    virtual std::shared_ptr<const PayloadTest> test(std::string_view topic, std::string_view filter)
        const = 0;
};

}   // namespace grid::pubsub
