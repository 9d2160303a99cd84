// controller/schemas/schemas.cpp: see schemas.hpp.
#include "controller/schemas/schemas.hpp"

#include <algorithm>
#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::schemas {

using storage::Family;

namespace {

constexpr std::uint8_t record_version = 1;

/// The kind of record under the tag.
enum class KeyPart : char { Document = 'd', Guard = 'g', Library = 'l', Topic = 't' };

std::string key(KeyPart part, std::string_view name = {}) {
    return std::string{static_cast<char>(storage::Tag::Schema), static_cast<char>(part)}.append(name
    );
}

std::optional<Stored> decode_document(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != record_version) return std::nullopt;
    Stored stored;
    stored.target_namespace = in.text();
    stored.text = std::make_shared<const std::string>(in.text());
    if (!in.ok()) return std::nullopt;
    return stored;
}

/// A record that cannot be understood lets no payload pass: there is no such document.
TopicSchema decode_topic_schema(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != record_version) return {Mode::Strict, {}, 0};
    TopicSchema topic;
    topic.mode = in.u8() == static_cast<std::uint8_t>(Mode::Lax) ? Mode::Lax : Mode::Strict;
    topic.location = in.text();
    if (!in.ok()) return {Mode::Strict, {}, 0};
    return topic;
}

}   // namespace

std::optional<Mode> parse_mode(std::string_view text) {
    for (const Mode mode : {Mode::Off, Mode::Lax, Mode::Strict})
        if (text == to_string(mode)) return mode;
    return std::nullopt;
}

std::string document_key(std::string_view location) { return key(KeyPart::Document, location); }
std::string topic_schema_key(std::string_view topic) { return key(KeyPart::Topic, topic); }
std::string guard_key() { return key(KeyPart::Guard); }
std::string library_key() { return key(KeyPart::Library); }

std::string encode(const Stored& document) {
    storage::Encoder out;
    out.u8(record_version).text(document.target_namespace).text(*document.text);
    return out.take();
}

std::string encode(const TopicSchema& topic) {
    storage::Encoder out;
    out.u8(record_version).u8(static_cast<std::uint8_t>(topic.mode)).text(topic.location);
    return out.take();
}

/// Revisions only grow: the latest of both changes when either does.
std::uint64_t Schemas::revision_of(const InForce& in_force, const TopicSchema& topic) {
    return std::max(in_force.library_revision, topic.revision);
}

pubsub::SchemaCheck Schemas::check(std::string_view node, const std::string& payload) const {
    const auto present = published_.load();
    if (present->topics.empty()) return {};
    auto found = present->topics.find(node);
    // A subtopic is named `T/<id of the filter>`.
    if (found == present->topics.end()) {
        const std::size_t slash = node.rfind('/');
        if (slash != std::string_view::npos) found = present->topics.find(node.substr(0, slash));
    }
    if (found == present->topics.end()) return {};
    const auto& [name, topic] = *found;
    pubsub::SchemaCheck check{name, revision_of(*present, topic), {}};
    const auto schema = present->library->schema(topic.location);
    if (!schema) {
        check.problem = "the schema of this topic cannot be used: " + to_text(schema.error());
        return check;
    }
    IsLate is_late;
    if (clock_) is_late = [this, end = clock_() + validation_ms_max] { return clock_() > end; };
    check.problem = (*schema)->check(topic.mode, payload, is_late);
    return check;
}

const TopicSchema* Schemas::topic(std::string_view name) const {
    const auto found = topics_.find(name);
    return found == topics_.end() ? nullptr : &found->second;
}

std::uint64_t Schemas::in_force(std::string_view name) const {
    if (present_->topics.empty()) return 0;
    const auto found = present_->topics.find(name);
    return found == present_->topics.end() ? 0 : revision_of(*present_, found->second);
}

void Schemas::expect(storage::Batch& batch, std::string_view name) const {
    const TopicSchema* known = topic(name);
    batch.expect(Family::Control, topic_schema_key(name), known == nullptr ? 0 : known->revision);
    batch.expect(Family::Control, library_key(), library_revision_);
}

std::map<std::string, std::vector<std::string>> Schemas::users() const {
    std::map<std::string, std::vector<std::string>> users;
    for (const auto& [name, topic] : topics_) users[topic.location].push_back(name);
    return users;
}

void Schemas::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    if (rest.empty()) return;
    const std::string name(rest.substr(1));
    switch (static_cast<KeyPart>(rest.front())) {
        case KeyPart::Document: {
            auto stored = record ? decode_document(record->value) : std::nullopt;
            if (stored)
                documents_.insert_or_assign(name, std::move(*stored));
            else
                documents_.erase(name);
            break;
        }
        case KeyPart::Guard:
            guard_ = record ? record->revision : 0;
            break;
        case KeyPart::Library:   // the last of its batch
            library_revision_ = record ? record->revision : 0;
            renew(true);
            break;
        case KeyPart::Topic:
            topics_.erase(name);
            if (record) {
                TopicSchema topic = decode_topic_schema(record->value);
                topic.revision = record->revision;
                topics_.emplace(name, std::move(topic));
            }
            renew(false);
            break;
    }
}

void Schemas::renew(bool has_new_documents) {
    if (!is_scanned_) return;
    auto next = std::make_shared<InForce>(InForce{present_->library, library_revision_, topics_});
    if (has_new_documents) {
        const bool is_expected = candidate_ && candidate_->documents() == documents_;
        next->library = is_expected ? candidate_ : std::make_shared<const Library>(documents_);
        candidate_ = nullptr;
    }
    present_ = next;
    published_.store(std::move(next));
}

void Schemas::forget() {
    is_scanned_ = false;
    documents_.clear();
    topics_.clear();
    guard_ = library_revision_ = 0;
}

void Schemas::scan_finished() {
    is_scanned_ = true;
    renew(true);
}

}   // namespace grid::controller::schemas
