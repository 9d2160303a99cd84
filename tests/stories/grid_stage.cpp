// tests/stories/grid_stage.cpp: see grid_stage.hpp.
#include "grid_stage.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "controller/profiles/vcard.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::test {

using controller::SessionView;
std::vector<SessionView> FakeSessions::sessions() const {
    std::vector<SessionView> found;
    for (const auto& entry : table) found.push_back(entry.second);
    return found;
}

const controller::Identity* FakeSessions::identity(std::uint64_t session) const {
    const auto found = table.find(session);
    return found == table.end() ? nullptr : &found->second.identity;
}

bool FakeSessions::is_active(std::uint64_t session) const {
    const auto found = table.find(session);
    return found != table.end() && found->second.is_active;
}

std::optional<controller::Activity> FakeSessions::activity(std::uint64_t session) const {
    const auto found = table.find(session);
    if (found == table.end()) return std::nullopt;
    const auto did = activities.find(session);
    controller::Activity activity = did == activities.end() ? controller::Activity{} : did->second;
    activity.jid = found->second.jid;
    activity.since = found->second.since;
    activity.is_active = found->second.is_active;
    return activity;
}

std::vector<xml::Jid> FakeSessions::active_resources(const xml::Jid& bare) const {
    std::vector<xml::Jid> found;
    for (const auto& [id, view] : table)
        if (view.is_active && view.jid.bare() == bare) found.push_back(view.jid);
    return found;
}

void FakeControl::notify(pubsub::Notification notification) {
    Sent one;
    for (const xml::Jid& jid : notification.to) one.to.push_back(jid.str());
    one.message = "<message" + *notification.rest;
    one.what = std::move(notification);
    sent.push_back(std::move(one));
}

void FakeControl::close_session(const xml::Jid& full, xml::StreamError error) {
    closed.emplace_back(full.str(), error.condition);
}
void FakeControl::close_account(const xml::Jid& bare, xml::StreamError error) {
    closed.emplace_back(bare.str(), error.condition);
}

controller::ServerFacts FakeServer::facts() const {
    controller::ServerFacts facts;
    facts.version = "0.1.0";
    facts.domain = "grid.example";
    facts.listeners = {{"c2s", "127.0.0.1:5222"}};
    return facts;
}

namespace {
pubsub::Settings broker_settings() {
    pubsub::Settings settings;
    settings.service = *xml::Jid::parse("pubsub.grid.example");
    settings.subtopics_share_percent = 100;   // one client plays all subscribers
    return settings;
}

controller::HttpResponse http_refused_by_store(boost::system::error_code error) {
    return controller::http_error(503, "store", refused_by_store(error).text);
}

}   // namespace

Node::Node(const controller::Settings& settings, const FakeSessions& sessions)
    : controller(std::make_unique<controller::Controller>(settings, sessions)),
      broker(std::make_unique<pubsub::Broker>(broker_settings(), *controller, contacts)) {
    controller->attach(*broker);
}

void Node::apply(const storage::KeyChange& change) {
    broker->apply(change);
    controller->apply(change);
}

controller::Settings GridStage::default_settings() {
    controller::Settings settings;
    for (const auto& ns :
         {xml::ns::disco_info, xml::ns::disco_items, xml::ns::ping, xml::ns::roster,
          xml::ns::session})
        settings.open_services.insert(std::string(ns.uri()));
    settings.domain = "grid.example";
    settings.address = *xml::Jid::parse("controller.grid.example");
    settings.broker = *xml::Jid::parse("pubsub.grid.example");
    return settings;
}

GridStage::GridStage(controller::Settings given)
    : settings(std::move(given)),
      node(settings, sessions),
      pipeline_(
          store,
          Follower{
              [this](const storage::KeyChange& change) { node.apply(change); },
              [this](const storage::Committed& committed) { notify(committed); },
              [this] { return rescan(); }
          }
      ) {
    node.broker->scan_finished();   // of an empty store
    node.controller->scan_finished();
}

