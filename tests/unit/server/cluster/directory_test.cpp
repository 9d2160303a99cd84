// tests/unit/server/cluster/directory_test.cpp: clients on different members of a cluster: their
// messages, queries and presence, and what becomes of them when connections and members are lost.
#include "server/cluster/directory.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "controller/administration/act_event.hpp"
#include "members_stage.hpp"

namespace directory_test {

using grid::test::Guest;
using grid::test::MembersStage;
namespace cluster = grid::server::cluster;
namespace server = grid::server;

namespace {

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

std::string chat(const Guest& to, const std::string& text) {
    return "<message type='chat' id='m' to='" + to.jid() + "'><body>" + text + "</body></message>";
}

std::string query(const Guest& to, const std::string& id) {
    return "<iq type='get' id='" + id + "' to='" + to.jid() + "'><query xmlns='urn:test'/></iq>";
}

std::string answer(const Guest& to, const std::string& id) {
    return "<iq type='result' id='" + id + "' to='" + to.jid() + "'><found xmlns='urn:test'/></iq>";
}

/// Gives up after a moment.
cluster::DirectorySettings impatient() {
    cluster::DirectorySettings settings;
    settings.patience = std::chrono::milliseconds(1);
    return settings;
}

}   // namespace

TEST_CASE("each member knows the sessions of the others") {
    MembersStage stage(3);
    const Guest alice = stage.comes(0, "alice", "desk");
    CHECK_FALSE(stage.core(1).sessions().knows_all());
    stage.joins();
    CHECK(stage.core(1).sessions().knows_all());
    const Guest bob = stage.comes(1, "bob", "desk");
    for (std::size_t member = 0; member < 3; ++member) {
        auto& sessions = stage.core(member).sessions();
        for (const Guest& guest : {alice, bob}) {
            const auto found = sessions.find(guest.session->jid);
            REQUIRE(found);
            CHECK(found->id == guest.session->id);
            CHECK(found->is_active);
            CHECK(found->identity->fingerprint == guest.session->identity->fingerprint);
        }
        CHECK(sessions.size() == (member < 2 ? 1U : 0U));
        CHECK(sessions.on_other_members() == (member < 2 ? 1U : 2U));
    }
    stage.goes(1, bob);
    CHECK_FALSE(stage.core(0).sessions().find(bob.session->jid));
    CHECK_FALSE(stage.core(2).sessions().find(bob.session->jid));
}

TEST_CASE("messages go to a session elsewhere, and back") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    alice.hears();
    bob.hears();
    stage.sends(0, alice, chat(bob, "hello"));
    CHECK(count(bob.hears_all(), "<body>hello</body>") == 1);
    stage.sends(1, bob, chat(alice, "hello to you"));
    CHECK(count(alice.hears_all(), "<body>hello to you</body>") == 1);
    // To the account: each of its sessions, wherever it is.
    const Guest mobile = stage.comes(0, "bob", "mobile");
    bob.hears();
    mobile.hears();
    stage.sends(0, alice, "<message type='chat' to='bob@grid.example'><body>all</body></message>");
    CHECK(count(bob.hears_all(), "<body>all</body>") == 1);
    CHECK(count(mobile.hears_all(), "<body>all</body>") == 1);
}

TEST_CASE("copies of messages go to a session elsewhere") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const Guest other = stage.comes(1, "alice", "other");
    stage.sends(1, other, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    for (const Guest& guest : {alice, bob, other}) guest.hears();
    stage.sends(0, alice, chat(bob, "hello"));
    const std::string heard = other.hears_all();
    CHECK(holds(heard, "<sent xmlns='urn:xmpp:carbons:2'"));
    CHECK(holds(heard, "to='" + other.jid() + "'"));
    CHECK(count(bob.hears_all(), "<body>hello</body>") == 1);
}

TEST_CASE("a query is answered from elsewhere, once") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest other = stage.comes(1, "alice", "other");
    alice.hears();
    other.hears();
    stage.sends(0, alice, query(other, "q1"));
    CHECK(holds(other.hears_all(), "from='" + alice.jid() + "'"));
    stage.sends(1, other, answer(alice, "q1"));
    CHECK(holds(alice.hears_all(), "<found xmlns='urn:test'"));
    stage.sends(1, other, answer(alice, "q1"));
    stage.sends(1, other, answer(alice, "never-asked"));
    CHECK(alice.hears_all().empty());
}

