// tests/unit/client/client_files_test.cpp: slots and links of gridctl's client.
#include <catch2/catch.hpp>

#include "client_stage.hpp"
#include "server/gridctl/xmpp/file_jobs.hpp"

namespace client_files_test {

using namespace client_stage;
using namespace grid::gridctl::xmpp;
using Catch::Matchers::Contains;
using Words = std::vector<std::string>;

namespace {

AskSlot::File facts() {
    AskSlot::File file;
    file.name = "a b.txt";
    file.size = 12;
    file.sha256 = std::string(32, 'x');
    file.reader = "bob@grid.example";
    return file;
}

std::string link_message(const char* id, const std::string& url, const char* attributes = "") {
    return "<message id='" + std::string(id) + "' from='bob@grid.example/1' " + attributes +
           "><x xmlns='jabber:x:oob'><url>" + url + "</url><desc>d</desc></x></message>";
}

}   // namespace

TEST_CASE("a slot is asked for with size, digest and reader", "[gridctl]") {
    AskSlot asking("bulk.grid.example", facts());
    Stage stage(asking);
    stage.log_in();
    const std::string said = stage.said();
    CHECK_THAT(
        said, Contains("to='bulk.grid.example'") && Contains("filename='a b.txt'") &&
                  Contains("size='12'") && Contains("algo='sha-256'") &&
                  Contains("<reader jid='bob@grid.example'/>")
    );
    const std::string id = values_of(said, "id").back();
    SECTION("given") {
        stage.hears(result_of(
            id,
            "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://p'/>"
            "<get url='https://g'/></slot>"
        ));
        CHECK(asking.put_url() == "https://p");
        CHECK(asking.get_url() == "https://g");
    }
    SECTION("refused") {
        stage.hears(refusal_of(id, "auth", "forbidden"));
        CHECK(asking.put_url().empty());
        CHECK(asking.why() == "forbidden");
    }
    CHECK(asking.is_done());
}

TEST_CASE("a link is sent when the server has taken it", "[gridctl]") {
    SendLink sending("bob@grid.example", "https://g", "a.txt");
    Stage stage(sending);
    stage.log_in();
    const std::string said = stage.said();
    CHECK_THAT(
        said, Contains("to='bob@grid.example'") && Contains("<url>https://g</url>") &&
                  Contains("<desc>a.txt</desc>") && Contains("<r xmlns='urn:xmpp:sm:3'/>")
    );
    stage.hears("<a xmlns='urn:xmpp:sm:3' h='1'/>");
    CHECK_FALSE(sending.is_done());
    SECTION("taken") {
        stage.hears("<a xmlns='urn:xmpp:sm:3' h='2'/>");
        CHECK(sending.why().empty());
    }
    SECTION("refused") {
        stage.hears(
            "<message type='error' id='link'><error type='cancel'><service-unavailable "
            "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        );
        CHECK(sending.why() == "service-unavailable");
    }
    CHECK(sending.is_done());
}

TEST_CASE("links are taken as they come, up to the count", "[gridctl]") {
    Words urls;
    ReceiveLinks receiving([&](const ReceivedLink& link) {
        urls.push_back(link.sender + " " + link.url + " " + link.description);
        return urls.size() == 2;
    });
    Stage stage(receiving);
    stage.log_in();
    stage.said();
    stage.hears(
        "<message id='0'><body>no link</body></message>" + link_message("1", "https://a") +
        link_message("2", "https://x", "type='error'") + link_message("3", "https://b") +
        link_message("4", "https://c")
    );
    CHECK(urls == Words{"bob@grid.example/1 https://a d", "bob@grid.example/1 https://b d"});
    REQUIRE(receiving.is_done());
    // The last is for the next run: neither is it acknowledged, nor the stream closed.
    stage.session().end();
    CHECK_THAT(
        stage.said(), Contains("type='unavailable'") && Contains("h='4'") && Contains("<r ")
    );
    stage.hears("<a xmlns='urn:xmpp:sm:3' h='2'/>");
    CHECK(stage.said().empty());
    CHECK(stage.session().is_over());
}

TEST_CASE("a receiver that has taken all that came ends its stream", "[gridctl]") {
    ReceiveLinks receiving([](const ReceivedLink&) { return true; });
    Stage stage(receiving);
    stage.log_in();
    stage.said();
    stage.hears(link_message("1", "https://a"));
    stage.session().end();
    CHECK_THAT(stage.said(), Contains("h='1'") && !Contains("</stream:stream>"));
    SECTION("when nothing else was on its way") {
        stage.hears("<a xmlns='urn:xmpp:sm:3' h='2'/>");
        CHECK(stage.said() == "</stream:stream>");
        CHECK_FALSE(stage.session().is_over());
        stage.hears("</stream:stream>");
    }
    SECTION("but not when a message comes meanwhile") {
        stage.hears(link_message("2", "https://b") + "<a xmlns='urn:xmpp:sm:3' h='2'/>");
        CHECK(stage.said().empty());
    }
    CHECK(stage.session().is_over());
}

}   // namespace client_files_test
