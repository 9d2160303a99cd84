// controller/topics/topic.cpp: topic records as bytes; names of capabilities.
#include "controller/topics/topic.hpp"

#include <algorithm>

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

/// Version 1 does not say which provider declared what.
constexpr std::uint8_t topic_version = 2, nameless_version = 1;

/// digits *( "." digits )
bool is_version(std::string_view text) {
    bool digit_before = false;
    for (char c : text) {
        if (c == '.' && !digit_before) return false;
        if (c != '.' && (c < '0' || c > '9')) return false;
        digit_before = c != '.';
    }
    return digit_before;
}

}   // namespace

CapabilityName split_topic(std::string_view topic) {
    const std::size_t dash = topic.rfind('-');
    if (dash == std::string_view::npos || dash == 0 || !is_version(topic.substr(dash + 1)))
        return {topic, {}};
    return {topic.substr(0, dash), topic.substr(dash + 1)};
}

std::string topic_key(std::string_view name) {
    return std::string(1, static_cast<char>(storage::Tag::Topic)).append(name);
}

std::string encode(const Topic& topic) {
    storage::Encoder out;
    out.u8(topic_version).u64(topic.node).text(topic.schema_namespace).text(topic.schema_location);
    out.texts(topic.queries);
    out.texts(topic.notifications);
    filters::encode(out, topic.filters);
    out.text(topic.schema_by).text(topic.filters.limit_by).text(topic.filters.side_by);
    for (const filters::Attribute& attribute : topic.filters.attributes) out.text(attribute.by);
    return out.take();
}

std::optional<Topic> decode_topic(std::string_view value) {
    storage::Decoder in(value);
    const std::uint8_t version = in.u8();
    if (version != topic_version && version != nameless_version) return std::nullopt;
    Topic topic;
    topic.node = in.u64();
    topic.schema_namespace = in.text();
    topic.schema_location = in.text();
    topic.queries = in.texts();
    topic.notifications = in.texts();
    if (in.ok() && !in.at_end()) topic.filters = filters::decode_support(in);
    if (version == topic_version) {
        topic.schema_by = in.text();
        topic.filters.limit_by = in.text();
        topic.filters.side_by = in.text();
        for (filters::Attribute& attribute : topic.filters.attributes) attribute.by = in.text();
    }
    if (!in.ok()) return std::nullopt;
    return topic;
}

}   // namespace grid::controller