TEST_CASE("a query to a session elsewhere is judged there, with the certificate of its asker") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const Guest dave = stage.comes(1, "dave", "desk");
    for (const Guest& guest : {alice, bob, dave}) guest.hears();
    for (int again = 0; again < 2; ++again) {
        stage.sends(0, alice, query(dave, "q1"));   // he provides nothing
        CHECK(dave.hears_all().empty());
        const std::string heard = alice.hears_all();
        CHECK(count(heard, "id='q1'") == 1);
        CHECK(holds(heard, "service-unavailable"));   // and waits no more
    }
    stage.sends(0, alice, query(bob, "q1"));   // a contact, whose presence is known there
    CHECK(count(bob.hears_all(), "<query xmlns='urn:test'") == 1);
    stage.sends(1, bob, answer(alice, "q1"));
    CHECK(holds(alice.hears_all(), "<found xmlns='urn:test'"));
}

TEST_CASE("an in-band stream goes both ways between two members") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const auto iq = [](const Guest& to, const std::string& id, const std::string& payload) {
        return "<iq type='set' id='" + id + "' to='" + to.jid() + "'>" + payload + "</iq>";
    };
    const auto data = [](const std::string& number) {
        return "<data xmlns='http://jabber.org/protocol/ibb' sid='s' seq='" + number +
               "'>AAAA</data>";
    };
    bob.hears();
    stage.sends(
        0, alice,
        iq(bob, "o",
           "<open xmlns='http://jabber.org/protocol/ibb' sid='s' block-size='4096' stanza='iq'/>")
    );
    CHECK(holds(bob.hears_all(), "<open "));
    stage.sends(1, bob, "<iq type='result' id='o' to='" + alice.jid() + "'/>");
    alice.hears();
    stage.sends(0, alice, iq(bob, "d1", data("0")));
    CHECK(holds(bob.hears_all(), "<data "));
    stage.sends(1, bob, iq(alice, "d2", data("0")));
    CHECK(holds(alice.hears_all(), "<data "));
    CHECK(bob.hears_all().empty());
    stage.sends(1, bob, iq(alice, "c", "<close xmlns='http://jabber.org/protocol/ibb' sid='s'/>"));
    CHECK(holds(alice.hears_all(), "<close "));
    stage.sends(0, alice, "<iq type='result' id='c' to='" + bob.jid() + "'/>");
    CHECK(holds(bob.hears_all(), "id='c'"));
    CHECK(stage.core(1).transfers().running_count() == 0);
}

TEST_CASE("a query to a session elsewhere that ends is refused, once") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest other = stage.comes(1, "alice", "other");
    stage.sends(0, alice, query(other, "q1"));
    alice.hears();
    stage.goes(1, other);
    const std::string heard = alice.hears_all();
    INFO(heard);
    CHECK(count(heard, "id='q1'") == 1);
    CHECK(holds(heard, "recipient-unavailable"));
}

TEST_CASE("a query that waits while its member is lost is refused") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest other = stage.comes(1, "alice", "other");
    stage.sends(0, alice, query(other, "q1"));   // taken there
    stage.board.loses_frames = true;
    stage.sends(0, alice, query(other, "q2"));   // and this one is not
    alice.hears();
    stage.cuts(0, 1);
    stage.directory(0).member_lost(stage.id(1));
    stage.runs();
    const std::string heard = alice.hears_all();
    INFO(heard);
    CHECK(count(heard, "id='q1'") == 1);
    CHECK(count(heard, "id='q2'") == 1);
    CHECK(count(heard, "type='error'") == 2);
}

TEST_CASE("presence of contacts elsewhere comes and goes with them") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.binds(1, "bob", "desk");
    stage.sends(1, bob, "<presence><show>away</show></presence>");
    std::string heard = alice.hears_all();
    CHECK(count(heard, "from='" + bob.jid() + "'") == 1);
    CHECK(holds(heard, "<show>away</show>"));
    // A client that comes later hears of both, as if they were here.
    CHECK(count(bob.hears_all(), "from='" + alice.jid() + "'") == 1);
    const Guest carol = stage.binds(1, "carol", "desk");
    stage.sends(1, carol, "<presence/>");
    heard = carol.hears_all();
    CHECK(count(heard, "from='" + alice.jid() + "'") == 1);
    CHECK(count(heard, "from='" + bob.jid() + "'") == 1);
    alice.hears();
    stage.sends(1, bob, "<presence type='unavailable'><status>bye</status></presence>");
    heard = alice.hears_all();
    CHECK(count(heard, "type='unavailable'") == 1);
    CHECK(holds(heard, "<status>bye</status>"));
    stage.goes(1, carol);
    heard = alice.hears_all();
    CHECK(count(heard, "from='" + carol.jid() + "'") == 1);
    CHECK(holds(heard, "type='unavailable'"));
}

