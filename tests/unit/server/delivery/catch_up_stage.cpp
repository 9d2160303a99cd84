// tests/unit/server/delivery/catch_up_stage.cpp: see catch_up_stage.hpp.
#include "catch_up_stage.hpp"

#include <catch2/catch.hpp>
#include <regex>

#include "enabled_accounts.hpp"
#include "open_world.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/stanza.hpp"

namespace grid::test {

namespace {

using server::SessionPtr;
using storage::Snapshot;

/// Messages are kept for longer than from the store's time to the real one.
constexpr storage::Millis keep_ms = 1'000LL * 365 * 24 * 3600 * 1000;
constexpr auto deliver_patience = std::chrono::seconds(5);

/// As a disk that cannot be read in places.
class Damaged final : public Snapshot {
public:
    Damaged(const Snapshot& whole, const std::set<std::string>& unreadable)
        : whole_(whole), unreadable_(unreadable) {}

    storage::Result<std::optional<Value>> get(storage::Family family, std::string_view key)
        const override {
        auto value = whole_.get(family, key);
        for (const std::string& text : unreadable_)
            if (value && *value && (*value)->value.find(text) != std::string::npos)
                return storage::make_error_code(storage::Errc::WritesStopped);
        return value;
    }
    boost::system::error_code scan(
        storage::Family family,
        std::string_view from,
        std::string_view to,
        bool reverse,
        const std::function<bool(std::string_view, const storage::Record&)>& visit
    ) const override {
        return whole_.scan(family, from, to, reverse, visit);
    }

private:
    const Snapshot& whole_;
    const std::set<std::string>& unreadable_;
};

pubsub::Settings broker_settings() {
    pubsub::Settings settings;
    settings.service = *xml::Jid::parse("pubsub.grid.example");
    settings.allow_open = true;
    settings.default_access_model = "open";
    return settings;
}

}   // namespace

CatchUpStage::CatchUpStage()
    : store(memory),
      sessions_(10),
      controller_(controller_settings(), sessions_),
      policy_(std::make_unique<AllowAll>()),
      contacts_(std::make_unique<Strangers>()),
      broker_(broker_settings(), *policy_, *contacts_),
      log_(server::LogSettings{"off", "text"}),
      fanout(broker_, controller_, sessions_, flush_limiter, log_),
      catch_up_of_all(boost::asio::make_strand(context), store, broker_, sessions_, fanout, log_),
      offline(
          boost::asio::make_strand(context), store, controller_, sessions_, fanout, log_, keep_ms
      ) {
    sessions_.watch(&directory_);
    controller_.attach(broker_);
    memory.start([this](const std::vector<storage::FeedEntry>& entries) { on_feed(entries); });
}

CatchUpStage::~CatchUpStage() {
    catch_up_of_all.stop();
    store.waiting.clear();
}

void CatchUpStage::on_feed(const std::vector<storage::FeedEntry>& entries) {
    for (const auto& entry : entries) {
        const auto* committed = std::get_if<storage::Committed>(&entry);
        was_committed_ = committed != nullptr;
        if (!committed) continue;
        for (const storage::KeyChange& change : changes_of(entry)) {
            broker_.apply(change);
            controller_.apply(change);
        }
        fanout.applied(committed->revision);
        broker_.notify(*committed, fanout);
        controller_.notify(*committed, fanout);
        REQUIRE(fanout.deliver(std::chrono::steady_clock::now() + deliver_patience));
    }
}

void CatchUpStage::waits(const std::string& bare, const std::string& id, std::size_t bytes) {
    storage::Batch batch;
    controller_.offline().put(
        batch, bare, "sender@grid.example/s",
        "<message from='sender@grid.example/s' to='" + bare + "' id='" + id + "'><body>" +
            std::string(bytes, 'y') + "</body></message>"
    );
    REQUIRE(memory.submit(1, {}, std::move(batch)));
    REQUIRE(was_committed_);
    offline.on_stored(bare);
}

std::vector<std::string> CatchUpStage::waiting(const std::string& bare) {
    static const std::regex id(" id='([^']*)'");
    std::vector<std::string> ids;
    const auto snapshot = memory.snapshot();
    for (const auto& message : controller_.offline().next(bare, 0, 0, 1000, 1 << 20)) {
        const auto key = controller::OfflineMessages::text_of(bare, message.revision);
        const auto value = snapshot->get(key.family, key.key);
        REQUIRE(value.has_value());
        REQUIRE(value->has_value());
        const auto text = controller::OfflineMessages::decode_text((*value)->value);
        std::smatch found;
        REQUIRE(std::regex_search(text.message, found, id));
        ids.push_back(found[1]);
    }
    return ids;
}

void CatchUpStage::does_what_is_due() {
    for (auto& batch : controller_.due(storage::MemoryStore::time_at_start, 64))
        REQUIRE(memory.submit(1, {}, std::move(batch)));
}

std::size_t CatchUpStage::questions() const {
    return dynamic_cast<const AllowAll&>(*policy_).questions;
}

SessionPtr CatchUpStage::comes(
    const std::string& full, bool is_fast, std::size_t outbox_bytes_max
) {
    auto session = std::make_shared<server::Session>();
    session->id = ++last_session_;
    session->jid = *xml::Jid::parse(full);
    session->bare = session->jid.bare();
    enable(controller_, memory, session->bare);
    REQUIRE(was_committed_);
    session->identity = std::make_shared<const controller::Identity>(identity_of(session->bare));
    session->principal.jid = session->jid;
    session->principal.session = session->id;
    session->principal.issuer = anchor;
    session->budget = std::make_shared<server::Budget>(outbox_bytes_max);
    auto transport = std::make_shared<FakeTransport>(session->budget, session->jid);
    transport->is_fast = is_fast;
    session->transport = transport;
    SessionPtr replaced;
    REQUIRE(sessions_.enter(session, replaced));
    session->is_active = true;
    fanout.presence_changed(session->bare);
    catch_up_of_all.on_available(session);
    offline.on_available(session);
    fanout.flush();
    return session;
}

void CatchUpStage::leaves(const SessionPtr& session, server::Delivered delivered) {
    fanout.flush();
    catch_up_of_all.detached(*session);
    session->transport = nullptr;
    catch_up_of_all.on_unavailable(session, delivered);
    session->is_active = false;
    sessions_.leave(*session);
    offline.on_unavailable(session, delivered);
    fanout.presence_changed(session->bare);
    fanout.flush();
}

void CatchUpStage::is_replaced(const SessionPtr& session) {
    sessions_.leave(*session);
    fanout.presence_changed(session->bare);
}

SessionPtr CatchUpStage::is_elsewhere(
    const std::string& full, const std::shared_ptr<server::OtherMember>& member
) {
    auto session = std::make_shared<server::Session>();
    session->id = ++last_session_;
    session->jid = *xml::Jid::parse(full);
    session->bare = session->jid.bare();
    session->other_member = member;
    session->is_active = true;
    sessions_.enter_elsewhere(session);
    return session;
}

void CatchUpStage::leaves_elsewhere(const SessionPtr& session) {
    sessions_.leave(*session);
    catch_up_of_all.left_elsewhere(session->bare.str(), session->other_member->member());
}

FakeTransport& CatchUpStage::transport(const SessionPtr& session) const {
    return static_cast<FakeTransport&>(*session->transport);
}

void CatchUpStage::asks(const std::string& full, const std::string& pubsub) {
    auto document = xml::parse_document(
        "<iq xmlns='jabber:client' type='set' id='q' to='pubsub.grid.example'>"
        "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
            pubsub + "</pubsub></iq>",
        xml::Limits{}
    );
    const auto& iq = std::get<xml::Element>(document);
    auto prepared = broker_.prepare(
        {xml::IqType::Set, *xml::Jid::parse("pubsub.grid.example"), iq.first_child(), {&iq}}
    );
    REQUIRE(prepared.has_value());
    REQUIRE(prepared->has_value());
    pubsub::Context with;
    with.actor.jid = *xml::Jid::parse(full);
    with.actor.issuer = anchor;
    with.now = storage::MemoryStore::time_at_start;
    with.fresh_id = "fresh-" + std::to_string(++last_id_);
    auto decision = (**prepared).decide(with);
    if (const auto* error = decision.error()) FAIL(error->text);
    if (!decision.change()) return;
    REQUIRE(memory.submit(1, {}, std::move(decision.change()->batch)));
    REQUIRE(was_committed_);
    fanout.flush();
}

void CatchUpStage::creates(const std::string& node, const std::string& fields) {
    std::string form;
    if (!fields.empty())
        form = "<configure><x xmlns='jabber:x:data' type='submit'>" + fields + "</x></configure>";
    asks(owner, "<create node='" + node + "'/>" + form);
}

void CatchUpStage::publishes(
    const std::string& node, const std::string& id, std::size_t payload_bytes
) {
    asks(
        owner, "<publish node='" + node + "'><item id='" + id + "'><x xmlns='urn:x' of='" + id +
                   "'>" + std::string(payload_bytes, 'y') + "</x></item></publish>"
    );
}

void CatchUpStage::subscribes(
    const std::string& full,
    const std::string& node,
    const std::string& jid,
    const std::string& options
) {
    std::string form;
    if (!options.empty())
        form =
            "<options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>"
            "http://jabber.org/protocol/pubsub#subscribe_options</value></field>" +
            options + "</x></options>";
    asks(full, "<subscribe node='" + node + "' jid='" + jid + "'/>" + form);
}

void CatchUpStage::turn() {
    context.restart();
    context.poll();
}

void CatchUpStage::run_read() {
    REQUIRE_FALSE(store.waiting.empty());
    auto work = std::move(store.waiting.front());
    store.waiting.pop_front();
    const auto snapshot = memory.snapshot();
    work(Damaged(*snapshot, store.unreadable));
    turn();
}

void CatchUpStage::catch_up(const SessionPtr& session) {
    const auto until = std::chrono::steady_clock::now() + deliver_patience;
    while (session->replay) {
        REQUIRE(std::chrono::steady_clock::now() < until);
        if (!store.waiting.empty()) {
            run_read();
            continue;
        }
        context.restart();
        context.run_one_for(std::chrono::milliseconds(100));
    }
}

void CatchUpStage::digests_leave() {
    const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
    while (fanout.tick(later)) continue;
    fanout.flush();
}

std::vector<std::string> CatchUpStage::messages(const SessionPtr& session) const {
    static const std::regex message("^<message [^>]*from='sender@[^>]* id='([^']*)'");
    std::vector<std::string> ids;
    for (const std::string& stanza : transport(session).take()) {
        std::smatch found;
        if (!std::regex_search(stanza, found, message)) continue;
        CHECK(stanza.find("<delay xmlns='urn:xmpp:delay' from='grid.example'") != stanza.npos);
        ids.push_back(found[1]);
    }
    return ids;
}

std::vector<std::string> CatchUpStage::items(const SessionPtr& session) const {
    static const std::regex item("<item [^>]*id='([^']*)'");
    std::vector<std::string> ids;
    for (const std::string& stanza : transport(session).take())
        for (std::sregex_iterator at(stanza.begin(), stanza.end(), item), end; at != end; ++at)
            ids.push_back((*at)[1]);
    return ids;
}

}   // namespace grid::test
