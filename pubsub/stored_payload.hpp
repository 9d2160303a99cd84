// pubsub/stored_payload.hpp: the payload of an item, as it comes back from the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "storage/store.hpp"
#include "xml/element.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

/// Without limits of count: they were checked when it was published, under the settings of that
/// day, and serializing moves declarations from around the payload onto it. nullopt when the text
/// is not one element, although it was when it was published.
std::optional<xml::Element> parse_payload(const std::string& text);

/// Payloads that the store should have and that cannot be read: each is counted, and told of to
/// those who operate the server. Any thread.
class PayloadFaults {
public:
    using Report =
        std::function<void(std::uint64_t node, const std::string& item, const std::string& reason)>;

    /// Before anything else.
    void report_to(Report report) { report_ = std::move(report); }
    void note(std::uint64_t node, const std::string& item, const std::string& reason) const {
        ++count_;
        if (report_) report_(node, item, reason);
    }
    std::uint64_t count() const { return count_; }

private:
    Report report_;
    mutable std::atomic<std::uint64_t> count_{0};
};

/// Where an item stood when a request was decided; a snapshot may be newer.
struct ItemAt {
    std::uint64_t node = 0, epoch = 0;
    std::string id;
    storage::Revision revision = 0;
};

/// An item's payload as a snapshot has it.
struct StoredItem {
    enum class State {
        There,
        Replaced,   // another publication of that id: `publisher` and `payload` are the new ones
        Gone,       // retracted, purged or deleted
        Lost,       // the index has it, the payload is not there: told of to PayloadFaults
        Failed,     // the store could not be read, for this reason
    };
    State state = State::There;
    std::string payload;
    std::string publisher;   // of Replaced
    boost::system::error_code failure = {};
};

StoredItem read_item(
    const storage::Snapshot& snapshot, const ItemAt& item, const PayloadFaults& faults
);
/// The payload as an element; a text that is none is told of to PayloadFaults.
std::optional<xml::Element> read_payload(
    const ItemAt& item, const std::string& payload, const PayloadFaults& faults
);
/// The answer to who asked for an item that is there and cannot be had: never an absence.
xml::StanzaError unreadable(const std::string& item);
xml::StanzaError store_failed();

}   // namespace grid::pubsub
