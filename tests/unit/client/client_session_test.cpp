// tests/unit/client/client_session_test.cpp: the login of gridctl's client, and its
// session over several connections.
#include <catch2/catch.hpp>

#include "client_stage.hpp"
#include "server/gridctl/xmpp/back_off.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace client_session_test {

using namespace client_stage;
using Catch::Matchers::Contains;
namespace xml = grid::xml;
using Words = std::vector<std::string>;

TEST_CASE("a client begins TLS before it says who it is", "[gridctl]") {
    Notes notes;
    Login login;
    login.domain = domain;
    login.account = "ann@grid.example";
    Session session(login, notes, [] { return std::string("n"); });
    session.connected();
    CHECK_THAT(session.take_output(), Contains("to='grid.example'") && !Contains("ann"));
    // Also where the offer was taken out of the features.
    session.receive(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "version='1.0'><stream:features/>"
    );
    CHECK_THAT(session.take_output(), Contains("<starttls"));
    session.receive("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    REQUIRE(session.wants_tls());
    session.secured("");
    CHECK_THAT(session.take_output(), Contains("from='ann@grid.example'"));
}

TEST_CASE("a login ends with presence that takes no items from others", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    const std::string said = stage.said();
    CHECK_THAT(said, Contains("<enable") && Contains("<priority>-128</priority>"));
    CHECK(notes.heard == Words{"online"});
    CHECK(stage.session().address() == address);
    CHECK(stage.session().stanza_bytes_max() == 20'000);
}

TEST_CASE("a login that is refused is told with the server's words", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.session().connected();
    stage.session().secured("");
    stage.open_stream("");
    CHECK_THAT(
        stage.said(), Contains("mechanism='EXTERNAL'>" + xml::to_base64("ann@grid.example"))
    );
    const bool is_passing = GENERATE(false, true);
    stage.hears(
        std::string("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>") +
        (is_passing ? "<temporary-auth-failure/>" : "<not-authorized/>") +
        "<text>the certificate expired</text></failure>"
    );
    REQUIRE(stage.session().failure());
    CHECK(stage.session().failure()->is_final == !is_passing);
    CHECK_THAT(stage.session().failure()->text, Contains("the certificate expired"));
    CHECK(stage.session().is_over());
}

// RFC 7677 §3.
TEST_CASE("a password is proved, and the server has to prove it too", "[gridctl]") {
    Notes notes;
    Stage stage(notes, "pencil");
    Login login;
    login.domain = domain;
    login.account = "user@grid.example";
    login.password = "pencil";
    login.is_direct_tls = true;
    Session session(login, notes, [] { return std::string("rOprNGfwEbeRWgbNEkqO"); });
    session.connected();
    session.secured("");
    session.receive(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
        "version='1.0'><stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
        "<mechanism>SCRAM-SHA-1</mechanism><mechanism>SCRAM-SHA-256</mechanism></mechanisms>"
        "</stream:features>"
    );
    CHECK_THAT(session.take_output(), Contains(xml::to_base64("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")));
    const auto says = [&](const char* element, const std::string& data) {
        session.receive(
            std::string("<") + element + " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" +
            xml::to_base64(data) + "</" + element + ">"
        );
    };
    const std::string nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    SECTION("both know it") {
        says("challenge", "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        CHECK_THAT(
            session.take_output(),
            Contains(xml::to_base64(
                "c=biws,r=" + nonce + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
            ))
        );
        SECTION("and the server proves it") {
            says("success", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
            CHECK_FALSE(session.failure());
        }
        SECTION("or it does not") {
            says("success", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=");
            REQUIRE(session.failure());
            CHECK(session.failure()->is_final);
        }
    }
    SECTION("another's nonce") {
        says("challenge", "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
        CHECK(session.failure());
    }
    SECTION("too few iterations") {
        says("challenge", "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1");
        REQUIRE(session.failure());
        CHECK_THAT(session.failure()->text, Contains("iterations"));
    }
    SECTION("an offer that was changed on its way") {
        says("challenge", "r=" + nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,h=AAAA");
        REQUIRE(session.failure());
        CHECK_THAT(session.failure()->text, Contains("XEP-0474"));
    }
}

TEST_CASE("without SCRAM a password goes nowhere", "[gridctl]") {
    Notes notes;
    Stage stage(notes, "pencil");
    stage.session().connected();
    stage.session().secured("");
    stage.open_stream(
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism>"
        "</mechanisms>"
    );
    REQUIRE(stage.session().failure());
    CHECK_THAT(stage.said(), !Contains("<auth"));
}

TEST_CASE("a broken session is resumed, and what the server lacks is sent again", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    std::vector<std::string> ids;
    for (int n = 0; n < 3; ++n)
        ids.push_back(stage.session().request("get", broker, xml::Element("ping", xml::ns::ping)));
    stage.hears("<message id='m1'/><message id='m2'/>" + result_of(ids[0]));
    stage.said();
    stage.lose();
    REQUIRE(stage.session().failure());
    CHECK_FALSE(stage.session().failure()->is_final);

    stage.authenticate();
    const std::string said = stage.said();
    CHECK_THAT(said, Contains("previd='token'") && Contains("h='3'"));
    // Presence and the first request have arrived.
    stage.hears("<resumed xmlns='urn:xmpp:sm:3' previd='token' h='2'/>");
    CHECK(values_of(stage.said(), "id") == Words{ids[1], ids[2]});
    stage.hears(result_of(ids[1]) + result_of(ids[2]));
    CHECK(
        notes.heard ==
        Words{
            "online", "message m1", "message m2", ids[0] + " result", "resumed", ids[1] + " result",
            ids[2] + " result"
        }
    );
}

TEST_CASE("a session that cannot be resumed begins anew, with its resource", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    stage.lose();
    stage.authenticate();
    stage.said();
    stage.hears(
        "<failed xmlns='urn:xmpp:sm:3'><item-not-found "
        "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    );
    const std::string said = stage.said();
    CHECK_THAT(said, Contains("<resource>one</resource>"));
    stage.hears(
        "<iq type='result' id='" + values_of(said, "id").back() +
        "'><bind "
        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>ann@grid.example/one</jid></bind></iq>"
    );
    CHECK(notes.heard == Words{"online", "online"});
}

TEST_CASE("a count of the server that cannot be is no resumption", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    stage.lose();
    stage.resume(7);
    CHECK(stage.session().failure());
}

TEST_CASE("the server learns how much has arrived", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    stage.said();
    stage.hears("<message/><presence/><r xmlns='urn:xmpp:sm:3'/><message/>");
    CHECK_THAT(stage.said(), Contains("<a xmlns='urn:xmpp:sm:3' h='2'/>"));
    stage.session().end();
    CHECK_THAT(stage.said(), Contains("h='3'") && Contains("</stream:stream>"));
    stage.hears("</stream:stream>");
    CHECK(stage.session().is_over());
    CHECK_FALSE(stage.session().failure());
}

TEST_CASE("a client asks how far the server has got, and forgets what has", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    stage.said();
    std::string said;
    for (int n = 0; n < 40; ++n) {
        stage.session().request("get", broker, xml::Element("ping", xml::ns::ping));
        said += stage.said();
    }
    CHECK_THAT(said, Contains("<r xmlns='urn:xmpp:sm:3'/>"));
    stage.hears("<a xmlns='urn:xmpp:sm:3' h='41'/>");
    stage.lose();
    stage.resume(41);
    CHECK_THAT(stage.said(), !Contains("<iq"));
}

TEST_CASE("ends of a stream that pass, and others", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    const auto [condition, is_final, resumes] = GENERATE(table<std::string, bool, bool>(
        {{"system-shutdown", false, true},
         {"reset", false, false},
         {"conflict", true, false},
         {"policy-violation", true, false}}
    ));
    stage.hears(
        "<stream:error><" + condition +
        " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
        "</stream:error></stream:stream>"
    );
    REQUIRE(stage.session().failure());
    CHECK(stage.session().failure()->is_final == is_final);
    stage.authenticate();
    CHECK((stage.said().find("<resume") != std::string::npos) == resumes);
}

TEST_CASE("requests of others are answered", "[gridctl]") {
    Notes notes;
    Stage stage(notes);
    stage.log_in();
    stage.said();
    stage.hears(
        "<iq type='get' id='p' from='grid.example'><ping xmlns='urn:xmpp:ping'/></iq>"
        "<iq type='set' id='q' from='grid.example'><query xmlns='jabber:iq:roster'/></iq>"
    );
    const std::string said = stage.said();
    CHECK_THAT(said, Contains("type='result'") && Contains("<service-unavailable"));
    CHECK(values_of(said, "id") == Words{"p", "q"});
}

TEST_CASE("clients that were cut off together do not come back together", "[gridctl]") {
    grid::gridctl::xmpp::BackOff one, other;
    for (int n = 0; n < 12; ++n) {
        const auto early = one.next_ms(0), late = other.next_ms(999);
        CHECK(early < late);
        CHECK(late < 2 * early);
        CHECK(early <= grid::gridctl::xmpp::BackOff::last_ms);
    }
    one.reset();
    CHECK(one.next_ms(0) == grid::gridctl::xmpp::BackOff::first_ms);
}

}   // namespace client_session_test
