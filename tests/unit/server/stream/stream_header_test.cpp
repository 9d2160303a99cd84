// tests/unit/server/stream/stream_header_test.cpp: which stream headers are taken, and how the
// others end.
#include <catch2/catch.hpp>

#include "script.hpp"
#include "server/stream/header.hpp"

namespace stream_header_test {

using namespace grid::test;

namespace {

void check_refused(
    const std::string& header, const std::string& condition, const std::string& text
) {
    INFO(header);
    check({{header, {"{header}" + error_of(condition, text), "close stream error " + condition}}});
}

const std::string to_us = "to='grid.example' version='1.0'";

}   // namespace

TEST_CASE("the response header has from, id, to, version and language (RFC 6120 4.7)", "[stream]") {
    Stage stage;
    stage.play(client_header(to_us + " from='Ann@grid.example' xml:lang='de'"));
    CHECK(stage.sent().starts_with(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams' from='grid.example' id='id1' "
        "to='ann@grid.example' version='1.0' xml:lang='en'>"
    ));
    CHECK(stage.negotiation().lang() == "de");
    CHECK(stage.negotiation().stream_id() == "id1");
}

TEST_CASE("a language that is none is not taken over", "[stream]") {
    Stage stage;
    stage.play(client_header(to_us + " xml:lang='&lt;x&gt;'"));
    CHECK(stage.negotiation().lang().empty());
}

TEST_CASE("a header for another host, or for none, gets host-unknown (4.9.3.6)", "[stream]") {
    check_refused(
        client_header("to='other.example' version='1.0'"), "host-unknown",
        "this server serves grid.example only"
    );
    check_refused(
        client_header("version='1.0'"), "host-unknown",
        "the header has no 'to': say to='grid.example'"
    );
    check_refused(
        client_header("to='' version='1.0'"), "host-unknown",
        "the header has no 'to': say to='grid.example'"
    );
}

TEST_CASE("the host is compared after preparation", "[stream]") {
    check({{client_header("to='GRID.example.' version='1.0'"), {offer_starttls}}});
}

TEST_CASE("addresses in a header that are none get improper-addressing (4.9.3.7)", "[stream]") {
    check_refused(
        client_header("to='@' version='1.0'"), "improper-addressing",
        "the header's 'to' is not the address of a server"
    );
    check_refused(
        client_header("to='ann@grid.example' version='1.0'"), "improper-addressing",
        "the header's 'to' is not the address of a server"
    );
    check_refused(
        client_header(to_us + " from='a@b@c'"), "improper-addressing",
        "the header's 'from' is not an address"
    );
}

TEST_CASE("a header without version 1.0 gets unsupported-version (4.7.5)", "[stream]") {
    check_refused(
        client_header("to='grid.example'"), "unsupported-version",
        "the header has no version: 1.0 is needed"
    );
    for (const std::string version :
         {"0.9", "0.99999999999999999999", "", "1", ".0", "one", "1.", "1.0.0", "-1.0", "1.0 "})
        check_refused(
            client_header("to='grid.example' version='" + version + "'"), "unsupported-version",
            "the version of the header is not 1.0 or higher"
        );
    for (const std::string version :
         {"1.0", "1.10", "2.0", "10.0", "01.0", "99999999999999999999.99999999999999999999"})
        check({{client_header("to='grid.example' version='" + version + "'"), {offer_starttls}}});
}

TEST_CASE("a header in a wrong namespace gets invalid-namespace (4.8.1, 4.8.3)", "[stream]") {
    check_refused(
        "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' " +
            to_us + ">",
        "invalid-namespace", "clients speak xmlns='jabber:client' here"
    );
    Stage stage;
    const auto done =
        stage.play("<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' " + to_us + ">");
    REQUIRE(done.size() == 2);
    CHECK(done.front().find("<invalid-namespace ") != std::string::npos);
    CHECK(done.back().starts_with("close stream error invalid-namespace"));
}

TEST_CASE("a stream element without a prefix gets bad-namespace-prefix (4.8.5)", "[stream]") {
    check_refused(
        "<stream xmlns='http://etherx.jabber.org/streams' " + to_us + ">", "bad-namespace-prefix",
        "the stream element needs a prefix: stream:stream"
    );
}

TEST_CASE("another element in the streams namespace is no header", "[stream]") {
    Stage stage;
    const auto done = stage.play(
        "<stream:begin xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " +
        to_us + ">"
    );
    REQUIRE_FALSE(done.empty());
    CHECK(done.back().starts_with("close stream error "));
}

TEST_CASE("what is no XML is answered with a header and an error", "[stream]") {
    struct Case {
        std::string bytes, condition;
    };
    for (const auto& [bytes, condition] : std::vector<Case>{
             {"GET / HTTP/1.1\r\n\r\n", "not-well-formed"},
             {client_header(to_us) + "<!-- x -->", "restricted-xml"},
             {"<!DOCTYPE x [<!ENTITY y 'z'>]>", "restricted-xml"},
             {client_header(to_us) + "<a b='\xff'/>", ""},
         }) {
        INFO(bytes);
        Stage stage;
        const auto done = stage.play(bytes);
        REQUIRE(done.size() >= 2);
        CHECK(done.front().starts_with("{header}"));
        CHECK(stage.sent().find("<" + condition) != std::string::npos);
        CHECK(stage.sent().ends_with("</stream:error></stream:stream>"));
        CHECK(done.back().starts_with("close stream error " + condition));
    }
}

TEST_CASE("the end of a stream is answered with the end of ours (4.4)", "[stream]") {
    check({
        {client_header(), {offer_starttls}},
        {"</stream:stream>", {"</stream:stream>", "close the client closed the stream"}},
    });
}

TEST_CASE("a header that never comes: the error still has a header (4.9.1.1)", "[stream]") {
    Stage stage;
    const auto done = stage.render(stage.negotiation().on_timeout());
    REQUIRE(done.size() == 2);
    CHECK(
        done.front() == "{header}" + error_of("connection-timeout", "no resource was bound in time")
    );
    CHECK(stage.sent().find("id='spare'") != std::string::npos);
}

TEST_CASE("the end of a stream is written by its framer", "[stream]") {
    const grid::xml::StreamError error{"reset", "your group was changed", std::nullopt};
    stream::StreamCodec framer("grid.example", grid::xml::Limits{});
    std::string bytes;
    framer.element(bytes, error.to_element());
    framer.close(bytes);
    CHECK(bytes == error_of("reset", "your group was changed"));
}

TEST_CASE("a message to one of the session's addresses gets its tag from the framer", "[stream]") {
    using namespace grid::server;
    stream::StreamCodec framer("grid.example", grid::xml::Limits{});
    const auto jid = grid::xml::Jid::parse("ann@grid.example/o'one").value();
    framer.set_addresses(jid.bare(), jid);
    const auto text = std::make_shared<const std::string>(" id='1'/>");
    std::string bytes;
    framer.stanza(bytes, Outgoing::message(Address::Bare, text));
    framer.stanza(bytes, Outgoing::message(Address::Full, text));
    const auto whole = std::make_shared<const std::string>("<iq type='result' id='2'/>");
    framer.stanza(bytes, Outgoing::stanza(whole));
    CHECK(
        bytes ==
        "<message to='ann@grid.example' id='1'/>"
        "<message to='ann@grid.example/o&apos;one' id='1'/><iq type='result' id='2'/>"
    );
    CHECK(Outgoing::stanza(whole).kind == StanzaKind::Iq);
    CHECK(Outgoing::stanza(whole).is_stanza());
}

}   // namespace stream_header_test
