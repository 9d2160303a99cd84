// controller/topics/content_filters.hpp: the broker's port for filters, answered from the topic
// directory.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/filters/evaluate.hpp"
#include "pubsub/ports/content_filter.hpp"

namespace grid::controller {

struct Settings;
class Directory;

namespace filters {

/// Bytes of one payload's values that are looked at, on publishing and on reading again: a value
/// that does not fit is none.
inline constexpr std::size_t extracted_bytes_max = 16 * 1024;
Values within_bound(Values values);
/// Extracted values as bytes: revision of the declarations, then the values.
std::string encode_values(std::uint64_t revision, const Values& values);
std::uint64_t revision_of(std::string_view extracted);
Values decode_values(std::string_view extracted);

/// Core strand, except extract.
class ContentFilters final : public pubsub::ContentFilter {
public:
    ContentFilters(const Settings& settings, const Directory& directory)
        : settings_(settings), directory_(directory) {}

    std::string extract(std::string_view topic, const xml::Element& payload) const override;
    Result<pubsub::CanonicalFilter, xml::StanzaError> canonical(
        std::string_view topic, std::string_view text
    ) const override;
    bool is_server_side(std::string_view topic) const override;
    std::size_t subtopics_max(std::string_view topic) const override;
    xml::StanzaError too_many(std::size_t subtopics_max) const override;
    xml::StanzaError too_many_of_account(std::size_t share) const override;
    bool expect_declared(storage::Batch& batch, std::string_view topic, std::string_view extracted)
        const override;
    std::unique_ptr<pubsub::FilterIndex> make_index(std::string_view topic) const override;
    std::shared_ptr<const pubsub::PayloadTest> test(std::string_view topic, std::string_view filter)
        const override;

    /// The same for a filter that was read already.
    Outcome<pubsub::CanonicalFilter> canonical(std::string_view topic, const Expression& expression)
        const;
    /// The declarations of that topic in the directory have changed.
    void declared(std::string_view topic);
    void forget();
    void scan_finished();

private:
    struct OfTopic {
        std::uint64_t revision = 0;
        std::vector<Binding> bindings;
    };
    using Topics = std::map<std::string, std::shared_ptr<const OfTopic>, std::less<>>;
    void put(Topics& topics, std::string_view name) const;

    const Settings& settings_;
    const Directory& directory_;
    /// For any thread; replaced as a whole. Topics at which the broker filters.
    std::atomic<std::shared_ptr<const Topics>> topics_{std::make_shared<const Topics>()};
    bool is_scanned_ = true;   // else declarations wait for the whole scan
};

}   // namespace filters
}   // namespace grid::controller