void GridStage::notify(const storage::Committed& committed) {
    is_committed_ = true;
    if (!notifies) return;
    node.broker->notify(committed, control);
    node.controller->notify(committed, control);
}

storage::Revision GridStage::rescan() {
    node.broker->scan_started();
    node.controller->forget();
    const auto scanned =
        store.scan([this](const storage::KeyChange& change) { node.apply(change); });
    REQUIRE(scanned.has_value());
    node.broker->scan_finished();
    node.controller->scan_finished();
    return *scanned;
}

bool GridStage::commit(storage::Batch batch) {
    is_committed_ = false;
    pipeline_.submit(std::move(batch));
    return is_committed_;
}

template <class Reply, class Error>
std::variant<Error, Reply> GridStage::run(
    const pubsub::Context& context,
    std::function<storage::Decision<Reply, Error>(const pubsub::Context&)> decide,
    Error (*to_error)(boost::system::error_code)
) {
    std::optional<std::variant<Error, Reply>> answer;
    auto request = std::make_unique<CallerPipeline::Transaction<Reply, Error>>(
        std::move(decide), to_error, [&](auto what) { answer.emplace(std::move(what)); }
    );
    request->context = context;
    pipeline_.take(std::move(request));
    REQUIRE(answer.has_value());
    return std::move(*answer);
}

controller::Identity GridStage::identity(std::string_view bare, std::string_view anchor) {
    controller::Identity identity;
    identity.account = *xml::Jid::parse(bare);
    identity.anchor = anchor;
    identity.fingerprint = "f-" + std::string(bare);
    identity.issuer = "CN=" + std::string(anchor);
    identity.not_before = 1'700'000'000'000;
    identity.not_after = 1'900'000'000'000;
    return identity;
}

controller::Admission GridStage::admission(std::string_view bare, std::string_view anchor) const {
    return node.controller->admit(identity(bare, anchor));
}

bool GridStage::connects(std::string_view full_jid, std::string_view anchor) {
    return connects_as(full_jid, identity(xml::Jid::parse(full_jid)->bare_view(), anchor));
}

bool GridStage::connects_as(std::string_view full_jid, const controller::Identity& shown) {
    const xml::Jid jid = *xml::Jid::parse(full_jid);
    if (controller().admit(shown).kind != controller::Admission::Kind::Enter) return false;
    if (auto enrolment = controller().enrolment(shown)) {
        const auto done = run<pubsub::Reply, xml::StanzaError>(
            context(pubsub::Principal::system()), std::move(enrolment->decide), refused_by_store
        );
        if (done.index() == 0) return false;
    }
    SessionView view;
    view.since = now_;
    view.id = next_session_++;
    view.jid = jid;
    view.address = "192.0.2.1";
    view.identity = shown;
    sessions.table.emplace(view.id, std::move(view));
    return true;
}

void GridStage::disconnects(std::string_view full_jid) {
    for (const auto& [id, view] : sessions.table)
        if (view.jid.str() == full_jid) controller().session_ended(id);
    std::erase_if(sessions.table, [&](const auto& e) { return e.second.jid.str() == full_jid; });
}

pubsub::Principal GridStage::principal(std::string_view full_jid) const {
    pubsub::Principal actor;
    actor.jid = *xml::Jid::parse(full_jid);
    for (const auto& [id, view] : sessions.table) {
        if (view.jid != actor.jid) continue;
        actor.session = id;
        actor.address = view.address;
        actor.issuer = controller::authorities_text(view.identity);
    }
    return actor;
}

pubsub::Context GridStage::context(pubsub::Principal actor) {
    return {std::move(actor), now_, "fresh-" + std::to_string(next_id_++)};
}

