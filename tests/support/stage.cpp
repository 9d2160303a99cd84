// tests/support/stage.cpp: see support/stage.hpp.
#include "stage.hpp"
#include "pubsub/delivery/subscriber.hpp"

#include <sstream>

#include "pubsub/delivery/copies.hpp"
#include "pubsub/reply.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::test {

namespace {

constexpr int decide_rounds_max = 8;

std::string fresh_id(std::uint64_t number) {
    std::ostringstream out;
    out << std::hex << (0xabcdef0000000000ULL + number) << "00112233";
    return out.str();
}

/// The iq that answers `request`: a result with the reply as payload; or, for a reply made by
/// failed_reply, an error with its children. Addresses swapped, same id.
xml::Element to_iq(const xml::Element& request, pubsub::Reply reply) {
    if (!pubsub::is_failed(reply)) return xml::iq_result(request, std::move(reply));
    xml::Element iq = xml::iq_result(request);
    iq.set("type", "error");
    for (xml::Element& child : reply->mutable_nodes()) iq.add(std::move(child));
    return iq;
}

}   // namespace

Stage::Stage() : settings_(default_settings()) {
    storage::MemoryStore::Options options;
    options.run_at_once = false;
    store_ = std::make_unique<storage::MemoryStore>(options);
    store_->start([this](std::vector<storage::FeedEntry> entries) { on_feed(std::move(entries)); });
    restart(settings_);
}

pubsub::Settings Stage::default_settings() {
    pubsub::Settings settings;
    settings.service = *xml::Jid::parse(service);
    return settings;
}

void Stage::restart(pubsub::Settings settings) {
    settings_ = std::move(settings);
    engine_ = std::make_unique<pubsub::Broker>(settings_, policy, contacts);
    memory_ = std::make_unique<pubsub::Memory>(settings_);
    rescan();
}

void Stage::rescan() {
    engine_->scan_started();
    memory_->forget();
    const auto scanned = store_->scan([this](const storage::KeyChange& change) {
        engine_->apply(change);
        memory_->apply(change);
    });
    REQUIRE(scanned.has_value());
    engine_->scan_finished();
    memory_->scan_finished();
}

void Stage::run() {
    is_held_ = false;
    store_->run();
}

void Stage::advance(storage::Millis by) {
    now_ += by;
    store_->advance(by);
}

void Stage::sends(const std::string& from, const std::string& stanza) {
    Pending pending;
    pending.stanza = parse_stanza(stanza);
    pending.stanza->set("from", from);
    if (!pending.stanza->attr("to")) pending.stanza->set("to", service);
    const auto jid = xml::Jid::parse(from);
    REQUIRE(jid.has_value());
    pending.context.actor.jid = *jid;
    pending.context.actor.session = 1;
    pending.context.now = now_;
    pending.context.fresh_id = fresh_id(next_fresh_++);
    pending.sender = senders_.try_emplace(from, senders_.size() + 1).first->second;
    if (pending.stanza->name() == "message") {
        auto prepared = engine_->prepare_message(*pending.stanza);
        if (!prepared) return;
        pending.prepared = std::move(*prepared);
        return decide(std::move(pending));
    }
    pubsub::IqRequest request;
    request.type = *xml::iq_type(*pending.stanza);
    request.to = *xml::Jid::parse(*pending.stanza->attr("to"));
    request.payload = pending.stanza->first_child();
    request.ancestors = {&*pending.stanza};
    REQUIRE(request.payload != nullptr);
    auto prepared = engine_->prepare(request);
    REQUIRE(prepared.has_value());   // else the router would answer service-unavailable
    if (!*prepared) return refuse(pending, prepared->error());
    pending.prepared = std::move(**prepared);
    decide(std::move(pending));
}

void Stage::decide(Pending pending) {
    if (pending.decided++ == decide_rounds_max)
        return refuse(pending, xml::resource_constraint("Too busy; try again."));
    pubsub::Decision decision = pending.prepared.decide(pending.context);
    if (const auto* error = decision.error()) return refuse(pending, *error);
    if (const auto* reply = decision.reply()) return answer(pending, *reply);
    if (auto* query = decision.query()) {
        auto what = query->run(*store_->snapshot());
        if (const auto* error = std::get_if<xml::StanzaError>(&what))
            return refuse(pending, *error);
        return answer(pending, std::get<pubsub::Reply>(what));
    }
    auto* change = decision.change();
    REQUIRE(change != nullptr);
    REQUIRE(change->batch.operations.size() <= storage::batch_operations_max);
    REQUIRE(change->batch.bytes() <= storage::batch_bytes_max);
    if (pending.stanza && pending.stanza->name() == "iq")
        pending.reply = to_iq(*pending.stanza, std::move(change->reply));
    const storage::Ticket ticket = next_ticket_++;
    pending.round = sender_rounds_[pending.sender];
    const storage::Sender sender{pending.sender, pending.round};
    in_flight_[ticket] = std::move(pending);
    REQUIRE(store_->submit(ticket, sender, std::move(change->batch)));
    if (!is_held_) store_->run();
}

void Stage::submit(storage::Batch batch) {
    REQUIRE(batch.operations.size() <= storage::batch_operations_max);
    REQUIRE(store_->submit(0, {}, std::move(batch)));
    if (!is_held_) store_->run();
}

