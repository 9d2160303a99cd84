// controller/gi/provider_bulk.hpp: a BulkQuery from a client to a provider, which the server passes
// on: what is asked for, and the stream that the answer offers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace grid::controller::gi {

/// The `<BulkQuery/>` in it; null: there is none.
const xml::Element* find_bulk_query(const xml::Element& payload);
/// The topic whose past it asks for; empty: none is named.
std::string topic_of_bulk_query(const xml::Element& query);
/// The question as far as the policy is asked about it: `<grid/>`, `<BulkQuery/>`, its method and
/// the topic. nullopt: the payload is no such question. Any thread.
std::optional<xml::Element> bulk_question(const xml::Element& payload);
/// Of any other question as much: the element, or `<grid/>` with the one in it, without content.
/// Any thread.
xml::Element question_shell(const xml::Element& payload);
/// The id of the stream, by the proxy or in band, that an answer offers; empty: it offers none. Any
/// thread.
std::string offered_stream(const xml::Element& payload);

}   // namespace grid::controller::gi