TEST_CASE("presence reaches one addressee elsewhere, and its end does") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest mobile = stage.binds(1, "alice", "mobile");
    alice.hears();
    stage.sends(0, alice, "<presence to='" + mobile.jid() + "'><show>dnd</show></presence>");
    CHECK(holds(mobile.hears_all(), "<show>dnd</show>"));
}

TEST_CASE("a probe finds presence that was directed at another member, and no other") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const std::string probe = "<presence type='probe' id='p' to='" + alice.jid() + "'/>";
    const std::string refused = "from='alice@grid.example' type='unsubscribed'";
    stage.sends(0, alice, "<presence to='dave@grid.example'/>");   // before he is there
    const Guest dave = stage.comes(1, "dave", "desk");
    CHECK(dave.hears_all().empty());
    stage.sends(1, dave, probe);
    CHECK(dave.hears_all() == "<presence to='" + dave.jid() + "' from='" + alice.jid() + "'/>\n");
    stage.sends(0, alice, "<presence type='unavailable' to='dave@grid.example'/>");
    dave.hears();
    stage.sends(1, dave, probe);
    CHECK(holds(dave.hears_all(), refused));
    stage.sends(0, alice, "<presence to='" + dave.jid() + "'/>");
    dave.hears();
    const Guest other = stage.comes(1, "dave", "other");   // the address of neither
    stage.sends(1, other, probe);
    CHECK(holds(other.hears_all(), refused));
    CHECK(alice.hears_all().empty());
    // The addressee ends it, too (RFC 6121 §4.6.1).
    stage.sends(1, dave, "<presence type='unavailable' to='" + alice.jid() + "'/>");
    CHECK(holds(alice.hears_all(), "type='unavailable'"));
    dave.hears();
    stage.sends(1, dave, probe);
    CHECK(holds(dave.hears_all(), refused));
    // A session that is there no more looks like one that never was.
    stage.goes(0, alice);
    stage.sends(1, other, probe);
    CHECK(holds(other.hears_all(), refused));
}

TEST_CASE("a session that begins beside one elsewhere waits for its member, a moment at most") {
    cluster::DirectorySettings settings;
    settings.place_within = std::chrono::milliseconds(300);
    MembersStage stage(2, settings);
    stage.joins();
    const auto is_live = [](const Guest& guest) { return !guest.session->replay; };
    const Guest desk = stage.comes(0, "alice", "desk");
    CHECK(stage.waits([&] { return is_live(desk); }));
    const Guest mobile = stage.comes(1, "alice", "mobile");
    CHECK(stage.waits([&] { return is_live(mobile); }));
    stage.board.loses_frames = true;   // the question, or its answer
    const Guest lost = stage.comes(1, "alice", "mobile");
    CHECK_FALSE(is_live(lost));
    CHECK(stage.waits([&] { return is_live(lost); }));
}

TEST_CASE("a member that is cut off between question and answer is not waited for") {
    cluster::DirectorySettings settings;
    settings.place_within = std::chrono::hours(1);
    MembersStage stage(2, settings);
    stage.joins();
    stage.comes(0, "alice", "desk");
    stage.board.loses_frames = true;
    const Guest mobile = stage.comes(1, "alice", "mobile");
    CHECK(mobile.session->replay);
    stage.cuts(0, 1);
    CHECK(stage.waits([&] { return !mobile.session->replay; }));
    stage.board.loses_frames = false;
    stage.connects(0, 1);
    stage.comes(0, "bob", "desk");
    const Guest later = stage.comes(1, "bob", "mobile");   // is answered
    CHECK(stage.waits([&] { return !later.session->replay; }));
}

