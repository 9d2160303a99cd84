// pubsub/decide/history.cpp: see pubsub/decide/history.hpp.
#include "pubsub/decide/history.hpp"

#include <algorithm>

#include "pubsub/decide/archive.hpp"
#include "pubsub/decide/grant.hpp"
#include "pubsub/model/rights.hpp"
#include "pubsub/pages/item_pages.hpp"

namespace grid::pubsub {

namespace {

/// The test of a filter, of a subtopic or of the request, or of both.
class BothTests final : public PayloadTest {
public:
    BothTests(std::shared_ptr<const PayloadTest> one, std::shared_ptr<const PayloadTest> other)
        : one_(std::move(one)), other_(std::move(other)) {}
    bool matches(const xml::Element& payload) const override {
        return one_->matches(payload) && other_->matches(payload);
    }

private:
    std::shared_ptr<const PayloadTest> one_, other_;
};

Checked<std::shared_ptr<const PayloadTest>> test_of(
    const BrokerState& broker, const Node& asked, const Node& items, const std::string& filter
) {
    using Test = std::shared_ptr<const PayloadTest>;
    Test test;
    if (&items != &asked) test = broker.filter->test(items.name(), asked.record.filter);
    if (filter.empty()) return test;
    if (!broker.filter) return unsupported("filtered-notifications", "Nothing is filtered here.");
    const std::string topic(asked.governing_name());
    const auto canonical = broker.filter->canonical(topic, filter);
    if (!canonical) return canonical.error();
    Test wanted = broker.filter->test(topic, canonical->text);
    if (!test) return wanted;
    return Test(std::make_shared<const BothTests>(std::move(test), std::move(wanted)));
}

/// The ranks of a span, within what is kept.
struct Ranks {
    std::size_t from = 0, to = 0;
};

Checked<Ranks> ranks_of(
    const BrokerState& broker, const Node& node, const HistoryWish& wish, storage::Millis now
) {
    const std::size_t kept = node.first_retained(broker.settings, now);
    Ranks ranks{kept, node.items.size()};
    if (wish.start) ranks.from = std::max(ranks.from, node.items.rank_at_time(*wish.start));
    if (wish.end) ranks.to = std::min(ranks.to, node.items.rank_at_time(*wish.end + 1));
    if (!wish.after.empty()) {
        const auto place = place_of(broker, node, kept, wish.after);
        if (!place) return place.error();
        ranks.from = std::max(ranks.from, node.items.rank_after(*place));
    }
    ranks.to = std::max(ranks.from, ranks.to);
    return ranks;
}

/// Finds payloads of a run of items, in order, by one pass over their keys.
class PayloadRun {
public:
    PayloadRun(const storage::Snapshot& snapshot, const HistoryView& view, const HistorySlice& of)
        : snapshot_(snapshot), view_(view), slice_(of) {}

    /// Calls `take` with each item from `from` on and its payload, nothing where there is none in
    /// the run, until it returns false.
    boost::system::error_code each(
        std::size_t from,
        const std::function<bool(std::size_t index, std::optional<std::string_view> payload)>& take
    ) const {
        std::size_t index = from;
        bool goes_on = true;
        const auto pass_until = [&](storage::Revision revision) {
            while (goes_on && index < slice_.items.size() && slice_.items[index].revision < revision
            )
                goes_on = take(index++, std::nullopt);
            return goes_on && index < slice_.items.size();
        };
        const std::string first = key_of(slice_.items[from].revision);
        const std::string last = key_of(slice_.items.back().revision + 1);
        const auto error = snapshot_.scan(
            storage::Family::Payload, first, last, false,
            [&](std::string_view key, const storage::Record& record) {
                const storage::Revision revision = revision_in(key);
                if (!pass_until(revision)) return false;
                if (slice_.items[index].revision != revision)
                    return true;   // of no item that shows
                goes_on = take(index++, record.value);
                return goes_on && index < slice_.items.size();
            }
        );
        if (!error) pass_until(slice_.items.back().revision + 1);
        return error;
    }

private:
    std::string key_of(storage::Revision revision) const {
        return payload_key(view_.items, view_.epoch, revision);
    }
    static storage::Revision revision_in(std::string_view key) {
        storage::Revision revision = 0;
        for (const char byte : key.substr(payload_revision_at))
            revision = revision << 8 | static_cast<unsigned char>(byte);
        return revision;
    }

