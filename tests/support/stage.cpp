// tests/support/stage.cpp: see support/stage.hpp.
#include "stage.hpp"
#include "pubsub/delivery/subscriber.hpp"

#include <sstream>

#include "pubsub/delivery/copies.hpp"
#include "pubsub/reply.hpp"
#include "xml/iq_form.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::test {

namespace {

std::string fresh_id(std::uint64_t number) {
    std::ostringstream out;
    out << std::hex << (0xabcdef0000000000ULL + number) << "00112233";
    return out.str();
}

}   // namespace

Stage::Stage() : settings_(default_settings()) {
    storage::MemoryStore::Options options;
    options.run_at_once = false;
    store_ = std::make_unique<storage::MemoryStore>(options);
    pipeline_ = std::make_unique<CallerPipeline>(
        *store_, Follower{
                     [this](const storage::KeyChange& change) { apply(change); },
                     [this](const storage::Committed& batch) { engine_->notify(batch, *this); },
                     [this] { return rescan(); }
                 }
    );
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
    pipeline_->rescan();
}

void Stage::apply(const storage::KeyChange& change) {
    engine_->apply(change);
    memory_->apply(change);
}

storage::Revision Stage::rescan() {
    engine_->scan_started();
    memory_->forget();
    const auto scanned = store_->scan([this](const storage::KeyChange& change) { apply(change); });
    REQUIRE(scanned.has_value());
    engine_->scan_finished();
    memory_->scan_finished();
    return *scanned;
}

void Stage::run() {
    is_held_ = false;
    store_->run();
}

void Stage::advance(storage::Millis by) {
    now_ += by;
    store_->advance(by);
}

void Stage::sends(const std::string& from, const std::string& text) {
    xml::Element stanza = parse_stanza(text);
    stanza.set("from", from);
    if (!stanza.attr("to")) stanza.set("to", service);
    if (stanza.name() == "message") {
        if (auto prepared = engine_->prepare_message(stanza)) queue(stanza, std::move(*prepared));
        return;
    }
    pubsub::IqRequest request;
    request.type = *xml::iq_type(stanza);
    request.to = *xml::Jid::parse(*stanza.attr("to"));
    request.payload = stanza.first_child();
    request.ancestors = {&stanza};
    REQUIRE(request.payload != nullptr);
    auto prepared = request.to.local().empty()
                        ? engine_->prepare(request)
                        : engine_->prepare_at_account(request, request.to.bare());
    REQUIRE(prepared.has_value());   // else the router would answer service-unavailable
    if (*prepared) return queue(stanza, std::move(**prepared));
    pubsub::PreparedRequest refusal;   // answered in its place among the others
    refusal.order = pubsub::Order::Pipelined;
    refusal.decide = [error = prepared->error()](const pubsub::Context&) {
        return pubsub::Decision(error);
    };
    queue(stanza, std::move(refusal));
}

void Stage::queue(const xml::Element& stanza, pubsub::PreparedRequest prepared) {
    const auto jid = xml::Jid::parse(*stanza.attr("from"));
    REQUIRE(jid.has_value());
    auto decide = [this, prepared, times = 0](const pubsub::Context& context) mutable {
        if (times++ > 0) ++rounds_;
        return prepared.decide(context);
    };
    auto request = std::make_unique<CallerPipeline::Transaction<pubsub::Reply, xml::StanzaError>>(
        std::move(decide), refused_by_store,
        [this, stanza](auto what) { answer(stanza, std::move(what)); }
    );
    request->order = prepared.order;
    request->context.actor.jid = *jid;
    request->context.actor.session = 1;
    request->context.now = now_;
    request->context.fresh_id = fresh_id(next_fresh_++);
    pipeline_->take(std::move(request));
    if (!is_held_) store_->run();
}

void Stage::submit(storage::Batch batch) {
    pipeline_->submit(std::move(batch));
    if (!is_held_) store_->run();
}

void Stage::answer(
    const xml::Element& stanza, std::variant<xml::StanzaError, pubsub::Reply> answer
) {
    const std::string& from = *stanza.attr("from");
    if (const auto* error = std::get_if<xml::StanzaError>(&answer))
        return xml::is_answer(stanza) ? void() : deliver(from, xml::error_reply(stanza, *error));
    if (stanza.name() != "iq") return;   // a message asks for no answer
    auto& reply = std::get<pubsub::Reply>(answer);
    for (xml::Element& message : reply.messages) {
        message.set("from", service).set("to", from);
        deliver(from, std::move(message));
    }
    deliver(from, pubsub::to_iq(stanza, std::move(reply)));
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