void Stage::on_feed(std::vector<storage::FeedEntry> entries) {
    for (const storage::FeedEntry& entry : entries) {
        if (const auto* committed = std::get_if<storage::Committed>(&entry))
            on_committed(*committed);
        else if (const auto* refused = std::get_if<storage::Refused>(&entry))
            on_refused(*refused);
        else
            rescan();
    }
}

void Stage::on_committed(const storage::Committed& committed) {
    for (const storage::Write& operation : committed.batch.operations) {
        storage::KeyChange change{operation.family, operation.key, std::nullopt};
        if (!operation.erase)
            change.record = storage::Record{committed.revision, committed.time, operation.value};
        engine_->apply(change);
        memory_->apply(change);
    }
    engine_->notify(committed, *this);
    const auto found = in_flight_.find(committed.ticket);
    if (found == in_flight_.end()) return;
    const Pending pending = std::move(found->second);
    in_flight_.erase(found);
    if (pending.stanza && pending.stanza->name() == "iq")
        deliver(*pending.stanza->attr("from"), pending.reply);
}

void Stage::on_refused(const storage::Refused& refused) {
    const auto found = in_flight_.find(refused.ticket);
    if (found == in_flight_.end()) return;   // background work: it is due again
    Pending pending = std::move(found->second);
    in_flight_.erase(found);
    if (refused.error != storage::Errc::Conflict)
        return refuse(pending, xml::internal_server_error(refused.error.message()));
    ++rounds_;
    std::uint64_t& round = sender_rounds_[pending.sender];
    if (pending.round == round) ++round;
    decide(std::move(pending));
}

void Stage::answer(const Pending& pending, pubsub::Reply reply) {
    if (pending.stanza->name() != "iq") return;
    for (xml::Element& message : pubsub::take_messages(reply)) {
        message.set("from", service).set("to", *pending.stanza->attr("from"));
        deliver(*pending.stanza->attr("from"), std::move(message));
    }
    deliver(*pending.stanza->attr("from"), to_iq(*pending.stanza, std::move(reply)));
}

void Stage::refuse(const Pending& pending, const xml::StanzaError& error) {
    if (pending.stanza->name() != "iq") return;
    deliver(*pending.stanza->attr("from"), xml::error_reply(*pending.stanza, error));
}

void Stage::notify(pubsub::Notification notification) {
    const auto write = [this](const xml::Jid& to, const std::string& rest) {
        std::string text = "<message to='";
        xml::append_escaped_attr(text, to.str());
        deliver(to.str(), parse_stanza(text + "'" + rest));
    };
    const auto may_be_told = [&](const xml::Jid& to) {
        pubsub::Principal session;
        session.jid = to;
        return notification.about == 0 ||
               engine_->may_be_told_of(session, notification.about) != notification.is_for_unaware;
    };
    for (const xml::Jid& to : notification.to)
        if (may_be_told(to)) write(to, *notification.rest);
    if (notification.node == 0) return;
    for (const auto& subscriber : engine_->audience(notification.node, notification.kind))
        if (may_be_told(subscriber.jid))
            write(subscriber.jid, *pubsub::render_copy(notification, subscriber.copy));
}

void Stage::replays(const std::string& full, pubsub::Position after) {
    deliver_owed(*xml::Jid::parse(full), after, {});
}

void Stage::replay_from(const xml::Jid& subscriber, std::uint64_t node, storage::Revision after) {
    // Everybody here was told of everything else.
    const storage::Revision now = store_->status().revision;
    deliver_owed(subscriber, {now, now}, {{pubsub::start_key(node, subscriber.is_bare()), after}});
}

void Stage::deliver_owed(
    const xml::Jid& full, pubsub::Position after, const pubsub::EarlierStarts& earlier
) {
    const auto owed = engine_->owed(full, after, earlier, 1000, 1 << 20);
    const auto snapshot = store_->snapshot();
    for (const auto& item : owed.items) {
        std::string payload;
        if (item.has_payload)
            payload = pubsub::read_item(*snapshot, item.at(), engine_->payload_faults()).payload;
        const xml::Jid to = item.is_for_full ? full : full.bare();
        if (auto message = engine_->owed_message(item, to, payload)) {
            message->to = {to};
            message->node = 0;
            notify(std::move(*message));
        }
    }
}

void Stage::deliver(const std::string& to, xml::Element stanza) {
    // Through the writer and the parser, as on the wire.
    std::string text;
    xml::write(text, stanza, xml::ns::client.uri());
    inboxes_[to].push_back(parse_stanza(text));
}

std::size_t Stage::work_off() {
    std::size_t batches = 0;
    for (int turns = 0; turns < 100; ++turns) {
        auto due = engine_->due(now_, 16);
        if (due.empty()) return batches;
        batches += due.size();
        for (storage::Batch& batch : due) submit(std::move(batch));
    }
    std::string still;
    for (const storage::Batch& batch : engine_->due(now_, 1))
        for (const storage::Write& operation : batch.operations)
            if (const auto key = pubsub::parse_key(operation.key))
                still += std::string(1, key->tag) + " " + std::to_string(key->uid) + " " +
                         std::to_string(key->epoch) + " " + std::string(key->name) + "; ";
    FAIL("background work never ends: " << still);
    return batches;
}

void Stage::sweep() {
    while (engine_->is_sweep_pending())
        for (storage::Batch& batch : engine_->sweep(10)) submit(std::move(batch));
}

}   // namespace grid::test