TEST_CASE("a resource that is bound elsewhere is taken over") {
    MembersStage stage(3);
    stage.joins();
    const Guest before = stage.comes(0, "alice", "desk");
    const Guest after = stage.comes(1, "alice", "desk");
    CHECK(before.transport->closed == "conflict");
    CHECK(after.transport->closed.empty());
    stage.goes(0, before);
    for (std::size_t member = 0; member < 3; ++member) {
        const auto found = stage.core(member).sessions().find(after.session->jid);
        REQUIRE(found);
        CHECK(found->id == after.session->id);
        CHECK(stage.core(member).sessions().of_account("alice@grid.example").size() == 1);
    }
}

/// A temporary subscription, for one, would end in between.
TEST_CASE("no member sees an address without a session while that is taken over") {
    MembersStage stage(3);
    stage.joins();
    const Guest before = stage.comes(0, "alice", "desk");
    stage.cuts(1, 2);   // the word of the new one is late
    const Guest after = stage.comes(1, "alice", "desk");
    stage.goes(0, before);
    const auto& sessions = stage.core(2).sessions();
    REQUIRE(sessions.find(after.session->jid));
    CHECK(sessions.find(after.session->jid)->id == before.session->id);
    stage.connects(1, 2);
    REQUIRE(sessions.find(after.session->jid));
    CHECK(sessions.find(after.session->jid)->id == after.session->id);
    CHECK(sessions.of_account("alice@grid.example").size() == 1);
}

TEST_CASE("of two sessions that took one resource without knowing of each other one ends") {
    MembersStage stage(3);
    const Guest one = stage.comes(0, "alice", "desk");
    const Guest other = stage.comes(1, "alice", "desk");
    stage.joins();
    CHECK(one.transport->closed.empty() != other.transport->closed.empty());
    const bool is_first = one.transport->closed.empty();
    CHECK((is_first ? other : one).transport->closed == "conflict");
    stage.goes(is_first ? 1 : 0, is_first ? other : one);
    for (std::size_t member = 0; member < 3; ++member) {
        const auto found = stage.core(member).sessions().find(one.session->jid);
        REQUIRE(found);
        CHECK(found->id == (is_first ? one : other).session->id);
        CHECK(stage.core(member).sessions().of_account("alice@grid.example").size() == 1);
    }
}

TEST_CASE("stanzas wait for a connection, and arrive in order, once") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    stage.board.loses_frames = true;
    stage.sends(0, alice, chat(bob, "one"));
    stage.board.loses_frames = false;
    stage.cuts(0, 1);
    stage.sends(0, alice, chat(bob, "two"));
    CHECK_FALSE(stage.core(0).sessions().knows_all());
    bob.hears();
    stage.connects(0, 1);
    std::string heard = bob.hears_all();
    CHECK(count(heard, "<body>") == 2);
    CHECK(heard.find("<body>one</body>") < heard.find("<body>two</body>"));
    CHECK(stage.core(0).sessions().knows_all());
    stage.cuts(0, 1);
    stage.connects(0, 1);
    CHECK(count(bob.hears_all(), "<body>") == 0);
}

TEST_CASE("after a gap the list tells what came, changed and went") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const Guest gone = stage.comes(1, "carol", "desk");
    stage.cuts(0, 1);
    alice.hears();
    stage.goes(1, gone);
    const Guest carol = stage.comes(1, "carol", "new");
    stage.sends(1, bob, "<presence><show>xa</show></presence>");
    CHECK(alice.hears_all().empty());
    stage.connects(0, 1);
    const std::string heard = alice.hears_all();
    INFO(heard);
    CHECK(count(heard, "from='" + gone.jid() + "' type='unavailable'") == 1);
    CHECK(count(heard, "from='" + carol.jid() + "'") == 1);
    CHECK(holds(heard, "<show>xa</show>"));
    auto& sessions = stage.core(0).sessions();
    CHECK_FALSE(sessions.find(gone.session->jid));
    CHECK(sessions.find(carol.session->jid));
    CHECK(sessions.on_other_members() == 2);
    // A list of what is known already is told to nobody.
    stage.cuts(0, 1);
    stage.connects(0, 1);
    CHECK(alice.hears_all().empty());
}

