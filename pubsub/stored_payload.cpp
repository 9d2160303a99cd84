// pubsub/stored_payload.cpp: see pubsub/stored_payload.hpp.
#include "pubsub/stored_payload.hpp"

#include <limits>
#include <utility>
#include <variant>

#include "pubsub/records.hpp"
#include "xml/parser.hpp"

namespace grid::pubsub {

namespace {

std::variant<xml::Element, xml::StreamBroken> parse(const std::string& text) {
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    xml::Limits limits;
    limits.stanza_bytes_max = limits.depth_max = limits.attributes_max = any;
    limits.declarations_max = limits.bindings_max = limits.elements_max = any;
    limits.name_bytes_max = any;
    return xml::parse_document(text, limits);
}

}   // namespace

std::optional<xml::Element> parse_payload(const std::string& text) {
    auto parsed = parse(text);
    if (auto* element = std::get_if<xml::Element>(&parsed)) return std::move(*element);
    return std::nullopt;
}

StoredItem read_item(
    const storage::Snapshot& snapshot, const ItemAt& item, const PayloadFaults& faults
) {
    using State = StoredItem::State;
    storage::Revision revision = item.revision;
    StoredItem found;
    // A second round for one that was published again: payload and index are of one snapshot.
    for (;;) {
        const std::string key = payload_key(item.node, item.epoch, revision);
        auto payload = snapshot.get(storage::Family::Payload, key);
        if (!payload) return {State::Failed, {}, {}, payload.error()};
        if (*payload) {
            found.payload = std::move((*payload)->value);
            return found;
        }
        auto index = snapshot.get(storage::Family::Index, item_key(item.node, item.epoch, item.id));
        if (!index) return {State::Failed, {}, {}, index.error()};
        if (!*index) return {State::Gone, {}, {}};
        if ((*index)->revision == revision) {
            faults.note(item.node, item.id, "its payload is not there");
            return {State::Lost, {}, {}};
        }
        const ItemRecord record = decode_item((*index)->value);
        found.state = State::Replaced;
        found.publisher = record.publisher;
        if (record.payload_bytes == 0) return found;
        revision = (*index)->revision;
    }
}

std::optional<xml::Element> read_payload(
    const ItemAt& item, const std::string& payload, const PayloadFaults& faults
) {
    auto parsed = parse(payload);
    if (auto* element = std::get_if<xml::Element>(&parsed)) return std::move(*element);
    faults.note(item.node, item.id, std::get<xml::StreamBroken>(parsed).text);
    return std::nullopt;
}

xml::StanzaError unreadable(const std::string& item) {
    return xml::internal_server_error(
        "The payload of the item '" + item +
        "' cannot be read from the store; those who operate the server are told. Ask for the other "
        "items by their ids, or publish this one again."
    );
}

xml::StanzaError store_failed() {
    xml::StanzaError error = xml::internal_server_error("The store could not be read; try again.");
    error.type = "wait";
    return error;
}

}   // namespace grid::pubsub
