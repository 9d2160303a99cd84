// tests/stories/content_filter_test.cpp: filters as subscription options, and the broker that
// filters (XEP-0060 §12.20).
#include <catch2/catch.hpp>

#include "subtopic_stage.hpp"

namespace content_filter_test {

using grid::test::SubtopicStage;

namespace {

class Filtering : public SubtopicStage {
public:
    explicit Filtering(const std::string& more = server_side()) {
        provides(more);
        sends(
            maker,
            "<iq xmlns='jabber:client' id='a' type='set' to='pubsub.grid.example'>"
            "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>"
            "<affiliations node='Session-1.0'>"
            "<affiliation jid='reader@grid.example' affiliation='member'/>"
            "<affiliation jid='other@grid.example' affiliation='member'/>"
            "</affiliations></pubsub></iq>"
        );
        forget();
    }
    std::string subid(const char* who, const std::string& filter) {
        const auto bare = grid::xml::Jid::parse(who)->bare().str();
        const auto answer = sends(who, stock_subscribe(bare, filter));
        const auto* pubsub = answer.child_any_ns("pubsub");
        REQUIRE(pubsub != nullptr);
        const auto* made = pubsub->child_any_ns("subscription");
        CHECK(made->attr_or("node", "") == "Session-1.0");
        CHECK(made->attr_or("subscription", "") == "subscribed");
        return std::string(made->attr_or("subid", ""));
    }
    /// Ids of the items told.
    std::string items(const char* who) {
        std::string ids;
        for (const std::string& message : told(who)) {
            const std::size_t at = message.find("<item id='");
            if (at != std::string::npos) ids += message.substr(at + 10, 1);
        }
        forget();
        return ids;
    }
    void put(const std::string& id, const std::string& payload) {
        REQUIRE(type_of(maker, publish(topic, id, payload)) == "result");
    }
};

class PublisherFilters : public Filtering {
public:
    PublisherFilters() : Filtering(support()) {}
};

}   // namespace

TEST_CASE_METHOD(
    Filtering, "S55, S66: the broker delivers what matches, as of the topic", "[grid]"
) {
    const std::string first = subid(reader, "location = 'SJC' and risk &gt; 5");
    forget();
    put("a", session("SJC", "corp", 6));
    const auto messages = told(reader);
    REQUIRE(messages.size() == 1);
    CHECK(messages.front().find("<items node='Session-1.0'><item id='a'") != std::string::npos);
    CHECK(
        messages.front().find("<header name='SubID'>" + first + "</header>") != std::string::npos
    );
    CHECK(messages.front().find("Session-1.0/") == std::string::npos);
    forget();
    put("b", session("SJC", "corp", 5));
    put("c", session("LON", "corp", 9));
    put("d", "<session xmlns='urn:example:session'/>");
    CHECK(items(reader).empty());
    CHECK(subtopics().size() == 1);
    // The same filter by the Grid protocol is the same subtopic, told under its own name.
    const std::string name = subtopic(other, "risk > 5 and location = 'SJC'");
    CHECK(subtopics().size() == 1);
    CHECK(subtopics().front().subscriptions == 2);
    forget();
    put("e", session("SJC", "lab", 7));
    CHECK(told(other).front().find("<items node='" + name + "'><item id='e'") != std::string::npos);
    CHECK(items(reader) == "e");
    CHECK(refusal(maker, publish(name, "f", session("SJC"))) == "cancel not-allowed");
}

TEST_CASE_METHOD(
    Filtering, "S66: topic and filter of one subscriber are told one by one", "[grid]"
) {
    const std::string filtered = subid(reader, "location = 'SJC'");
    REQUIRE(
        type_of(reader, pubsub_iq("<subscribe node='Session-1.0' jid='reader@grid.example'/>")) ==
        "result"
    );
    forget();
    put("a", session("SJC"));
    CHECK(items(reader) == "aa");
    put("b", session("LON"));
    CHECK(items(reader) == "b");
    // Subscribing with the same filter again, in other words, is the same subscription.
    CHECK(subid(reader, "location in ('SJC')") == filtered);
    const std::string second = subid(reader, "location = 'LON'");
    CHECK(second != filtered);
    CHECK(subtopics().size() == 2);
    CHECK(
        refusal(reader, pubsub_iq("<unsubscribe node='Session-1.0' jid='reader@grid.example'/>")) ==
        "modify bad-request subid-required"
    );
    for (const std::string& one : {filtered, second})
        CHECK(
            type_of(
                reader, pubsub_iq(
                            "<unsubscribe node='Session-1.0' jid='reader@grid.example' "
                            "subid='" +
                            one + "'/>"
                        )
            ) == "result"
        );
    grace();
    CHECK(subtopics().empty());
    put("c", session("SJC"));
    CHECK(items(reader) == "c");
}

TEST_CASE_METHOD(Filtering, "S76: options show the filter and change it", "[grid]") {
    const std::string one = subid(reader, "location = 'SJC' or location = 'SJC'");
    const std::string which =
        "<options node='Session-1.0' jid='reader@grid.example' subid='" + one + "'";
    const auto options = sends(reader, pubsub_iq(which + "/>", "get"));
    std::string value;
    for (const auto* field :
         options.child_any_ns("pubsub")->child_any_ns("options")->child_any_ns("x")->children())
        if (field->attr_or("var", "") == "x-grid#filter")
            value = field->child_any_ns("value")->text();
    CHECK(value == "location = 'SJC'");
    const auto change = [&](const std::string& filter) {
        return pubsub_iq(
            which + "><x xmlns='jabber:x:data' type='submit'><field var='x-grid#filter'><value>" +
            filter + "</value></field></x></options>"
        );
    };
    REQUIRE(type_of(reader, change("location = 'LON'")) == "result");
    forget();
    put("a", session("SJC"));
    put("b", session("LON"));
    CHECK(items(reader) == "b");
    CHECK(refusal(reader, change("color = 'red'")) == "modify bad-request invalid-filter");
    CHECK(refusal(reader, change("location =")) == "modify bad-request invalid-filter");
    grace();
    CHECK(subtopics().size() == 1);   // the first one is gone
    // Without a filter it is told everything.
    REQUIRE(type_of(reader, change("")) == "result");
    forget();
    put("c", session("SJC"));
    CHECK(items(reader) == "c");
    grace();
    CHECK(subtopics().empty());
}

TEST_CASE_METHOD(Filtering, "S66: what matched while nobody was there is owed", "[grid]") {
    subid(reader, "location = 'SJC'");
    for (int i = 0; i < 6; ++i) put(std::to_string(i), session(i % 2 == 0 ? "SJC" : "LON"));
    const auto full = *grid::xml::Jid::parse(reader);
    const auto owed = node.broker->owed(full, {}, {}, 100, 1'000'000);
    std::string ids;
    for (const auto& item : owed.items) {
        const auto stored =
            grid::pubsub::read_item(*store.snapshot(), item.at(), node.broker->payload_faults());
        const auto payload = grid::pubsub::parse_payload(stored.payload);
        REQUIRE(payload);
        REQUIRE(item.test);
        if (!item.test->matches(*payload)) continue;
        ids += item.id;
        const auto message = node.broker->owed_message(item, full.bare(), stored.payload);
        REQUIRE(message);
        CHECK(message->rest->find("<items node='Session-1.0'>") != std::string::npos);
        CHECK(message->rest->find("SubID") != std::string::npos);
    }
    CHECK(ids == "024");
}

TEST_CASE_METHOD(Filtering, "S58: new declarations hold from the next publish on", "[grid]") {
    subid(reader, "location = 'SJC'");
    // Decided with what was extracted before the declaration changed: extracted again.
    const auto iq =
        grid::test::parse(publish(topic, "a", "<session xmlns='u'><at>SJC</at></session>"));
    auto prepared = node.broker->prepare(
        {grid::xml::IqType::Set,
         *grid::xml::Jid::parse("pubsub.grid.example"),
         iq.first_child(),
         {&iq}}
    );
    auto early = (*prepared)->decide(context(principal(maker)));
    REQUIRE(early.change() != nullptr);
    REQUIRE(
        provides("<filterSupport><attribute name='location' path='//at'/></filterSupport>")
            .attr_or("type", "") == "result"
    );
    forget();
    CHECK_FALSE(commit(early.change()->batch));
    auto late = (*prepared)->decide(context(principal(maker)));
    REQUIRE(late.change() != nullptr);
    CHECK(commit(late.change()->batch));
    CHECK(items(reader) == "a");
    subtopic(reader, "location = 'LON'");
    CHECK(
        refusal(
            maker, grid_iq("<initPublishRequest><topicName>Session-1.0</topicName>"
                           "<serverSideFilter>false</serverSideFilter></initPublishRequest>")
        ) == "modify bad-request malformed-request"
    );
}

TEST_CASE_METHOD(
    PublisherFilters, "S62: the publisher filters, the stock client does not see it", "[grid]"
) {
    const std::string one = subid(reader, "location = 'SJC'");
    REQUIRE(subtopics().size() == 1);
    const std::string name = subtopics().front().name;
    const auto to_maker = told(maker);
    REQUIRE(to_maker.size() == 2);
    forget();
    put("a", session("SJC"));
    CHECK(items(reader).empty());   // the topic itself is not what it subscribed to
    REQUIRE(type_of(maker, publish(name, "a", session("SJC"))) == "result");
    const auto messages = told(reader);
    REQUIRE(messages.size() == 1);
    CHECK(messages.front().find("<items node='Session-1.0'><item id='a'") != std::string::npos);
    CHECK(messages.front().find(">" + one + "<") != std::string::npos);
    // A subtopic that is shown to an account can be subscribed to directly, too. It is shown to
    // accounts that filter so, and to the topic's publishers.
    CHECK(
        refusal(other, pubsub_iq("<subscribe node='" + name + "' jid='other@grid.example'/>")) ==
        "cancel item-not-found"
    );
    const std::string filtered = subid(other, "location = 'SJC'");
    REQUIRE(
        type_of(other, pubsub_iq("<subscribe node='" + name + "' jid='other@grid.example'/>")) ==
        "result"
    );
    REQUIRE(
        type_of(
            other, pubsub_iq(
                       "<unsubscribe node='Session-1.0' jid='other@grid.example' subid='" +
                       filtered + "'/>"
                   )
        ) == "result"
    );
    forget();
    REQUIRE(type_of(maker, publish(name, "b", session("SJC"))) == "result");
    CHECK(items(other) == "b");
    CHECK(
        refusal(other, stock_subscribe("other@grid.example", "location &gt; 'A'")) ==
        "modify bad-request invalid-filter"
    );
    CHECK(
        refusal(
            other, pubsub_iq("<subscribe node='Session-1.0#subtopics' jid='other@grid.example'/>"
                             "<options><x xmlns='jabber:x:data' type='submit'>"
                             "<field var='x-grid#filter'><value>location = 'A'</value></field>"
                             "</x></options>")
        ) == "modify bad-request invalid-options"
    );
}

TEST_CASE_METHOD(Filtering, "S63: the same memory after a restart", "[grid]") {
    subid(reader, "location = 'SJC'");
    const std::string name = subtopic(other, "risk >= 3");
    put("a", session("SJC"));
    grid::test::Node again(settings, sessions);
    REQUIRE(store.scan([&](const grid::storage::KeyChange& change) { again.apply(change); }
    ).has_value());
    again.broker->scan_finished();
    again.controller->scan_finished();
    const auto views = again.broker->subtopics(topic);
    REQUIRE(views.size() == 2);
    CHECK(views[0].subscriptions == 1);
    CHECK(views[1].subscriptions == 1);
    CHECK(again.broker->audience(again.broker->node(name)->uid).size() == 1);
    CHECK(again.broker->audience(again.broker->node(views[0].name)->uid).size() == 1);
    // No background work on them is due, however much time passes.
    CHECK(again.broker->due(1'000'000'000'000'000, 100).empty());
}

}   // namespace content_filter_test