TEST_CASE("a member that is lost takes its sessions along") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    alice.hears();
    stage.cuts(0, 1);
    CHECK(stage.core(0).sessions().find(bob.session->jid));   // the lease is there
    stage.directory(0).set_members({stage.all().front()});
    stage.runs();
    CHECK_FALSE(stage.core(0).sessions().find(bob.session->jid));
    CHECK(stage.core(0).sessions().on_other_members() == 0);
    CHECK(stage.core(0).sessions().knows_all());
    const std::string heard = alice.hears_all();
    CHECK(count(heard, "from='" + bob.jid() + "' type='unavailable'") == 1);
    // The member comes back by another start.
    stage.sends(0, alice, query(bob, "q"));
    CHECK(holds(alice.hears_all(), "type='error'"));
}

TEST_CASE("a member that was taken for lost, and did not notice, gets all that comes later") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    for (const char* text : {"one", "two", "three"}) stage.sends(0, alice, chat(bob, text));
    CHECK(count(bob.hears_all(), "<body>") == 3);
    stage.cuts(0, 1);
    stage.directory(0).set_members({stage.all().front()});
    stage.runs();
    CHECK_FALSE(stage.core(0).sessions().find(bob.session->jid));
    stage.directory(0).set_members(stage.all());
    stage.connects(0, 1);
    for (const char* text : {"four", "five"}) stage.sends(0, alice, chat(bob, text));
    stage.sends(1, bob, chat(alice, "six"));
    CHECK(count(bob.hears_all(), "<body>") == 2);
    CHECK(count(alice.hears_all(), "<body>six</body>") == 1);
    // And once, where the connection is lost again.
    stage.cuts(0, 1);
    stage.sends(0, alice, chat(bob, "seven"));
    stage.connects(0, 1);
    CHECK(count(bob.hears_all(), "<body>") == 1);
}

TEST_CASE("an addressee of directed presence hears its end when the member is lost, once") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest stranger = stage.comes(1, "dave", "desk");
    const Guest other = stage.comes(1, "dave", "mobile");
    stage.sends(1, stranger, "<presence to='" + alice.jid() + "'/>");
    stage.sends(1, other, "<presence to='" + alice.jid() + "'/>");
    CHECK(count(alice.hears_all(), "from='dave@grid.example/") == 2);
    // The one that says its end itself is not told again.
    stage.sends(1, other, "<presence to='" + alice.jid() + "' type='unavailable'/>");
    CHECK(count(alice.hears_all(), "type='unavailable'") == 1);
    stage.cuts(0, 1);
    stage.directory(0).set_members({stage.all().front()});
    stage.runs();
    const std::string heard = alice.hears_all();
    INFO(heard);
    CHECK(count(heard, "from='" + stranger.jid() + "' type='unavailable'") == 1);
    CHECK(count(heard, "type='unavailable'") == 1);
}

TEST_CASE("an addressee of directed presence hears its end once when its session leaves") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest stranger = stage.comes(1, "dave", "desk");
    stage.sends(1, stranger, "<presence to='" + alice.jid() + "'/>");
    alice.hears();
    stage.goes(1, stranger);
    CHECK(count(alice.hears_all(), "type='unavailable'") == 1);
}

TEST_CASE("messages that did not reach a member wait for their account") {
    MembersStage stage(2, impatient());
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    stage.cuts(0, 1);
    stage.sends(0, alice, chat(bob, "late"));
    alice.hears();
    const auto& offline = std::as_const(stage.core(0).controller()).offline();
    CHECK(stage.waits([&] { return offline.find("bob@grid.example") != nullptr; }));
    CHECK(alice.hears_all().empty());
    // The account takes them at the next member.
    const Guest again = stage.binds(0, "bob", "desk");
    stage.sends(0, again, "<presence/>");
    std::string heard;
    CHECK(stage.waits([&] {
        heard += again.hears_all();
        return holds(heard, "<body>late</body>");
    }));
}

