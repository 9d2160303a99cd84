// tests/unit/server/bosh/bosh_session_test.cpp: the order of requests, and which of them waits.
#include "server/bosh/session.hpp"

#include <array>
#include <catch2/catch.hpp>

namespace bosh_session_test {

using namespace grid;
using namespace grid::server;
using bosh::Body;
using bosh::Session;

namespace {

struct Stage {
    explicit Stage(std::size_t hold = 1, std::chrono::seconds wait = std::chrono::seconds(60)) {
        Session::Settings settings;
        settings.sid = "sid";
        settings.rid = 100;
        settings.hold = hold;
        settings.wait = wait;
        settings.inactivity = std::chrono::seconds(1);
        settings.bytes_max = 1'000;
        settings.attributes = {{"sid", "sid"}};
        session = std::make_shared<Session>(boost::asio::make_strand(context), std::move(settings));
    }
    /// The answer will be in `answers`.
    void asks(std::uint64_t rid, std::string content = {}, xml::Attrs attributes = {}) {
        const int number = ++asked;
        xml::Element head("body", std::move(attributes));
        if (!head.attrs().empty()) head.declare("x", "urn:xmpp:xbosh");
        session->take(rid, Body(std::move(head), std::move(content)), [this, number](auto text) {
            answers[number] = std::move(text);
        });
        runs();
    }
    void writes(std::string_view bytes) {
        CHECK(session->write_now(bytes).bytes == bytes.size());
        runs();
    }
    std::string reads() {
        std::array<char, 256> into{};
        return {into.data(), session->read_now(into).bytes};
    }
    void runs() {
        context.poll();
        context.restart();
    }
    /// The first answer, with the features.
    void begins() {
        asks(100);
        writes("<f/>");
        reads();
    }
    bool is_over() {
        while (!reads().empty()) {
        }
        return session->read_now(room).error.failed();
    }

