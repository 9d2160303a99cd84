// tests/stories/providers_test.cpp: registration as publisher, its lease, and the providers that
// are found.
#include <catch2/catch.hpp>

#include <algorithm>

#include "controller/state.hpp"
#include "grid_stage.hpp"
#include "requests.hpp"
#include "xml/writer.hpp"

namespace providers_test {

using grid::test::GridStage;
using namespace grid::test::requests;

namespace {

constexpr const char* ise = "ise@grid.example/a";
constexpr const char* ise2 = "ise@grid.example/b";
constexpr const char* asa = "asa@grid.example/x";

std::string act(const std::string& operation) { return xgrid(operation, "set"); }
std::string init(const std::string& more = {}) {
    return act(
        "<initPublishRequest><capability><name>Session-1.0</name></capability>"
        "<query name='com.domain.ise.session.SessionQuery'/>" +
        more + "</initPublishRequest>"
    );
}
const std::string finish =
    act("<finishPublishRequest><capability><name>Session-1.0</name></capability>"
        "</finishPublishRequest>");
std::string disco_items(const std::string& node) {
    return "<iq xmlns='jabber:client' id='d' type='get' to='controller.grid.example'><query "
           "xmlns='http://jabber.org/protocol/disco#items' node='" +
           node + "'/></iq>";
}

void collect(const grid::xml::Element& element, std::vector<std::string>& into) {
    if (element.name() == "item")
        into.push_back(element.attr("jid") != nullptr ? *element.attr("jid") : element.text());
    for (const grid::xml::Element* child : element.children()) collect(*child, into);
}

class Providers : public GridStage {
public:
    Providers() {
        policy("allow group makers any any\nallow group readers discover any\n");
        member(ise, R"(["makers"])");
        REQUIRE(connects(ise2));
        member(asa, R"(["readers"])");
    }
    /// The answer of find, which disco#items must give too; or the condition of the refusal.
    std::vector<std::string> found(
        const std::string& name = "com.domain.ise.session.SessionQuery"
    ) {
        std::vector<std::string> items, twin;
        const auto answer = sends(asa, find(name));
        const auto stock = sends(asa, disco_items(name));
        if (const auto* error = answer.child("error")) {
            REQUIRE(stock.child("error") != nullptr);
            CHECK(stock.child("error")->first_child()->name() == error->first_child()->name());
            return {std::string(error->first_child()->name())};
        }
        collect(answer, items);
        collect(stock, twin);
        std::sort(items.begin(), items.end());
        std::sort(twin.begin(), twin.end());
        CHECK(items == twin);
        return items;
    }
    std::string text_of(const grid::xml::Element& answer, std::string_view name) {
        const auto* grid_element = answer.first_child();
        const auto* operation = grid_element == nullptr ? nullptr : grid_element->first_child();
        const auto* child = operation == nullptr ? nullptr : operation->child_any_ns(name);
        return child == nullptr ? std::string{} : child->text();
    }
    std::string type(const char* who, const std::string& iq) {
        return std::string(sends(who, iq).attr_or("type", ""));
    }
    std::uint64_t session(std::string_view jid) { return principal(jid).session; }
};

using Found = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(
    Providers, "S34: find answers the full JIDs of the streams that registered", "[grid]"
) {
    CHECK(found() == Found{"item-not-found"});   // a service that was never provided
    const auto answer = sends(ise, init());
    CHECK(text_of(answer, "topicName") == "Session-1.0");
    CHECK(text_of(answer, "registrationId").starts_with("r-"));
    CHECK(text_of(answer, "leaseSeconds") == "300");
    CHECK(found() == Found{ise});
    REQUIRE(type(ise2, init()) == "result");
    CHECK(found() == Found{ise, ise2});
    CHECK(found("Session-1.0") == Found{ise, ise2});   // by topic and by capability, too
    CHECK(found("Session") == Found{ise, ise2});
}

TEST_CASE_METHOD(
    Providers, "S34: without any right on the service find says that nobody serves it", "[grid]"
) {
    REQUIRE(type(ise, init()) == "result");
    member("stranger@grid.example/s", R"(["strangers"])");
    for (const std::string& question : {find("Session-1.0"), disco_items("Session-1.0")}) {
        const auto answer = sends("stranger@grid.example/s", question);
        REQUIRE(answer.child("error") != nullptr);
        CHECK(answer.child("error")->first_child()->name() == "item-not-found");
    }
    // A hidden service is answered like an absent one.
    const auto text = [&](const std::string& question) {
        const auto answer = sends("stranger@grid.example/s", question);
        return answer.child("error")->child_any_ns("text")->text();
    };
    CHECK(text(find("Session-1.0")) == "nobody serves Session-1.0");
    CHECK(text(find("Nothing-1.0")) == "nobody serves Nothing-1.0");
}

TEST_CASE_METHOD(
    Providers, "S31: registering again keeps the registration and writes nothing", "[grid]"
) {
    const std::string id = text_of(sends(ise, init()), "registrationId");
    const auto revision = store.status().revision;
    CHECK(text_of(sends(ise, init()), "registrationId") == id);
    CHECK(store.status().revision == revision);
    CHECK(text_of(sends(ise2, init()), "registrationId") != id);
}

TEST_CASE_METHOD(
    Providers,
    "S34: a provider that ends its stream, logs out or finishes is found no more",
    "[grid]"
) {
    REQUIRE(type(ise, init()) == "result");
    REQUIRE(type(ise2, init()) == "result");
    SECTION("end of the stream; coming back is not registering") {
        disconnects(ise);
        CHECK(found() == Found{ise2});
        REQUIRE(connects(ise));
        REQUIRE(type(ise, account_query("<login/>")) == "result");
        CHECK(found() == Found{ise2});
        REQUIRE(type(ise, init()) == "result");
        CHECK(found() == Found{ise, ise2});
    }
    SECTION("logout") {
        REQUIRE(type(ise, account_query("<logout/>")) == "result");
        CHECK(found() == Found{ise2});
        REQUIRE(type(ise, account_query("<login/>")) == "result");
        CHECK(found() == Found{ise2});
        REQUIRE(type(ise, init()) == "result");   // the same stream, anew
        CHECK(found() == Found{ise, ise2});
    }
    SECTION("finishPublishRequest, which can be said once") {
        REQUIRE(type(ise, finish) == "result");
        CHECK(found() == Found{ise2});
        const auto again = sends(ise, finish);
        REQUIRE(again.child("error") != nullptr);
        CHECK(again.child("error")->first_child()->name() == "item-not-found");
    }
    SECTION("all of them: an empty array, not an error") {
        disconnects(ise);
        disconnects(ise2);
        CHECK(found() == Found{});
    }
}

TEST_CASE_METHOD(
    Providers,
    "S34: who never sends presence is found while it is heard of within its lease",
    "[grid]"
) {
    REQUIRE(type(ise, init()) == "result");
    REQUIRE(type(ise2, init()) == "result");
    later(299'000);
    CHECK(found() == Found{ise, ise2});
    sessions.activities[session(ise2)].is_present = true;
    later(2'000);
    // One had presence; the other was silent for longer than its lease.
    CHECK(found() == Found{ise2});
    later(1'000);   // and what lapsed is over
    REQUIRE(type(ise, init()) == "result");
    CHECK(found() == Found{ise, ise2});
}

TEST_CASE_METHOD(
    Providers, "S34: a persistent registration outlives its stream, until it is finished", "[grid]"
) {
    REQUIRE(type(ise, init("<persistent>true</persistent>")) == "result");
    disconnects(ise);
    disconnects(ise2);
    later(1'000'000);
    CHECK(found() == Found{});
    REQUIRE(connects(ise));
    REQUIRE(type(ise, account_query("<login/>")) == "result");
    CHECK(found() == Found{ise});
    REQUIRE(type(ise, finish) == "result");
    CHECK(found() == Found{});
}

TEST_CASE_METHOD(
    Providers,
    "S34: registrations of an earlier process are no more; memory follows the store",
    "[grid]"
) {
    REQUIRE(type(ise, init()) == "result");
    REQUIRE(type(ise2, init("<persistent>1</persistent>")) == "result");
    grid::test::Node fresh(settings, sessions);
    REQUIRE(store.scan([&](const grid::storage::KeyChange& change) { fresh.apply(change); }));
    fresh.broker->scan_finished();
    fresh.controller->scan_finished();
    const auto& before = controller().state_for_admin().directory;
    CHECK(fresh.controller->state_for_admin().directory == before);
    // Another stream under the same number and name is not the one that registered.
    for (auto& [id, view] : sessions.table) view.since += 5'000;
    later(10'000);
    const std::uint64_t uid = node.broker->node("Session-1.0")->uid;
    const auto record = before.registrations.serving(
        uid, *grid::xml::Jid::parse("ise@grid.example"),
        grid::storage::MemoryStore::time_at_start + 10'000
    );
    CHECK(record.size() == 2);   // persistent: whoever of it is there
}

TEST_CASE_METHOD(
    Providers, "S34: a stock publisher, who never registers, is found while it is there", "[grid]"
) {
    const auto pubsub = [](const std::string& inside) {
        return "<iq xmlns='jabber:client' id='p' type='set' to='pubsub.grid.example'>"
               "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
               inside + "</pubsub></iq>";
    };
    REQUIRE(type(ise, pubsub("<create node='Plain-1.0'/><configure/>")) == "result");
    sessions.table.at(session(ise)).is_active = true;   // as the server does at such a request
    CHECK(found("Plain-1.0") == Found{ise});
    disconnects(ise);
    CHECK(found("Plain-1.0") == Found{});
}

TEST_CASE_METHOD(
    Providers, "S34: what is left of a registration goes when its topic or its right goes", "[grid]"
) {
    REQUIRE(type(ise, init()) == "result");
    const auto& registrations = controller().state_for_admin().directory.registrations;
    REQUIRE(registrations.size() == 1);
    REQUIRE(
        type(
            ise,
            "<iq xmlns='jabber:client' id='o' type='set' to='pubsub.grid.example'><pubsub "
            "xmlns='http://jabber.org/protocol/pubsub#owner'><delete "
            "node='Session-1.0'/></pubsub></iq>"
        ) == "result"
    );
    CHECK(found() == Found{"item-not-found"});
    later(1'000);
    CHECK(registrations.size() == 0);
}

TEST_CASE_METHOD(
    Providers, "S53: what was declared is retrieved, in both dialects and by stock means", "[grid]"
) {
    REQUIRE(
        type(
            ise, init("<notification name='SessionNotification'/><schema namespace='urn:s' "
                      "location='https://x.example/s.xsd'/>")
        ) == "result"
    );
    const auto asked = [&](const std::string& iq) {
        return grid::xml::to_string(sends(asa, iq), "jabber:client");
    };
    const auto described = asked(
        "<iq xmlns='jabber:client' id='d' type='get' to='controller.grid.example'>"
        "<grid xmlns='gi'><DiscoveryQuery xmlns='com.domain.gi.gcl.controller'><describe>"
        "<param>Session-1.0</param></describe></DiscoveryQuery></grid></iq>"
    );
    const auto info = asked(
        "<iq xmlns='jabber:client' id='i' type='get' to='pubsub.grid.example'>"
        "<query xmlns='http://jabber.org/protocol/disco#info' node='Session-1.0'/></iq>"
    );
    const auto has = [](const std::string& text, const std::string& part) {
        INFO(text);
        CHECK(text.find(part) != std::string::npos);
    };
    for (const char* part :
         {"name='Session'", "version='1.0'", "namespace='urn:s'",
          "location='https://x.example/s.xsd'", "com.domain.ise.session.SessionQuery",
          "SessionNotification", "provider"})
        has(described, part);
    for (const char* part :
         {"x-grid#version", "x-grid#schema", "https://x.example/s.xsd", "x-grid#queries",
          "com.domain.ise.session.SessionQuery", "x-grid#notifications", "SessionNotification",
          "pubsub#owner", "pubsub#type"})
        has(info, part);
}

}   // namespace providers_test