TEST_CASE("what names a session of another member is refused") {
    MembersStage stage(3);
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    bob.hears();
    alice.hears();
    const auto send = [&](const cluster::StanzaFrame& frame) {
        stage.links(2).send(stage.id(1), cluster::Channel::Stanza, cluster::encode(frame));
        stage.runs();
    };
    const auto text = [](const std::string& stanza) {
        return std::make_shared<const std::string>(stanza);
    };
    // A query in the name of alice, who is not at member 2.
    server::ForwardedQuery forged{
        alice.session->id,
        bob.session->id,
        bob.session->jid,
        {},
        "q",
        false,
        text("<iq type='get' id='q' from='" + alice.jid() + "'><query xmlns='urn:test'/></iq>")
    };
    send({1, forged});
    CHECK(bob.hears_all().empty());
    // A stanza that member 1 is to send on to alice.
    send(
        {2,
         cluster::ToSession{
             alice.session->id, alice.session->jid,
             server::Outgoing::relayed(text("<message/>"), 1, false)
         }}
    );
    CHECK(alice.hears_all().empty());
    // A session with a number of member 0.
    cluster::SessionState state;
    state.id = alice.session->id + 100;
    state.constant.emplace().jid = *grid::xml::Jid::parse("carol@grid.example/x");
    stage.links(2).send(
        stage.id(1), cluster::Channel::Directory, cluster::encode(cluster::States{{state}})
    );
    stage.runs();
    CHECK_FALSE(stage.core(1).sessions().find(*grid::xml::Jid::parse("carol@grid.example/x")));
    // Bytes that are no frame.
    stage.links(2).send(stage.id(1), cluster::Channel::Stanza, "x");
    stage.links(2).send(stage.id(1), cluster::Channel::Directory, "\x63");
    stage.runs();
    CHECK(stage.core(1).sessions().find(alice.session->jid));
}

TEST_CASE("a message to a session that has ended meanwhile goes where it would go without it") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const Guest mobile = stage.comes(1, "bob", "mobile");
    mobile.hears();
    alice.hears();
    cluster::StanzaFrame frame;
    frame.number = 1'000;
    frame.content = cluster::ToSession{
        bob.session->id, bob.session->jid,
        server::Outgoing::relayed(
            std::make_shared<const std::string>(
                "<message type='chat' from='" + alice.jid() + "' to='" + bob.jid() +
                "'><body>late</body></message>"
            ),
            1, false
        )
    };
    stage.goes(1, bob);
    mobile.hears();
    stage.links(0).send(stage.id(1), cluster::Channel::Stanza, cluster::encode(frame));
    stage.runs();
    CHECK(count(mobile.hears_all(), "<body>late</body>") == 1);
}

TEST_CASE("what hangs on sessions elsewhere ends with them, by the leader alone") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const auto& broker = stage.core(0).broker();
    const auto answered = [&](const std::string& payload) {
        stage.sends(
            0, alice,
            "<iq type='set' id='p' to='pubsub.grid.example'>"
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
                payload + "</pubsub></iq>"
        );
        std::string heard;
        stage.waits([&] {
            heard += alice.hears_all();
            return holds(heard, "id='p'");
        });
        INFO(heard);
        CHECK(holds(heard, "type='result'"));
    };
    answered("<create node='n'/>");
    const auto subscribe = [&](const std::string& jid) {
        answered(
            "<subscribe node='n' jid='" + jid +
            "'/><options><x xmlns='jabber:x:data' type='submit'>"
            "<field var='FORM_TYPE' type='hidden'>"
            "<value>http://jabber.org/protocol/pubsub#subscribe_options</value></field>"
            "<field var='pubsub#expire'><value>presence</value></field></x></options>"
        );
    };
    subscribe(bob.jid());
    subscribe("bob@grid.example/of-an-earlier-start");
    subscribe("carol@grid.example");
    REQUIRE(broker.subscription_count() == 3);
    // A member that does not lead ends nothing; nor does one that does not know all sessions.
    const auto has_time = [&] {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
        stage.waits([&] { return std::chrono::steady_clock::now() > until; });
    };
    has_time();
    CHECK(broker.subscription_count() == 3);
    stage.cuts(0, 1);
    stage.directory(0).lead(true);
    has_time();
    CHECK(broker.subscription_count() == 3);
    stage.connects(0, 1);
    CHECK(stage.waits([&] { return broker.subscription_count() == 1; }));
    CHECK(broker.is_subscriber(bob.session->jid));
    stage.cuts(0, 1);
    stage.directory(0).member_lost(stage.id(1));
    CHECK(stage.waits([&] { return broker.subscription_count() == 0; }));
}