xml::Element GridStage::sends(std::string_view full_jid, std::string_view text) {
    const xml::Element iq = parse(text);
    const pubsub::Principal actor = principal(full_jid);
    REQUIRE(actor.session != 0);
    sessions.activities[actor.session].heard = now_;
    const xml::Jid to = *xml::Jid::parse(iq.attr_or("to", ""), true);
    using controller::Destination;
    const bool for_broker = to == settings.broker, is_own = to == actor.jid.bare();
    const auto destination = for_broker ? Destination::Broker
                             : is_own   ? Destination::OwnAccount
                                        : Destination::Controller;
    auto error = controller().confine(actor, destination, iq);
    if (controller().needs_login(destination, iq) && !sessions.is_active(actor.session) && !error)
        error = controller::Controller::not_logged_in(destination);
    if (error) return xml::error_reply(iq, *error);
    const pubsub::IqRequest request{*xml::iq_type(iq), to, iq.first_child(), {&iq}};
    pubsub::IqService& service =
        for_broker ? static_cast<pubsub::IqService&>(*node.broker) : controller();
    // As the router does: vCards are any account's.
    const bool is_vcard = controller::is_vcard(*request.payload);
    auto prepared =
        is_own && !is_vcard ? controller().prepare_own(request) : service.prepare(request);
    if (!prepared) return xml::error_reply(iq, xml::service_unavailable("unknown payload"));
    if (!*prepared) return xml::error_reply(iq, prepared->error());
    const auto done = run<pubsub::Reply, xml::StanzaError>(
        context(actor), std::move((*prepared)->decide), refused_by_store
    );
    if (done.index() == 0) return xml::error_reply(iq, std::get<0>(done));
    SessionView& view = sessions.table.at(actor.session);
    if ((*prepared)->effect == pubsub::SessionEffect::Login) view.is_active = true;
    if ((*prepared)->effect == pubsub::SessionEffect::Logout) {
        view.is_active = false;
        controller().session_ended(actor.session);
    }
    return pubsub::to_iq(iq, std::get<1>(done));
}

std::pair<int, std::string> GridStage::rest(
    std::string_view bare, std::string method, std::string path, std::string body, std::string query
) {
    controller::Rest rest(controller(), *node.broker, sessions, server);
    const bool needs_one = method == "PUT" && (path == "/policy" || path == "/administrators");
    auto prepared = rest.prepare(
        {std::move(method), std::move(path), std::move(query), std::move(body),
         if_match.empty() && needs_one ? "*" : if_match, if_none_match}
    );
    if (!prepared) {
        headers = prepared.error().headers;
        return {prepared.error().status, prepared.error().body};
    }
    pubsub::Principal actor;
    actor.jid = *xml::Jid::parse(bare);
    actor.origin = pubsub::Origin::Http;
    actor.issuer = "ca";
    const auto done = run<controller::HttpResponse, controller::HttpResponse>(
        context(actor), std::move(prepared->decide), http_refused_by_store
    );
    const controller::HttpResponse& answer =
        done.index() == 0 ? std::get<0>(done) : std::get<1>(done);
    headers = answer.headers;
    return {answer.status, answer.body};
}

void GridStage::later(storage::Millis by) {
    now_ += by;
    store.advance(by);
    for (storage::Batch& batch : controller().due(now_, 16)) commit(std::move(batch));
}

void GridStage::policy(std::string_view text) {
    const auto batches = controller().bootstrap(std::string(text), {});
    REQUIRE(batches.has_value());
    REQUIRE_FALSE(batches->empty());
    for (const storage::Batch& batch : *batches) REQUIRE(commit(batch));
}

void GridStage::administrator(std::string_view bare) {
    const auto batches = controller().bootstrap({}, {*xml::Jid::parse(bare)});
    REQUIRE(batches.has_value());
    for (const storage::Batch& batch : *batches) REQUIRE(commit(batch));
    REQUIRE(connects(std::string(bare) + "/console"));
}

void GridStage::member(std::string_view full_jid, const std::string& groups) {
    const std::string bare(xml::Jid::parse(full_jid)->bare_view());
    if (controller().state(*xml::Jid::parse("root@grid.example")) == controller::AccountState::Init)
        administrator("root@grid.example");
    const auto made = rest(
        "root@grid.example", "POST", "/accounts",
        R"({"jid": ")" + bare + R"(", "groups": )" + groups + "}"
    );
    REQUIRE(made.first == 201);
    REQUIRE(connects(full_jid));
    control = {};
}

}   // namespace grid::test
