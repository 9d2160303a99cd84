// controller/rest/view_routes.cpp: topics, sessions, transfers, events and status by REST.
#include <algorithm>
#include <array>
#include <charconv>

#include "controller/administration/topic_acts.hpp"
#include "controller/console/assets.hpp"
#include "controller/rest/call.hpp"
#include "controller/rest/conditions.hpp"
#include "controller/rest/events.hpp"
#include "controller/rest/views.hpp"
#include "controller/topics/subscribers.hpp"

namespace grid::controller::rest {

namespace {

HttpDecision list_topics(const Call& call) {
    const std::size_t max = call.page_max();
    const std::string after = call.request.in_query("after");
    const std::string subtopics = call.request.in_query("subtopics");
    const std::string part = call.request.in_query("find");
    if (!subtopics.empty() && subtopics != "no" && subtopics != "yes")
        return refuse({Errc::MalformedRequest, "subtopics is yes or no", {}});
    if (!part.empty() && subtopics == "yes")
        return refuse({Errc::MalformedRequest, "find looks for topics, not for subtopics", {}});
    json::array list;
    if (subtopics == "no" || !part.empty()) {
        const auto page = call.broker.topics(after, part, max, names_looked_at_max);
        for (const pubsub::NodeView& node : page.topics) list.push_back(to_json(node));
        return ok({{"topics", std::move(list)}, {"next", cursor(page.next)}});
    }
    auto found = call.broker.nodes(after, max + 1);
    const bool has_more = found.size() > max;
    if (has_more) found.pop_back();
    for (const pubsub::NodeView& node : found) list.push_back(to_json(node));
    return ok(
        {{"topics", std::move(list)},
         {"next", cursor(has_more ? std::string_view(found.back().name) : std::string_view{})}}
    );
}

HttpDecision show_topic(const Call& call) {
    const std::string& name = call.request.in_path("name");
    const auto node = call.broker.node(name);
    if (!node) return refuse({Errc::UnknownTopic, "no topic " + name, {}});
    json::object body = to_json(*node);
    json::array providers;
    for (const Provider& provider : call.state.directory.providers(name, call.context.now)) {
        json::array online;
        for (const xml::Jid& jid : provider.online) online.emplace_back(jid.str());
        providers.push_back(json::object{
            {"jid", provider.account.str()},
            {"affiliation", provider.affiliation},
            {"online", std::move(online)}
        });
    }
    body["providers"] = std::move(providers);
    const Topic* declared = call.state.directory.topic(name);
    const Topic none;
    const Topic& topic = declared != nullptr ? *declared : none;
    body["queries"] = to_json(topic.queries);
    body["notifications"] = to_json(topic.notifications);
    body["schema"] =
        json::object{{"namespace", topic.schema_namespace}, {"location", topic.schema_location}};
    const schemas::TopicSchema* checked = call.state.schemas.topic(name);
    body["validation"] = to_string(checked == nullptr ? schemas::Mode::Off : checked->mode);
    body["validated_by"] = checked == nullptr ? json::value() : json::value(checked->location);
    return ok(std::move(body));
}

HttpDecision list_subscribers(const Call& call) {
    const std::string& name = call.request.in_path("name");
    if (!call.broker.node(name)) return refuse({Errc::UnknownTopic, "no topic " + name, {}});
    const auto page =
        subscribers_of(call.broker, name, call.request.in_query("after"), call.page_max());
    if (!page)
        return refuse({Errc::MalformedRequest, "after is the cursor of an earlier page", {}});
    json::array list;
    for (const auto& view : page->subscribers)
        list.push_back(json::object{
            {"jid", view.jid},
            {"state", view.state},
            {"filter", view.filter},
            {"topic", view.node},
            {"subid", view.subid}
        });
    return ok({{"subscribers", std::move(list)}, {"next", cursor(page->next)}});
}

/// By name. A topic's subtopics are few (`controller.subtopics_max`), so each page sorts them.
HttpDecision list_subtopics(const Call& call) {
    const std::string& name = call.request.in_path("name");
    if (!call.broker.node(name)) return refuse({Errc::UnknownTopic, "no topic " + name, {}});
    const std::string after = call.request.in_query("after");
    auto found = call.broker.subtopics(name);
    std::erase_if(found, [&](const auto& subtopic) { return subtopic.name <= after; });
    std::ranges::sort(found, {}, &pubsub::SubtopicView::name);
    const bool has_more = found.size() > call.page_max();
    if (has_more) found.resize(call.page_max());
    json::array list;
    for (const pubsub::SubtopicView& subtopic : found)
        list.push_back(json::object{
            {"name", subtopic.name},
            {"filter", subtopic.filter},
            {"subscriptions", subtopic.subscriptions}
        });
    return ok(
        {{"subtopics", std::move(list)},
         {"next", cursor(has_more ? std::string_view(found.back().name) : std::string_view{})}}
    );
}

/// Without payloads: those are for accounts that the policy lets retrieve them.
HttpDecision list_items(const Call& call) {
    const std::string& name = call.request.in_path("name");
    if (!call.broker.node(name)) return refuse({Errc::UnknownTopic, "no topic " + name, {}});
    const auto page =
        call.broker.newest_items(name, call.request.in_query("after"), call.page_max());
    if (!page)
        return refuse({Errc::MalformedRequest, "after is the cursor of an earlier page", {}});
    json::array list;
    for (const pubsub::ShownItem& item : page->items)
        list.push_back(json::object{
            {"id", item.id},
            {"publisher", item.publisher},
            {"time", time_text(item.time)},
            {"payload_bytes", item.payload_bytes}
        });
    return ok({{"items", std::move(list)}, {"next", cursor(page->next)}});
}

/// Switches a topic off or on. While it is off, publishes, subscriptions and retrievals are
/// refused.
HttpDecision switch_topic(const Call& call) {
    const std::string& name = call.request.in_path("name");
    const json::object& body_of_call = call.request.body;
    const json::value* enabled = body_of_call.if_contains("enabled");
    const bool is_about_schema =
        body_of_call.contains("validation") || body_of_call.contains("schema");
    if (enabled != nullptr && is_about_schema)
        return refuse(
            {Errc::MalformedRequest,
             "\"enabled\" and \"validation\" are two changes: send one request for each",
             {}}
        );
    if (is_about_schema) return put_topic_schema(call);
    if (enabled == nullptr || !enabled->is_bool())
        return refuse(
            {Errc::MalformedRequest, "expected \"enabled\": true or false, or \"validation\"", {}}
        );
    auto batch = administration::switch_topic(call, name, enabled->as_bool());
    if (!batch) return refuse(batch.error());
    json::object body = to_json(*call.broker.node(name));
    body["enabled"] = enabled->as_bool();
    return changed(std::move(*batch), ok(std::move(body)));
}

HttpDecision list_sessions(const Call& call) {
    const std::string after = call.request.in_query("after");
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(after.data(), after.data() + after.size(), id);
    if (!after.empty() && (error != std::errc{} || end != after.data() + after.size()))
        return refuse({Errc::MalformedRequest, "after is the cursor of an earlier page", {}});
    std::vector<SessionView> found;
    if (const std::string name = call.request.in_query("jid"); !name.empty()) {
        const auto jid = bare_jid(name);
        if (!jid) return refuse(jid.error());
        found = call.sessions.sessions_of(*jid);
        std::erase_if(found, [&](const SessionView& session) { return session.id <= id; });
        std::ranges::sort(found, {}, &SessionView::id);
    } else {
        found = call.sessions.sessions_after(id, call.page_max() + 1);
    }
    const std::size_t count = std::min(call.page_max(), found.size());
    json::array list;
    for (std::size_t i = 0; i < count; ++i) {
        json::object session = to_json(found[i]);
        const Account* account = call.state.accounts.find(found[i].jid.bare_view());
        const Role role = account == nullptr ? Role::Member : role_of_groups(account->groups);
        session["role"] = to_string(role);
        list.push_back(std::move(session));
    }
    const bool has_more = found.size() > count;
    return ok(
        {{"sessions", std::move(list)},
         {"next", cursor(has_more ? std::to_string(found[count - 1].id) : std::string{})}}
    );
}

/// Transfers under way, which are bounded (bulk.transfers_max), with the first page; then those
/// that ended, the newest first.
HttpDecision list_transfers(const Call& call) {
    const std::string after = call.request.in_query("after");
    std::uint64_t last = 0;
    const auto [end, error] = std::from_chars(after.data(), after.data() + after.size(), last);
    if (!after.empty() && (error != std::errc{} || end != after.data() + after.size()))
        return refuse({Errc::MalformedRequest, "after is the cursor of an earlier page", {}});
    json::array under_way, recent;
    std::string next;
    const bulk::Table* table = call.state.transfers;
    if (table != nullptr && after.empty())
        for (const bulk::Transfer& transfer : table->running())
            under_way.push_back(to_json(transfer));
    // The cursor's own may have gone meanwhile, with all that were older.
    bool is_behind = after.empty();
    for (const bulk::Transfer& transfer :
         table == nullptr ? std::vector<bulk::Transfer>{} : table->recent()) {
        if (is_behind && recent.size() == call.page_max()) {
            next = std::to_string(last);
            break;
        }
        if (is_behind) recent.push_back(to_json(transfer));
        is_behind = is_behind || transfer.id == last;
        if (is_behind) last = transfer.id;
    }
    return ok(
        {{"transfers", std::move(under_way)}, {"recent", std::move(recent)}, {"next", cursor(next)}}
    );
}

json::object transfers_to_json(const bulk::Table* table) {
    if (table == nullptr) return to_json(bulk::Counters{}, 0);
    return to_json(table->counters(), table->running().size());
}

json::object store_to_json(const storage::StoreStatus& store) {
    return {{"writable", store.writable},        {"reason", store.reason}, {"do", advice(store)},
            {"revision", store.revision},        {"epoch", store.epoch},   {"id", store.store_id},
            {"commits", store.commits},          {"groups", store.groups}, {"syncs", store.syncs},
            {"queued_bytes", store.queued_bytes}};
}

/// A cut that was due to want of space took records which were to stay longer.
json::value cut_to_json(const std::optional<audit::Cut>& cut) {
    if (!cut) return nullptr;
    return json::object{
        {"number", cut->link.number},
        {"time", time_text(cut->time)},
        {"for", cut->is_for_space ? "audit.keep_bytes" : "audit.keep_days"},
        {"alarm", cut->is_for_space}
    };
}

/// A page shows no button whose act would be refused.
json::array acts_to_json(Role role) {
    json::array names;
    for (const std::string_view name : acts_of(role)) names.emplace_back(name);
    return names;
}

HttpDecision show_status(const Call& call) {
    const ServerFacts facts = call.server.facts();
    const Accounts& accounts = call.state.accounts;
    const Role role = call.state.role_of(call.context.actor);
    json::object listeners;
    for (const auto& [name, address] : facts.listeners) listeners[name] = address;
    return ok(
        {{"administrator", call.context.actor.jid.bare().str()},
         {"role", to_string(role)},
         {"may", acts_to_json(role)},
         {"signed_in",
          call.context.actor.issuer.starts_with(password_prefix) ? "password" : "certificate"},
         {"version", facts.version},
         {"domain", facts.domain},
         {"evaluation", facts.is_evaluation},
         {"started", time_text(facts.started)},
         {"listeners", std::move(listeners)},
         {"sessions", facts.sessions},
         {"hibernating", facts.hibernating},
         {"floods", json::object{{"slowed", facts.sessions_slowed}, {"cut", facts.sessions_cut}}},
         {"accounts",
          json::object{
              {"pending", accounts.count(AccountState::Pending)},
              {"enabled", accounts.count(AccountState::Enabled)},
              {"disabled", accounts.count(AccountState::Disabled)}
          }},
         {"topics", call.broker.node_count()},
         {"items", call.broker.item_count()},
         {"unreadable_items", call.broker.payload_faults().count()},
         {"subscriptions", call.broker.subscription_count()},
         {"messages",
          json::object{
              {"waiting", call.state.offline.count()},
              {"waiting_bytes", call.state.offline.bytes()},
              {"archived", call.state.archives.size()}
          }},
         {"bulk", transfers_to_json(call.state.transfers)},
         {"policy",
          json::object{
              {"version", call.state.policy.head().version},
              {"rules", call.state.policy.compiled().rules().size()}
          }},
         {"audit",
          json::object{
              {"queued", call.state.audit.size()},
              {"dropped", call.state.audit.dropped()},
              {"cut", cut_to_json(call.state.last_cut)}
          }},
         {"store", store_to_json(facts.store)},
         {"problems", to_json(problems_of(facts))}}
    );
}

/// Whether the client may listen; the server goes on from there (server/live).
HttpDecision begin_events(const Call& call) {
    const auto wish =
        parse_event_wish(call.request.in_query("kinds"), call.request.in_query("after"));
    if (!wish) return refuse(malformed(wish.error()));
    return HttpResponse{200, {}, std::string(event_stream_type)};
}

/// The description of this interface (make-openapi).
HttpDecision show_description(const Call&) {
    const auto assets = console_assets();
    const auto found = std::ranges::find(assets, "openapi.json", &ConsoleAsset::path);
    return HttpResponse{200, std::string(found->bytes)};
}

}   // namespace

std::span<const Route> view_routes() {
    static const std::array routes{
        Route{
            "GET", "topics", {"find", "subtopics", "after", "max"}, {}, list_topics, Act::ReadTopics
        },
        Route{"GET", "topics/{name...}", {}, {}, show_topic, Act::ReadTopics, topic_tag},
        Route{
            "PUT",
            "topics/{name...}",
            {},
            {"enabled", "validation", "schema"},
            switch_topic,
            Act::SwitchTopics,
            topic_tag
        },
        Route{
            "GET", "subscribers/{name...}", {"after", "max"}, {}, list_subscribers, Act::ReadTopics
        },
        Route{"GET", "subtopics/{name...}", {"after", "max"}, {}, list_subtopics, Act::ReadTopics},
        Route{"GET", "items/{name...}", {"after", "max"}, {}, list_items, Act::ReadTopics},
        Route{"GET", "sessions", {"jid", "after", "max"}, {}, list_sessions, Act::ReadSessions},
        Route{"GET", "transfers", {"after", "max"}, {}, list_transfers, Act::ReadTransfers},
        Route{"GET", "events", {"kinds", "after"}, {}, begin_events, Act::ReadAudit},
        Route{"GET", "openapi.json", {}, {}, show_description, Act::ReadStatus},
        Route{"GET", "status", {}, {}, show_status, Act::ReadStatus},
    };
    return routes;
}

}   // namespace grid::controller::rest