TEST_CASE("a temporary subscription ends when its session elsewhere does") {
    MembersStage stage;
    stage.joins();
    stage.directory(0).lead(true);
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    const auto& broker = stage.core(0).broker();
    for (const std::string& payload :
         {std::string("<create node='n'/>"),
          "<subscribe node='n' jid='" + bob.jid() +
              "'/><options><x xmlns='jabber:x:data' type='submit'>"
              "<field var='FORM_TYPE' type='hidden'>"
              "<value>http://jabber.org/protocol/pubsub#subscribe_options</value></field>"
              "<field var='pubsub#expire'><value>presence</value></field></x></options>"}) {
        stage.sends(
            0, alice,
            "<iq type='set' id='p' to='pubsub.grid.example'>"
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" +
                payload + "</pubsub></iq>"
        );
        stage.waits([&] { return holds(alice.hears_all(), "id='p'"); });
    }
    REQUIRE(broker.subscription_count() == 1);
    stage.goes(1, bob);
    CHECK(stage.waits([&] { return broker.subscription_count() == 0; }));
}

TEST_CASE("many sessions are told a slice at a time") {
    MembersStage stage;
    std::vector<Guest> guests;
    for (std::size_t i = 0; i < 15; ++i)
        for (const char* account : {"alice", "bob", "carol"})
            guests.push_back(stage.binds(0, account, "r" + std::to_string(i)));
    stage.runs();
    stage.joins();
    CHECK(stage.core(1).sessions().on_other_members() == guests.size());
    CHECK(stage.core(1).sessions().knows_all());
    for (const Guest& guest : guests) stage.goes(0, guest);
    CHECK(stage.core(1).sessions().on_other_members() == 0);
}

TEST_CASE("what finds no room in a link's queue is told later") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    bob.hears();
    stage.links(0).is_full = true;
    const Guest late = stage.comes(0, "alice", "late");
    stage.sends(0, alice, chat(bob, "hello"));
    CHECK(bob.hears_all().empty());
    stage.links(0).is_full = false;
    std::string heard;
    CHECK(stage.waits([&] {
        heard += bob.hears_all();
        return holds(heard, "<body>hello</body>") && holds(heard, "from='" + late.jid() + "'");
    }));
    CHECK(stage.core(1).sessions().find(late.session->jid));
}

namespace {

cluster::DirectorySettings waiting(std::chrono::milliseconds most) {
    cluster::DirectorySettings settings;
    settings.waits_until_told = true;
    settings.told_within = most;
    return settings;
}

}   // namespace

/// The presence stands behind a message that is kept, so that the stanza behind it is read already.
TEST_CASE("a presence that goes ahead of a message, before others know of it, goes once") {
    MembersStage stage(3, waiting(std::chrono::hours(1)));
    stage.joins();
    const Guest bob = stage.comes(1, "bob", "desk");
    const Guest alice = stage.comes(0, "alice", "desk");
    const auto message = [](const std::string& to) {
        return "<message type='chat' to='" + to + "@grid.example'><body>x</body></message>";
    };
    bob.hears();
    stage.sends_at_once(
        0, alice, {message("carol"), "<presence><status>new</status></presence>", message("bob")}
    );
    CHECK(stage.waits([&] { return holds(bob.hears_all(), "<body>x"); }));
    CHECK(holds(alice.hears_all(), "<status>new"));
}

TEST_CASE("a session is bound, and its presence taken, when the other members know of it") {
    MembersStage stage(3, waiting(std::chrono::hours(1)));
    const Guest early = stage.comes(0, "alice", "early");   // no other member is there
    stage.joins();
    const Guest alice = stage.binds(0, "alice", "desk");
    for (std::size_t member = 1; member < 3; ++member)
        CHECK(stage.core(member).sessions().find(alice.session->jid));
    stage.board.loses_frames = true;
    bool is_taken = false;
    stage.sends(0, alice, "<presence/>", [&] { is_taken = true; });
    CHECK_FALSE(is_taken);   // the stanzas behind it are not read
    CHECK_FALSE(holds(alice.hears_all(), "from='" + alice.jid() + "'"));
    stage.board.loses_frames = false;
    stage.cuts(0, 1);
    stage.cuts(0, 2);   // a member that is not there is not waited for
    CHECK(is_taken);
    CHECK(holds(alice.hears_all(), "from='" + alice.jid() + "'"));
    stage.connects(0, 1);
    stage.connects(0, 2);
    is_taken = false;
    stage.sends(0, alice, "<presence><show>dnd</show></presence>", [&] { is_taken = true; });
    CHECK(is_taken);
    for (std::size_t member = 1; member < 3; ++member) {
        const auto found = stage.core(member).sessions().find(alice.session->jid);
        REQUIRE(found);
        CHECK(found->show == alice.session->show);
    }
}

