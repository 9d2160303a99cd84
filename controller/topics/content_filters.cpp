// controller/topics/content_filters.cpp: see controller/topics/content_filters.hpp.
#include "controller/topics/content_filters.hpp"

#include <algorithm>
#include <utility>

#include "controller/filters/canonical.hpp"
#include "controller/filters/index.hpp"
#include "controller/topics/directory.hpp"
#include "storage/codec.hpp"

namespace grid::controller::filters {

namespace {

const Support& support_of(const Directory& directory, std::string_view topic) {
    static const Support none;
    const Topic* known = directory.topic(topic);
    return known == nullptr ? none : known->filters;
}

class TopicIndex final : public pubsub::FilterIndex {
public:
    TopicIndex(const Directory& directory, std::string_view topic)
        : directory_(directory), topic_(topic) {}
    void add(std::uint64_t subtopic, std::string_view filter) override {
        if (auto parsed = parse_text(filter))
            index_.add(subtopic, Compiled(*parsed, support_of(directory_, topic_)));
    }
    void remove(std::uint64_t subtopic) override { index_.remove(subtopic); }
    std::vector<std::uint64_t> match(std::string_view extracted) const override {
        return index_.match(decode_values(extracted));
    }

private:
    const Directory& directory_;
    std::string topic_;
    Index index_;
};

class StoredTest final : public pubsub::PayloadTest {
public:
    StoredTest(Compiled filter, std::vector<Binding> bindings)
        : filter_(std::move(filter)), bindings_(std::move(bindings)) {}
    /// By as much of its values as was looked at when it was published.
    bool matches(const xml::Element& payload) const override {
        return filter_.matches(within_bound(extract(payload, bindings_)));
    }

private:
    Compiled filter_;
    std::vector<Binding> bindings_;
};

}   // namespace

Values within_bound(Values values) {
    std::size_t left = extracted_bytes_max;
    for (AttributeValues& attribute : values) {
        std::size_t count = 0;
        for (const std::string& key : attribute.keys) {
            if (key.size() + 2 > left) break;
            left -= key.size() + 2;
            ++count;
        }
        attribute.keys.resize(count);
    }
    return values;
}

std::string encode_values(std::uint64_t revision, const Values& values) {
    storage::Encoder out;
    out.u64(revision).varint(values.size());
    for (const AttributeValues& attribute : values) {
        out.text(attribute.name).boolean(attribute.is_there).varint(attribute.keys.size());
        for (const std::string& key : attribute.keys) out.text(key);
    }
    return out.take();
}

std::uint64_t revision_of(std::string_view extracted) {
    storage::Decoder in(extracted);
    const std::uint64_t revision = in.u64();
    return in.ok() ? revision : 0;
}

Values decode_values(std::string_view extracted) {
    storage::Decoder in(extracted);
    in.u64();
    Values values;
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
        AttributeValues attribute{std::string(in.text()), in.boolean(), {}};
        const std::uint64_t keys = in.varint();
        for (std::uint64_t k = 0; k < keys && in.ok(); ++k) attribute.keys.emplace_back(in.text());
        values.push_back(std::move(attribute));
    }
    return values;
}

std::string ContentFilters::extract(std::string_view topic, const xml::Element& payload) const {
    const auto topics = topics_.load();
    const auto found = topics->find(topic);
    if (found == topics->end()) return {};
    const auto& of_topic = *found->second;
    return encode_values(
        of_topic.revision, within_bound(filters::extract(payload, of_topic.bindings))
    );
}

Outcome<pubsub::CanonicalFilter> ContentFilters::canonical(
    std::string_view topic, const Expression& expression
) const {
    const auto whole = filters::canonical(expression, support_of(directory_, topic));
    if (!whole) return whole.error();
    std::string text = to_text(*whole);
    std::string id = subtopic_id(text);
    return pubsub::CanonicalFilter{std::move(text), std::move(id)};
}

Result<pubsub::CanonicalFilter, xml::StanzaError> ContentFilters::canonical(
    std::string_view topic, std::string_view text
) const {
    const auto parsed = parse_text(text);
    if (!parsed) return to_stanza_error(parsed.error());
    auto whole = canonical(topic, *parsed);
    if (!whole) return to_stanza_error(whole.error());
    return std::move(*whole);
}

bool ContentFilters::is_server_side(std::string_view topic) const {
    const Support& support = support_of(directory_, topic);
    return support.is_server_side && support.is_offered();
}

std::size_t ContentFilters::subtopics_max(std::string_view topic) const {
    return std::min(support_of(directory_, topic).subtopics_max, settings_.subtopics_max);
}

xml::StanzaError ContentFilters::too_many(std::size_t subtopics_max) const {
    const std::string limit = std::to_string(subtopics_max);
    return to_stanza_error(
        {Errc::TooManySubtopics,
         "this topic has " + limit + " subtopics, as many as it may: use a filter that is there",
         limit}
    );
}

xml::StanzaError ContentFilters::too_many_of_account(std::size_t share) const {
    const std::string limit = std::to_string(share);
    return to_stanza_error(
        {Errc::TooManySubtopics,
         "this account has " + limit +
             " subtopics of this topic, as many as one account may "
             "(controller.subtopics_share_percent): use a filter that is there, or end a "
             "subscription and wait until its subtopic is gone",
         limit}
    );
}

bool ContentFilters::expect_declared(
    storage::Batch& batch, std::string_view topic, std::string_view extracted
) const {
    const storage::Revision revision = directory_.record_revision(topic);
    if (revision_of(extracted) != revision) return false;
    batch.expect(storage::Family::Control, topic_key(topic), revision);
    return true;
}

std::unique_ptr<pubsub::FilterIndex> ContentFilters::make_index(std::string_view topic) const {
    return std::make_unique<TopicIndex>(directory_, topic);
}

std::shared_ptr<const pubsub::PayloadTest> ContentFilters::test(
    std::string_view topic, std::string_view filter
) const {
    const Support& support = support_of(directory_, topic);
    const auto parsed = parse_text(filter);
    const Expression nothing{Op::False, {}, {}, {}};
    return std::make_shared<const StoredTest>(
        Compiled(parsed ? *parsed : nothing, support), bind(support)
    );
}

void ContentFilters::put(Topics& topics, std::string_view name) const {
    const Support& support = support_of(directory_, name);
    if (!support.is_server_side || !support.is_offered()) return;
    topics.insert_or_assign(
        std::string(name),
        std::make_shared<const OfTopic>(OfTopic{directory_.record_revision(name), bind(support)})
    );
}

void ContentFilters::declared(std::string_view topic) {
    if (!is_scanned_) return;
    const auto present = topics_.load();
    auto next = std::make_shared<Topics>(*present);
    if (const auto found = next->find(topic); found != next->end()) next->erase(found);
    put(*next, topic);
    if (next->empty() && present->empty()) return;
    topics_.store(std::move(next));
}

void ContentFilters::forget() {
    is_scanned_ = false;
    topics_.store(std::make_shared<const Topics>());
}

void ContentFilters::scan_finished() {
    is_scanned_ = true;
    auto next = std::make_shared<Topics>();
    directory_.each_topic([&](const std::string& name) { put(*next, name); });
    topics_.store(std::move(next));
}

}   // namespace grid::controller::filters
