// tests/unit/client/client_jobs_test.cpp: publisher, subscriber and questions of
// gridctl's client.
#include <catch2/catch.hpp>

#include "client_stage.hpp"
#include "server/gridctl/xmpp/askers.hpp"
#include "server/gridctl/xmpp/publisher.hpp"
#include "server/gridctl/xmpp/subscriber.hpp"

namespace client_jobs_test {

using namespace client_stage;
using namespace grid::gridctl::xmpp;
using Catch::Matchers::Contains;
namespace xml = grid::xml;
using Words = std::vector<std::string>;

namespace {

PublishItem item(const std::string& id, std::size_t bytes = 10, bool is_new = true) {
    PublishItem out;
    out.id = id;
    out.payload = xml::Element("x", xml::Ns("urn:x"));
    out.bytes = bytes;
    out.is_id_new = is_new;
    return out;
}

PublishSettings publish_settings(std::size_t window = 3) {
    PublishSettings settings;
    settings.broker = broker;
    settings.topic = "t";
    settings.window = window;
    return settings;
}

/// Ids of the requests that hold an item, and of these items.
Words items_in(const std::string& said) {
    Words found;
    for (std::size_t at = said.find("<item id='"); at != std::string::npos;
         at = said.find("<item id='", at + 1)) {
        const std::size_t begin = at + 10;
        found.push_back(said.substr(begin, said.find('\'', begin) - begin));
    }
    return found;
}

std::string event_of(const std::string& message, const std::string& id, const char* extra = "") {
    return "<message from='" + std::string(broker) + "' id='" + message +
           "'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='t'><item id='" +
           id + "'><x xmlns='urn:x'>" + id + "</x></item></items></event>" + extra + "</message>";
}

std::string archived(const std::string& place, const std::string& id) {
    return "<message from='" + std::string(broker) +
           "'><result xmlns='urn:xmpp:mam:2' queryid='0' id='" + place +
           "'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' "
           "stamp='2026-01-01T00:00:00Z'/><message xmlns='jabber:client' from='" +
           broker + "'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='t'>" +
           "<item id='" + id + "'><x xmlns='urn:x'>" + id +
           "</x></item></items></event></message></forwarded></result></message>";
}

std::string end_of_page(const std::string& id, const std::string& last, bool is_complete) {
    return result_of(
        id, std::string("<fin xmlns='urn:xmpp:mam:2'") + (is_complete ? " complete='true'" : "") +
                "><set xmlns='http://jabber.org/protocol/rsm'><last>" + last + "</last></set></fin>"
    );
}

SubscribeSettings subscribe_settings() {
    SubscribeSettings settings;
    settings.broker = broker;
    settings.topics = {"t"};
    return settings;
}

Words ids_printed(const Lines& lines) {
    Words found;
    for (const std::string& line : lines.printed) found.push_back(values_of(line, "id").front());
    return found;
}

xml::Millis noon() { return 1'800'000'000'000; }

}   // namespace

TEST_CASE("a publisher sends no more than its window, and reads no more", "[gridctl]") {
    Lines lines;
    Publisher publisher(publish_settings(), lines);
    Stage stage(publisher);
    stage.log_in();
    stage.said();
    for (const char* id : {"a", "b", "c"}) {
        REQUIRE(publisher.has_room());
        publisher.add(stage.session(), item(id));
    }
    CHECK_FALSE(publisher.has_room());
    const std::string said = stage.said();
    CHECK(items_in(said) == Words{"a", "b", "c"});
    Words ids;
    for (const std::string& id : values_of(said, "id"))
        if (id.size() > 1 || id[0] == 'c') ids.push_back(id);
    const std::string first = said.substr(said.find(" id='") + 5);
    stage.hears(result_of(first.substr(0, first.find('\''))));
    CHECK(publisher.published() == 1);
    CHECK(publisher.has_room());
    publisher.finish();
    CHECK_FALSE(publisher.is_done());
}

TEST_CASE("bytes bound the window, too, but one item always goes", "[gridctl]") {
    Lines lines;
    PublishSettings settings = publish_settings(100);
    settings.window_bytes = 1000;
    Publisher publisher(settings, lines);
    Stage stage(publisher);
    stage.log_in();
    publisher.add(stage.session(), item("a", 5000));
    CHECK_FALSE(publisher.has_room());
    CHECK(items_in(stage.said()) == Words{"a"});
}

TEST_CASE("an item that the server would not read is refused here", "[gridctl]") {
    Lines lines;
    Publisher publisher(publish_settings(), lines);
    Stage stage(publisher);
    stage.log_in();
    publisher.add(stage.session(), item("large", 20'000));
    CHECK(publisher.refused() == 1);
    CHECK(items_in(stage.said()).empty());
    CHECK_THAT(lines.complaints.at(0), Contains("'large'") && Contains("20000"));
    publisher.finish();
    CHECK(publisher.is_done());
    CHECK(publisher.outcome() == Outcome::Refused);
}

/// Sends some items, of which the first is answered, and loses the connection.
struct BrokenPublisher {
    Lines lines;
    Publisher publisher{publish_settings(10), lines};
    Stage stage{publisher};
    Words requests;

    explicit BrokenPublisher(bool are_new = true) {
        stage.log_in();
        stage.said();
        for (const char* id : {"a", "b", "c", "d"})
            publisher.add(stage.session(), item(id, 10, are_new));
        for (const std::string& id : values_of(stage.said(), "id"))
            if (id.size() > 1) requests.push_back(id);
        stage.hears(result_of(requests.at(0)));
        stage.lose();
    }
};

TEST_CASE("a publisher that is resumed goes on where it was", "[gridctl]") {
    BrokenPublisher broken;
    // Presence and two items have arrived; of one the answer was lost, and comes now.
    broken.stage.resume(3);
    CHECK(items_in(broken.stage.said()) == Words{"c", "d"});
    broken.stage.hears(result_of(broken.requests[1]));
    CHECK(broken.publisher.published() == 2);
}

TEST_CASE("a publisher in a new session repeats what has not arrived, in order", "[gridctl]") {
    BrokenPublisher broken;
    broken.stage.log_in_anew();
    const std::string said = broken.stage.said();
    CHECK(items_in(said).empty());
    CHECK_THAT(said, Contains("disco#items"));
    const std::string question = values_of(said, "id").back();
    broken.stage.hears(result_of(
        question,
        "<query xmlns='http://jabber.org/protocol/disco#items' node='t'>"
        "<item jid='x' name='a'/><item jid='x' name='b'/></query>"
    ));
    CHECK(items_in(broken.stage.said()) == Words{"c", "d"});
    CHECK(broken.publisher.published() == 2);
}

TEST_CASE("ids of earlier runs are repeated without a question", "[gridctl]") {
    BrokenPublisher broken(false);
    broken.stage.log_in_anew();
    CHECK(items_in(broken.stage.said()) == Words{"b", "c", "d"});
}

TEST_CASE("refused items are named, and the others go on", "[gridctl]") {
    BrokenPublisher broken;
    broken.stage.resume(5);
    broken.stage.hears(refusal_of(broken.requests[2], "modify", "not-acceptable"));
    broken.stage.hears(result_of(broken.requests[1]) + result_of(broken.requests[3]));
    broken.publisher.finish();
    CHECK(broken.publisher.is_done());
    CHECK(broken.publisher.published() == 3);
    CHECK(broken.publisher.outcome() == Outcome::Refused);
    CHECK(broken.lines.complaints == Words{"item 'c' was refused: not-acceptable"});
}

TEST_CASE("a topic that is not there ends it at once", "[gridctl]") {
    BrokenPublisher broken;
    broken.stage.resume(5);
    broken.stage.hears(refusal_of(broken.requests[1], "cancel", "item-not-found"));
    CHECK(broken.publisher.is_done());
    CHECK(broken.publisher.outcome() == Outcome::NotFound);
    CHECK_FALSE(broken.publisher.has_room());
}

TEST_CASE("a right that is missing ends it at once: no other item would pass", "[gridctl]") {
    BrokenPublisher broken;
    broken.stage.resume(5);
    broken.stage.hears(refusal_of(broken.requests[1], "auth", "forbidden"));
    CHECK(broken.publisher.is_done());
    CHECK(broken.publisher.outcome() == Outcome::Refused);
    CHECK_THAT(broken.publisher.why(), Contains("'t'") && Contains("forbidden"));
    CHECK(broken.lines.complaints.empty());
}

TEST_CASE("a topic is made first, and may be there", "[gridctl]") {
    const std::string condition = GENERATE("", "conflict", "forbidden");
    Lines lines;
    PublishSettings settings = publish_settings();
    settings.creates = true;
    Publisher publisher(settings, lines);
    Stage stage(publisher);
    stage.log_in();
    const std::string said = stage.said();
    CHECK_THAT(said, Contains("<create node='t'/>"));
    publisher.add(stage.session(), item("a"));
    CHECK(items_in(stage.said()).empty());
    const std::string id = values_of(said, "id").back();
    stage.hears(condition.empty() ? result_of(id) : refusal_of(id, "cancel", condition));
    if (condition == "forbidden")
        CHECK(publisher.outcome() == Outcome::Refused);
    else
        CHECK(items_in(stage.said()) == Words{"a"});
}

/// A subscriber that is online, with its question about the subscription not answered yet.
struct Reader {
    Lines lines;
    Subscriber subscriber;
    Stage stage;
    std::string asked;

    explicit Reader(SubscribeSettings settings = subscribe_settings())
        : subscriber(std::move(settings), lines, noon), stage(subscriber) {
        stage.log_in();
        asked = values_of(stage.said(), "id").back();
    }
    void is_subscribed() {
        stage.hears(result_of(
            asked,
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription node='t' "
            "subid='7' subscription='subscribed'/></pubsub>"
        ));
    }
    std::string next_request() { return values_of(stage.said(), "id").back(); }
};

TEST_CASE("items are printed once, in the order in which they come", "[gridctl]") {
    Reader reader;
    reader.is_subscribed();
    CHECK(reader.subscriber.is_live());
    reader.stage.hears(event_of("m1", "a") + event_of("m2", "b") + event_of("m1", "a"));
    // Published again: another message.
    reader.stage.hears(event_of("m3", "a"));
    CHECK(ids_printed(reader.lines) == Words{"a", "b", "a"});
}

TEST_CASE("events of others than the broker, and of other topics, are none", "[gridctl]") {
    Reader reader;
    reader.is_subscribed();
    std::string forged = event_of("m1", "a");
    forged.replace(forged.find(broker), std::string(broker).size(), "eve@grid.example");
    std::string other = event_of("m2", "b");
    other.replace(other.find("node='t'"), 8, "node='u'");
    reader.stage.hears(forged + other);
    CHECK(reader.lines.printed.empty());
}

TEST_CASE("after a break in which the server forgot it, nothing is printed twice", "[gridctl]") {
    Reader reader;
    reader.is_subscribed();
    reader.stage.hears(event_of("m1", "a") + event_of("m2", "b"));
    reader.stage.lose();
    reader.stage.log_in_anew();
    CHECK_THAT(reader.stage.said(), Contains("<subscribe node='t' jid='" + std::string(address)));
    const char* delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>";
    reader.stage.hears(
        event_of("m1", "a", delay) + event_of("m2", "b", delay) + event_of("m3", "c", delay)
    );
    CHECK(ids_printed(reader.lines) == Words{"a", "b", "c"});
    CHECK_THAT(reader.lines.printed.back(), Contains("stamp='2026-01-01T00:00:00.000Z'"));
}

TEST_CASE("a subscription that is refused names topic and reason", "[gridctl]") {
    Reader reader;
    const auto [condition, outcome] = GENERATE(table<std::string, Outcome>(
        {{"item-not-found", Outcome::NotFound}, {"forbidden", Outcome::Refused}}
    ));
    reader.stage.hears(refusal_of(reader.asked, "auth", condition));
    CHECK(reader.subscriber.outcome() == outcome);
    CHECK_THAT(reader.subscriber.why(), Contains("'t'") && Contains(condition));
}

TEST_CASE("a count ends it, with its subscription", "[gridctl]") {
    SubscribeSettings settings = subscribe_settings();
    settings.count = 1;
    Reader reader(settings);
    reader.is_subscribed();
    reader.stage.hears(event_of("m1", "a") + event_of("m2", "b"));
    CHECK(ids_printed(reader.lines) == Words{"a"});
    CHECK_FALSE(reader.subscriber.is_done());
    const std::string said = reader.stage.said();
    CHECK_THAT(said, Contains("<unsubscribe") && Contains("subid='7'"));
    reader.stage.hears(result_of(values_of(said, "id").back()));
    CHECK(reader.subscriber.is_done());
    CHECK(reader.subscriber.outcome() == Outcome::Done);
}

TEST_CASE("subscriptions are leased, unless they are kept", "[gridctl]") {
    for (const bool keeps : {false, true}) {
        SubscribeSettings settings = subscribe_settings();
        settings.keeps = keeps;
        Lines lines;
        xml::Millis now = noon();
        Subscriber subscriber(settings, lines, [&now] { return now; });
        Stage stage(subscriber);
        stage.log_in();
        const std::string said = stage.said();
        CHECK((said.find("pubsub#expire") == std::string::npos) == keeps);
        stage.hears(result_of(values_of(said, "id").back()));
        now += 7L * 3600 * 1000;
        subscriber.tick(stage.session());
        CHECK((stage.said().find("<subscribe") == std::string::npos) == keeps);
        subscriber.stop(stage.session());
        CHECK(subscriber.is_done() == keeps);
    }
}

TEST_CASE("the archive comes first, page by page, and live items behind it", "[gridctl]") {
    SubscribeSettings settings = subscribe_settings();
    settings.since = 0;
    Reader reader(settings);
    reader.is_subscribed();
    const std::string first = reader.stage.said();
    CHECK_THAT(first, Contains("urn:xmpp:mam:2") && Contains("1970-01-01T00:00:00.000Z"));
    reader.stage.hears(archived("p1", "a") + event_of("m3", "c") + archived("p2", "b"));
    reader.stage.hears(end_of_page(values_of(first, "id").back(), "p2", false));
    const std::string second = reader.stage.said();
    CHECK_THAT(second, Contains("<after>p2</after>"));
    CHECK(ids_printed(reader.lines) == Words{"a", "b"});
    // The item that came live meanwhile is in the archive, too; another is not.
    reader.stage.hears(archived("p3", "c") + event_of("m4", "d"));
    reader.stage.hears(end_of_page(values_of(second, "id").back(), "p3", true));
    CHECK(ids_printed(reader.lines) == Words{"a", "b", "c", "d"});
    CHECK(reader.subscriber.is_live());
}

TEST_CASE("more live items than can be held are read from the archive", "[gridctl]") {
    SubscribeSettings settings = subscribe_settings();
    settings.since = 0;
    Reader reader(settings);
    reader.is_subscribed();
    const std::string first = reader.next_request();
    for (int n = 0; n < 5000; ++n)
        reader.stage.hears(event_of("m" + std::to_string(n), "i" + std::to_string(n)));
    reader.stage.hears(archived("p1", "i0") + end_of_page(first, "p1", true));
    CHECK(ids_printed(reader.lines) == Words{"i0"});
    CHECK_THAT(reader.stage.said(), Contains("<after>p1</after>"));
}

TEST_CASE("a subscription that ended is asked for again", "[gridctl]") {
    Reader reader;
    reader.is_subscribed();
    reader.stage.hears(
        "<message from='" + std::string(broker) +
        "'><pubsub xmlns='http://jabber.org/protocol/pubsub'><subscription node='t' "
        "subscription='none'/></pubsub></message>"
    );
    const std::string said = reader.stage.said();
    CHECK_THAT(said, Contains("<subscribe node='t'"));
    reader.stage.hears(refusal_of(values_of(said, "id").back(), "auth", "forbidden"));
    CHECK(reader.subscriber.outcome() == Outcome::Refused);
}

TEST_CASE("a query asks the next provider where one has left", "[gridctl]") {
    Lines lines;
    Query::Settings settings;
    settings.controller = "controller.grid.example";
    settings.service = "S";
    settings.payload = xml::Element("q", xml::Ns("urn:q"));
    Query query(settings, lines);
    Stage stage(query);
    stage.log_in();
    std::string said = stage.said();
    CHECK_THAT(said, Contains("<find><param>S</param></find>"));
    stage.hears(result_of(
        values_of(said, "id").back(),
        "<grid xmlns='gi' type='response'><DiscoveryQuery><find xmlns=''><value>"
        "<item>a@grid.example/1</item><item>b@grid.example/1</item></value></find>"
        "</DiscoveryQuery></grid>"
    ));
    said = stage.said();
    CHECK(values_of(said, "to") == Words{"a@grid.example/1"});
    stage.hears(refusal_of(values_of(said, "id").back(), "wait", "recipient-unavailable"));
    said = stage.said();
    CHECK(values_of(said, "to") == Words{"b@grid.example/1"});
    SECTION("which answers") {
        stage.hears(result_of(values_of(said, "id").back(), "<a xmlns='urn:q'/>"));
        CHECK(lines.printed == Words{"<a xmlns='urn:q'/>"});
        CHECK(query.outcome() == Outcome::Done);
    }
    SECTION("which refuses") {
        stage.hears(refusal_of(values_of(said, "id").back(), "auth", "forbidden"));
        CHECK(query.outcome() == Outcome::Refused);
        CHECK_THAT(query.why(), Contains("b@grid.example/1") && Contains("forbidden"));
    }
    CHECK(query.is_done());
}

TEST_CASE("topics are found by a part of their names, over all pages", "[gridctl]") {
    FindTopics find(broker, "LPH");
    Stage stage(find);
    stage.log_in();
    const auto page = [](const char* name, const char* last) {
        return std::string(
                   "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='p' "
                   "node='"
               ) +
               name + "'/><set xmlns='http://jabber.org/protocol/rsm'><last>" + last +
               "</last></set></query>";
    };
    stage.hears(result_of(values_of(stage.said(), "id").back(), page("Alpha", "x")));
    std::string said = stage.said();
    CHECK_THAT(said, Contains("<after>x</after>"));
    stage.hears(result_of(values_of(said, "id").back(), page("beta", "")));
    CHECK(find.is_done());
    REQUIRE(find.topics().size() == 1);
    CHECK(find.topics()[0].name == "Alpha");
}

}   // namespace client_jobs_test