TEST_CASE("members that do not answer hold nobody up for longer than a moment") {
    MembersStage stage(2, waiting(std::chrono::milliseconds(30)));
    stage.joins();
    stage.board.loses_frames = true;
    const Guest alice = stage.binds(0, "alice", "desk");
    stage.sends(0, alice, "<presence/>");
    CHECK(stage.waits([&] { return holds(alice.hears_all(), "from='" + alice.jid() + "'"); }));
}

TEST_CASE("a client that moves gets no message again that has reached it") {
    for (const bool takes_over : {false, true}) {
        MembersStage stage;
        stage.joins();
        const Guest alice = stage.comes(0, "alice", "desk");
        const Guest other = stage.comes(1, "alice", "other");
        // Both members have it, each in its own store: that of the first has come further.
        stage.sends(1, other, "<message to='bob@grid.example'><body>once</body></message>");
        for (int i = 0; i < 50; ++i) {
            grid::storage::Batch batch;
            batch.put(grid::storage::Family::Control, "Y", "");
            stage.core(0).commit(std::move(batch));
        }
        stage.runs();
        stage.sends(0, alice, "<message to='bob@grid.example'><body>once</body></message>");
        const Guest bob = stage.comes(0, "bob", "desk", false);
        CHECK(count(bob.hears_all(), "<body>once</body>") == 1);
        if (!takes_over) stage.goes(0, bob);
        bob.transport->when_closed = [&] {
            auto& core = stage.core(0);
            core.detach(bob.session, bob.session->attachment, false, [](auto) {});
            core.leave(bob.session, bob.session->attachment, "the test", {true, 0, 0});
        };
        const Guest moved = stage.comes(1, "bob", takes_over ? "desk" : "mobile", false);
        CHECK(bob.transport->closed == (takes_over ? "conflict" : ""));
        CHECK(count(moved.hears_all(), "<body>once</body>") == 0);
    }
}

TEST_CASE("sessions that say more than a frame holds are told in several") {
    MembersStage stage;
    const std::string words(100'000, 'x');
    std::vector<Guest> guests;
    for (int i = 0; i < 24; ++i) {
        const char* account = i % 3 == 0 ? "alice" : i % 3 == 1 ? "bob" : "carol";
        guests.push_back(stage.binds(0, account, "r" + std::to_string(i)));
        stage.core(0).said_elsewhere(
            guests.back().session,
            {1, std::make_shared<const std::string>("><status>" + words + "</status></presence>"),
             true}
        );
    }
    stage.joins();
    CHECK(stage.core(1).sessions().on_other_members() == 24);
    CHECK(stage.core(1).sessions().knows_all());
    CHECK(stage.board.largest < 1'000'000);
}

TEST_CASE("a stanza that fits into no frame is refused, and those behind it arrive") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    bob.hears();
    alice.hears();
    const auto known = stage.core(0).sessions().find(bob.session->jid);
    REQUIRE(known);
    known->budget = std::make_shared<server::Budget>(100'000'000);
    stage.sends(0, alice, chat(bob, std::string(cluster::LinksSettings{}.frame_bytes_max, 'x')));
    stage.sends(0, alice, chat(bob, "behind it"));
    CHECK(count(bob.hears_all(), "<body>behind it</body>") == 1);
}

TEST_CASE("a session elsewhere that an administrator ends takes nothing more") {
    MembersStage stage;
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const Guest bob = stage.comes(1, "bob", "desk");
    bob.hears();
    // The stores of the two are not one: his own member does not hear of it.
    namespace acts = grid::controller::administration;
    grid::storage::Batch batch;
    batch.event = acts::encode({acts::ActEvent::Kind::EndSessions, {bob.jid()}});
    stage.core(0).commit(std::move(batch));
    stage.runs();
    stage.sends(0, alice, chat(bob, "too late"));
    stage.sends(0, alice, query(bob, "q1"));
    CHECK(bob.hears_all().empty());
}

}   // namespace directory_test