    const storage::Snapshot& snapshot_;
    const HistoryView& view_;
    const HistorySlice& slice_;
};

}   // namespace

Checked<HistoryView> open_history(
    const BrokerState& broker, const Context& context, const HistoryWish& wish
) {
    // A subtopic that tells of the filter of others is not there.
    const Node* exact = broker.memory.find(wish.node);
    if (exact && !is_known_subtopic(broker, context.actor, *exact)) exact = nullptr;
    if (!exact) return refuse(Errc::ItemNotFound, "There is no node '" + wish.node + "'.");
    auto granted = find_node(broker, context, Right::Retrieve, wish.node);
    if (!granted) return granted.error();
    if (auto error = check_switch(*exact, Right::Retrieve)) return *error;
    if (auto error = check_retrieval(*granted)) return *error;
    const Node& node = items_node_of(broker, *exact);
    if (node.config().is_collection())
        return unsupported("retrieve-items", "The leaves of this collection have a history.");
    if (!has_archive(node)) return unsupported("persistent-items", "This node keeps no items.");
    auto test = test_of(broker, *exact, node, wish.filter);
    if (!test) return test.error();
    const auto ranks = ranks_of(broker, node, wish, context.now);
    if (!ranks) return ranks.error();
    HistoryView view;
    view.node = exact->uid;
    view.items = node.uid;
    view.epoch = node.epoch();
    view.after = ranks->from == 0 ? 0 : node.items.at(ranks->from - 1).revision;
    view.until = ranks->to == 0 ? 0 : node.items.at(ranks->to - 1).revision;
    view.until = std::max(view.after, view.until);
    view.count = ranks->to - ranks->from;
    if (view.count > 0) {
        view.oldest = node.items.at(ranks->from).time;
        view.newest = node.items.at(ranks->to - 1).time;
    }
    view.shows_publishers = node.config().itemreply == ItemReply::Publisher;
    view.test = std::move(*test);
    return view;
}

HistorySlice slice_of_history(
    const BrokerState& broker,
    const HistoryView& view,
    storage::Revision after,
    std::size_t items_max,
    std::size_t bytes_max,
    storage::Millis now
) {
    HistorySlice slice;
    slice.after = after;
    const Node* asked = broker.memory.find(view.node);
    const Node* node = broker.memory.find(view.items);
    const auto is_there = [](const Node* one) {
        return one && one->revision != 0 && !one->record.is_deleted && !one->is_orphan();
    };
    if (!is_there(asked) || !is_there(node) || node->epoch() != view.epoch) {
        slice.is_gone = true;
        return slice;
    }
    const Items& items = node->items;
    std::size_t rank =
        std::max(items.rank_after(after), node->first_retained(broker.settings, now));
    std::size_t looked_at = 0, bytes = 0;
    std::uint32_t last_publisher = 0;
    for (; rank < items.size() && looked_at < items_max && bytes < bytes_max; ++rank) {
        const ItemView item = items.at(rank);
        if (item.revision > view.until) break;
        ++looked_at;
        bytes += item.payload_bytes;
        slice.after = item.revision;
        if (view.test && item.payload_bytes == 0) continue;
        HistorySlice::Item& entry = slice.items.emplace_back();
        entry.id_at = static_cast<std::uint32_t>(slice.ids.size());
        entry.id_bytes = static_cast<std::uint32_t>(item.id.size());
        slice.ids += item.id;
        entry.revision = item.revision;
        entry.time = item.time;
        entry.has_payload = item.payload_bytes > 0;
        entry.cursor = item_cursor(broker, *node, item.revision);
        if (!view.shows_publishers) continue;
        if (slice.publishers.size() == 1 || item.publisher != last_publisher)
            slice.publishers.push_back(broker.memory.publisher(item));
        last_publisher = item.publisher;
        entry.publisher = static_cast<std::uint32_t>(slice.publishers.size() - 1);
    }
    slice.is_end = rank >= items.size() || items.at(rank).revision > view.until;
    // All of the span was looked at, whether anything is left of it or not.
    if (slice.is_end) slice.after = std::max(slice.after, view.until);
    slice.cursor = item_cursor(broker, *node, slice.after);
    return slice;
}

Checked<std::size_t> read_history(
    const storage::Snapshot& snapshot,
    const HistoryView& view,
    const HistorySlice& slice,
    std::size_t from,
    const PayloadFaults& faults,
    const HistoryVisit& visit
) {
    using State = StoredItem::State;
    std::size_t behind = from;
    if (from >= slice.items.size()) return behind;
    std::optional<xml::StanzaError> fault;
    const auto take = [&](std::size_t index, std::optional<std::string_view> payload) {
        const HistorySlice::Item& item = slice.items[index];
        behind = index + 1;
        const auto at = [&] {
            return ItemAt{view.items, view.epoch, std::string(slice.id_of(item)), item.revision};
        };
        if (!payload && item.has_payload) {
            // Retracted or published again meanwhile, or a fault of the store.
            const StoredItem::State state = read_item(snapshot, at(), faults).state;
            if (state == State::Failed) fault = store_failed();
            if (state == State::Lost) fault = unreadable(at().id);
            return !fault;
        }
        if (view.test) {
            const auto element = read_payload(at(), std::string(payload.value_or("")), faults);
            if (!element) fault = unreadable(at().id);
            if (!element) return false;
            if (!view.test->matches(*element)) return true;
        }
        return visit(item, payload.value_or(std::string_view()));
    };
    if (PayloadRun(snapshot, view, slice).each(from, take)) return store_failed();
    if (fault) return *fault;
    return behind;
}

}   // namespace grid::pubsub