    boost::asio::io_context context;
    std::shared_ptr<Session> session;
    std::map<int, std::string> answers;
    int asked = 0;
    std::array<char, 8> room{};
};

constexpr const char* empty = "<body xmlns='http://jabber.org/protocol/httpbind'/>";

std::string with(const std::string& content) {
    return "<body xmlns='http://jabber.org/protocol/httpbind'>" + content + "</body>";
}
std::string end(const std::string& condition) {
    return "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'" +
           (condition.empty() ? "" : " condition='" + condition + "'") + "/>";
}

}   // namespace

TEST_CASE("the first request waits for the features, and its answer has the session's terms") {
    Stage stage(0);
    stage.asks(100);
    CHECK(stage.reads() == "\x01\x03");
    CHECK(stage.answers.empty());
    stage.writes("<a/>");
    CHECK(
        stage.answers.at(1) ==
        "<body xmlns='http://jabber.org/protocol/httpbind' sid='sid'><a/></body>"
    );
}

TEST_CASE("a request waits for something to say, and no more of them than `hold`") {
    Stage stage;
    stage.begins();
    stage.asks(101);
    CHECK(stage.answers.count(2) == 0);
    stage.asks(102);
    CHECK(stage.answers.at(2) == empty);
    stage.writes("<a/>");
    CHECK(stage.answers.at(3) == with("<a/>"));
    stage.writes("<b/>");
    stage.writes("<c/>");
    stage.asks(103);
    CHECK(stage.answers.at(4) == with("<b/><c/>"));
}

TEST_CASE("requests are read in the order of their numbers") {
    Stage stage;
    stage.begins();
    stage.asks(103, "<c/>");
    stage.asks(102, "<b/>");
    CHECK(stage.reads().empty());
    stage.asks(101, "<a/>");
    CHECK(stage.reads() == "<a/>\x03<b/>\x03<c/>\x03");
}

TEST_CASE("an answer is repeated while it is kept, and its request is not read again") {
    Stage stage;
    stage.begins();
    stage.asks(101, "<a/>");
    CHECK(stage.reads() == "<a/>\x03");
    stage.writes("<x/>");
    stage.asks(101, "<other/>");
    CHECK(stage.answers.at(3) == with("<x/>"));
    CHECK(stage.reads().empty());
    for (std::uint64_t rid = 102; rid < 110; ++rid) stage.asks(rid);
    stage.asks(101);
    CHECK(stage.answers.at(stage.asked) == end("item-not-found"));
    CHECK(stage.is_over());
}

TEST_CASE("a request that waits moves to the connection that asks again") {
    Stage stage;
    stage.begins();
    stage.asks(101);
    stage.asks(101);
    CHECK(stage.answers.at(2) == empty);
    stage.writes("<x/>");
    CHECK(stage.answers.at(3) == with("<x/>"));
}

TEST_CASE("numbers out of the window end the session, and everything that waits") {
    Stage stage;
    stage.begins();
    stage.asks(101);
    stage.asks(107);
    CHECK(stage.answers.at(2) == end("item-not-found"));
    CHECK(stage.answers.at(3) == end("item-not-found"));
    CHECK(stage.is_over());
}

TEST_CASE("what has not been read is bounded") {
    Stage stage;
    stage.begins();
    stage.asks(101, std::string(600, 'x'));
    CHECK(stage.answers.count(2) == 0);
    stage.asks(102, std::string(600, 'x'));
    CHECK(stage.answers.at(3) == end("policy-violation"));
}

TEST_CASE("a request that is sent again before its turn counts once") {
    Stage stage;
    stage.begins();
    for (int i = 0; i < 10; ++i) stage.asks(102, std::string(300, 'b'));
    CHECK(stage.answers.at(10) == empty);
    stage.asks(101, "<a/>");
    CHECK(stage.reads() == "<a/>\x03" + std::string(251, 'b'));
    CHECK_FALSE(stage.is_over());
}

TEST_CASE("a client that polls waits between its requests") {
    Stage stage(0);
    stage.begins();
    stage.asks(101);
    CHECK(stage.answers.at(2) == empty);
    stage.asks(102);
    CHECK(stage.answers.at(3) == end("policy-violation"));
}

TEST_CASE("a client that polls need not wait behind content of either side") {
    Stage stage(0);
    stage.begins();
    stage.asks(101);
    stage.asks(102, "<a/>");
    stage.asks(103);
    CHECK(stage.answers.at(4) == empty);
    stage.asks(104, "<a/>");
    stage.writes("<x/>");
    stage.asks(105);
    CHECK(stage.answers.at(6) == with("<x/>"));
    stage.asks(106);
    CHECK(stage.answers.at(7) == empty);
    stage.asks(107);
    CHECK(stage.answers.at(8) == end("policy-violation"));
}

TEST_CASE("silence begins with the last answer") {
    Stage stage;
    stage.begins();
    stage.asks(101);
    stage.context.run_for(std::chrono::milliseconds(1'100));
    stage.context.restart();
    stage.writes("<x/>");
    CHECK(stage.answers.at(2) == with("<x/>"));
    stage.runs();
    CHECK_FALSE(stage.is_over());
    stage.context.run_for(std::chrono::milliseconds(1'500));
    CHECK(stage.is_over());
    CHECK(stage.session->failure() == "the client was silent for 1 seconds");
}

TEST_CASE("a restart and an end are read as such") {
    Stage stage;
    stage.begins();
    for (std::uint64_t rid = 101; const char* value : {"true", "1"}) {
        stage.asks(rid++, "<ignored/>", {{"x:restart", value}});
        CHECK(stage.reads() == "\x01\x03");
    }
    for (std::uint64_t rid = 103; const char* value : {"false", "0", "TRUE", ""}) {
        stage.asks(rid++, {}, {{"x:restart", value}});
        CHECK(stage.reads() == "\x03");
    }
    stage.asks(107, "<a/>", {{"type", "terminate"}});
    CHECK(
        stage.reads() ==
        "\x04<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
        "xmlns:x='urn:xmpp:xbosh'>\x04<a/>\x03\x02"
    );
}

TEST_CASE("the request for the end has the last answer") {
    for (const std::size_t hold : {0UL, 1UL, 2UL}) {
        Stage stage(hold);
        stage.begins();
        if (hold != 0) stage.asks(101);
        if (hold == 0) stage.asks(101, "<a/>");
        stage.asks(102, "<a/>", {{"type", "terminate"}});
        CHECK(stage.answers.at(2) == empty);
        stage.writes("<x/>");
        CHECK(stage.answers.count(3) == 0);
        boost::asio::co_spawn(
            stage.session->strand(), stage.session->close(std::chrono::seconds(2)),
            boost::asio::detached
        );
        stage.runs();
        CHECK(
            stage.answers.at(3) ==
            "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate'><x/></body>"
        );
    }
}

TEST_CASE("the last answers are bounded too") {
    Stage stage;
    stage.begins();
    stage.asks(101, {}, {{"type", "terminate"}});
    while (stage.answers.count(2) == 0) stage.writes(std::string(10'000, 'x'));
    CHECK(stage.answers.at(2).size() < 400'000);
}

TEST_CASE("the last words are in the answer to a request that waits") {
    Stage stage;
    stage.begins();
    stage.asks(101);
    bool is_over = false;
    stage.session->on_over([&is_over] { is_over = true; });
    boost::asio::co_spawn(
        stage.session->strand(),
        [session = stage.session]() -> boost::asio::awaitable<void> {
            session->say_error();
            session->write_now("<e/>");
            co_await session->close(std::chrono::seconds(2));
        },
        boost::asio::detached
    );
    stage.runs();
    CHECK(is_over);
    CHECK(stage.answers.at(2).find("condition='remote-stream-error'") != std::string::npos);
    CHECK(stage.answers.at(2).find("<e/>") != std::string::npos);
    stage.asks(102);
    CHECK(stage.answers.at(3).find("type='terminate'") != std::string::npos);
}

TEST_CASE("an answer that nobody fetches is bounded, and there is room when it was fetched") {
    Stage stage;
    stage.begins();
    const std::string large(100'000, 'x');
    std::size_t taken = 0;
    while (taken < 2'000'000) {
        const auto now = stage.session->write_now(large);
        if (now.would_block) break;
        taken += now.bytes;
    }
    CHECK(taken < 400'000);
    bool has_room = false;
    stage.session->when_writable([&has_room] { has_room = true; });
    stage.runs();
    CHECK_FALSE(has_room);
    stage.asks(101);
    CHECK(has_room);
    CHECK(stage.answers.at(2).size() > taken);
}

TEST_CASE("a body is taken apart by its tags alone") {
    const std::string ns = "xmlns='http://jabber.org/protocol/httpbind'";
    const auto content = [](const std::string& text) {
        const auto body = bosh::read_body(text);
        return body ? body->content : "refused: " + body.error();
    };
    CHECK(content("<body " + ns + "/>").empty());
    CHECK(content(" <?xml version='1.0'?>\n<body " + ns + " a='>'>x</body>\n") == "x");
    CHECK(content("<body " + ns + "></body><a/></body>") == "</body><a/>");
    CHECK(content("<b:body xmlns:b='http://jabber.org/protocol/httpbind'>x</b:body >") == "x");
    const std::vector<std::string> all{
        "",
        "x",
        "<?xml",
        "<body " + ns,
        "<body " + ns + ">",
        "<body " + ns + "></body>x",
        "<body " + ns + ">\x01</body>",
        "<body " + ns + "/>x",
        "<b:body xmlns:b='http://jabber.org/protocol/httpbind'></body>",
        "<b:body " + ns + "/>",
        "<body xmlns='x'/>",
        "<body " + ns + " rid='1' rid='2'/>",
        "<bodyguard " + ns + "/>",
    };
    for (const std::string& bad : all) CHECK(content(bad).starts_with("refused: "));
}

TEST_CASE("names of a body are taken by their namespaces") {
    const auto head_of = [](const std::string& attributes) {
        const auto body = bosh::read_body(
            "<body xmlns='http://jabber.org/protocol/httpbind'" + attributes + "/>"
        );
        REQUIRE(body.has_value());
        return body->head;
    };
    const std::string declared = " xmlns:q='urn:xmpp:xbosh' ";
    CHECK(bosh::xbosh_attr(head_of(declared + "q:restart='1'"), "restart") == "1");
    CHECK_FALSE(bosh::xbosh_attr(head_of(declared + "restart='1'"), "restart"));
    CHECK_FALSE(bosh::xbosh_attr(head_of(" xmlns:xmpp='urn:x' xmpp:restart='1'"), "restart"));
    CHECK(bosh::scope_of(head_of("")).empty());
    CHECK(
        bosh::scope_of(head_of(" xmlns:stream='urn:&apos;'")) ==
        "<stream_:stream xmlns:stream_='http://etherx.jabber.org/streams' "
        "xmlns:stream='urn:&apos;'>"
    );
}

}   // namespace bosh_session_test
