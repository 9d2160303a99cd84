// controller/administration/tracing/trace.hpp: why an account did or did not get an item: each
// condition on its way, answered by the part that decides it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/administration/act_context.hpp"
#include "pubsub/broker.hpp"

namespace grid::controller::administration {

struct TraceStep {
    enum class Answer : std::uint8_t { No, Yes, Unknown };
    std::string name;   // "account", "topic", "policy", "subscription", "recipient", "item",
                        // "filter", "delivery"
    Answer answer = Answer::Unknown;
    std::string reason;
};

struct Trace {
    /// An item was delivered, was sent, waits for the account, or does not go there; unknown: a
    /// session on another member of the cluster may have it, which alone knows. Without an item:
    /// whether the next one goes there.
    enum class Verdict : std::uint8_t { No, Yes, Waits, Unknown, Sent, Delivered };
    Verdict verdict = Verdict::No;
    std::vector<TraceStep> steps;
    std::optional<pubsub::TopicTrace::Item> item;

    /// The reason of the first condition that is not met; of a way that is open, of the last.
    const std::string& because() const;
    /// True when only the payload says whether a filter lets it pass: see `finish_trace`.
    bool needs_payload = false;
};

/// Core strand. `item` empty: the next one that is published.
Trace trace_item(
    const ActContext& call,
    const pubsub::Broker& broker,
    const xml::Jid& account,
    const std::string& topic,
    const std::string& item
);
/// The filters of the account's subscriptions are asked about the payload. Reader pool.
void finish_trace(
    Trace& trace, const storage::Snapshot& snapshot, const pubsub::PayloadFaults& faults
);

std::string_view to_string(Trace::Verdict verdict);

}   // namespace grid::controller::administration
