// tests/unit/server/cluster/moving_test.cpp: clients resume their sessions at another member of a
// cluster, and what becomes of sessions where that does not succeed (XEP-0198 §5).
#include <catch2/catch.hpp>
#include <string>

#include "members_stage.hpp"
#include "server/cluster/handed_over_bytes.hpp"

namespace moving_test {

using grid::test::Guest;
using grid::test::MembersStage;
namespace cluster = grid::server::cluster;
namespace server = grid::server;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t times(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
}

std::string chat_to(const Guest& to, const std::string& text) {
    return "<message type='chat' id='m' to='" + to.jid() + "'><body>" + text + "</body></message>";
}

/// Three members; alice and bob are at 0, carol is at 2, alice can resume.
struct Moving {
    Moving() : stage(3) {
        stage.joins();
        alice = stage.comes(0, "alice", "desk");
        bob = stage.comes(0, "bob", "desk");
        carol = stage.comes(2, "carol", "desk");
        token = stage.manages(0, alice);
        for (const Guest& guest : {alice, bob, carol}) guest.hears();
    }
    std::uint64_t id() const { return alice.session->id; }
    bool is_at(std::size_t member, std::size_t seen_from) {
        const auto found = stage.core(seen_from).sessions().find(id());
        if (!found) return false;
        return member == seen_from
                   ? !found->other_member
                   : found->other_member && found->other_member->member() == stage.id(member);
    }
    /// Answered, and all has come that follows.
    std::shared_ptr<MembersStage::Resumed> resumes(std::size_t member, std::uint32_t handled) {
        stage.get_ahead(member);
        const auto resumed = stage.asks_to_resume(member, "alice", token, handled);
        REQUIRE(stage.waits([&] { return resumed->is_answered; }));
        stage.runs();
        return resumed;
    }
    bool is_everywhere_at(std::size_t member) {
        return is_at(member, 0) && is_at(member, 1) && is_at(member, 2);
    }

    MembersStage stage;
    Guest alice, bob, carol;
    std::string token;
};

}   // namespace

TEST_CASE_METHOD(Moving, "a session goes on at the member where its client resumes it") {
    stage.sends(0, bob, chat_to(alice, "one"));
    stage.sends(0, bob, chat_to(alice, "two"));
    stage.sends(0, alice, "<presence><show>away</show></presence>");
    alice.hears();
    bob.hears();
    carol.hears();
    stage.loses(0, alice);
    stage.sends(2, carol, chat_to(alice, "three"));
    const auto resumed = resumes(1, 1);
    REQUIRE(resumed->guest.session);
    const std::string heard = resumed->guest.hears_all();
    INFO(heard);
    CHECK(contains(heard, "<resumed xmlns='urn:xmpp:sm:3' previd='" + token + "' h='1'/>"));
    CHECK(times(heard, "<body>") == 2);
    CHECK(heard.find("two") < heard.find("three"));
    CHECK_FALSE(contains(heard, "one"));
    CHECK(is_everywhere_at(1));
    for (std::size_t member = 0; member < 3; ++member)
        CHECK(stage.core(member).sessions().of_account("alice@grid.example").size() == 1);
    CHECK(resumed->guest.session->id == id());
    CHECK(resumed->guest.session->is_present);
    // Contacts hear of nothing.
    CHECK(bob.hears_all().empty());
    CHECK(carol.hears_all().empty());
    // Both ways it is as it was.
    stage.sends(0, bob, chat_to(alice, "four"));
    stage.sends(2, carol, chat_to(alice, "five"));
    const std::string later = resumed->guest.hears_all();
    CHECK(times(later, "four") == 1);
    CHECK(times(later, "five") == 1);
    stage.sends(1, resumed->guest, chat_to(bob, "six"));
    CHECK(times(bob.hears_all(), "six") == 1);
    stage.sends(1, resumed->guest, "<presence type='unavailable'/>");
    CHECK(times(bob.hears_all(), "type='unavailable'") == 1);
    CHECK(times(carol.hears_all(), "type='unavailable'") == 1);
}

TEST_CASE_METHOD(Moving, "a session that is connected moves, too, and goes on moving") {
    const auto there = resumes(1, 0);
    CHECK(alice.transport->closed == "conflict");
    REQUIRE(there->guest.session);
    stage.sends(0, bob, chat_to(alice, "one"));
    const auto on = resumes(2, 0);
    REQUIRE(on->guest.session);
    CHECK(times(on->guest.hears_all(), "one") == 1);
    CHECK(is_everywhere_at(2));
    const auto back = resumes(0, 1);
    REQUIRE(back->guest.session);
    CHECK(times(back->guest.hears_all(), "one") == 0);
    CHECK(is_everywhere_at(0));
    CHECK(bob.hears_all().empty());
    CHECK(carol.hears_all().empty());
}

TEST_CASE_METHOD(Moving, "what is no token of the account's session leaves it where it is") {
    std::string wrong = token;
    wrong.back() = wrong.back() == '0' ? '1' : '0';
    for (const auto& [account, said, key] :
         {std::tuple("alice", wrong, ""), std::tuple("bob", token, ""),
          std::tuple("alice", token, "another")}) {
        stage.runs();
        const auto frames = stage.board.frames;
        const auto refused = stage.asks_to_resume(1, account, said, 0, key);
        stage.runs();
        REQUIRE(refused->is_answered);
        CHECK(refused->failure == "item-not-found");
        CHECK_FALSE(refused->handled);
        CHECK(stage.board.frames == frames);   // no member is asked
    }
    CHECK(is_everywhere_at(0));
    CHECK(alice.transport->closed.empty());
    const auto too_much = stage.asks_to_resume(1, "alice", token, 77);
    stage.runs();
    CHECK(too_much->failure == "undefined-condition");
    CHECK(is_everywhere_at(0));
    CHECK(alice.transport->closed.empty());
    CHECK(resumes(1, 0)->guest.session);
}

TEST_CASE_METHOD(Moving, "of two members that resume one session at once one gets it") {
    stage.get_ahead(1);
    stage.get_ahead(2);
    const auto one = stage.asks_to_resume(1, "alice", token, 0);
    const auto other = stage.asks_to_resume(2, "alice", token, 0);
    REQUIRE(stage.waits([&] { return one->is_answered && other->is_answered; }));
    stage.runs();
    CHECK((one->guest.session == nullptr) != (other->guest.session == nullptr));
    const bool is_one = one->guest.session != nullptr;
    CHECK((is_one ? other : one)->failure == "conflict");
    CHECK(is_everywhere_at(is_one ? 1 : 2));
}

TEST_CASE_METHOD(Moving, "of the own member and another one the later one has it in the end") {
    stage.get_ahead(1);
    const auto there = stage.asks_to_resume(1, "alice", token, 0);
    const auto own = stage.asks_to_resume(0, "alice", token, 0);
    REQUIRE(stage.waits([&] { return there->is_answered && own->is_answered; }));
    stage.runs();
    REQUIRE(there->guest.session);
    CHECK(is_everywhere_at(1));
    CHECK(there->guest.transport->closed.empty());
    if (own->guest.session) CHECK(own->guest.transport->closed == "conflict");
}

TEST_CASE_METHOD(Moving, "a session of a member that cannot be reached is not found, at once") {
    stage.loses(0, alice);
    stage.cuts(0, 1);
    const auto refused = stage.asks_to_resume(1, "alice", token, 0);
    stage.runs();
    REQUIRE(refused->is_answered);
    CHECK(refused->failure == "item-not-found");
    CHECK(is_at(0, 0));
    // The client that begins anew takes the place of what was lost.
    const Guest again = stage.comes(1, "alice", "desk");
    const auto found = stage.core(1).sessions().of_account("alice@grid.example");
    REQUIRE(found.size() == 1);
    CHECK(found.front()->id == again.session->id);
    stage.connects(0, 1);
    CHECK_FALSE(stage.core(0).sessions().find(id()));
}

TEST_CASE_METHOD(Moving, "a connection that is lost before all was sent leaves the session") {
    stage.links(0).is_full = true;   // no piece goes out
    const auto refused = stage.asks_to_resume(1, "alice", token, 0);
    stage.runs();
    CHECK_FALSE(refused->is_answered);
    stage.cuts(0, 1);
    REQUIRE(refused->is_answered);
    CHECK(refused->failure == "item-not-found");
    stage.links(0).is_full = false;
    stage.connects(0, 1);
    CHECK(is_at(0, 0));
    const auto here = stage.asks_to_resume(0, "alice", token, 0);
    stage.runs();
    CHECK(here->guest.session);
}

TEST_CASE("a client waits a while for its session, which stays") {
    cluster::DirectorySettings settings;
    settings.fetch_max = std::chrono::milliseconds(1);
    MembersStage stage(2, settings);
    stage.joins();
    const Guest alice = stage.comes(0, "alice", "desk");
    const std::string token = stage.manages(0, alice);
    stage.links(0).is_full = true;
    const auto refused = stage.asks_to_resume(1, "alice", token, 0);
    REQUIRE(stage.waits([&] { return refused->is_answered; }));
    CHECK(refused->failure == "item-not-found");
    stage.runs();
    stage.links(0).is_full = false;
    const auto here = stage.asks_to_resume(0, "alice", token, 0);
    stage.runs();
    CHECK(here->guest.session);
}

TEST_CASE_METHOD(Moving, "in doubt where a session is: where the other member says that it is") {
    stage.sends(0, bob, chat_to(alice, "one"));
    stage.loses(0, alice);
    stage.get_ahead(1);
    const auto resumed = stage.asks_to_resume(1, "alice", token, 0);
    // The word that member 1 has it is lost with the connection.
    while (!resumed->is_answered && stage.context.poll_one() != 0) {
    }
    REQUIRE(resumed->guest.session);
    stage.board.cut(stage.id(0), stage.id(1));
    stage.runs();
    CHECK(is_at(0, 0));
    CHECK(is_at(1, 1));
    const auto early = stage.asks_to_resume(0, "alice", token, 0);
    stage.runs();
    CHECK(early->failure == "conflict");
    stage.sends(0, bob, chat_to(alice, "two"));
    stage.connects(0, 1);
    CHECK(is_everywhere_at(1));
    const std::string heard = resumed->guest.hears_all();
    CHECK(times(heard, "one") == 1);
    CHECK(times(heard, "two") == 1);
}

TEST_CASE_METHOD(Moving, "in doubt where a session is: here, when the other member is lost") {
    stage.sends(0, bob, chat_to(alice, "one"));
    stage.loses(0, alice);
    stage.get_ahead(1);
    const auto resumed = stage.asks_to_resume(1, "alice", token, 0);
    while (!resumed->is_answered && stage.context.poll_one() != 0) {
    }
    stage.board.cut(stage.id(0), stage.id(1));
    stage.cuts(1, 2);
    for (const std::size_t member : {0U, 2U}) stage.directory(member).member_lost(stage.id(1));
    stage.runs();
    CHECK(is_at(0, 0));
    const auto here = stage.asks_to_resume(0, "alice", token, 0);
    stage.runs();
    REQUIRE(here->guest.session);
    CHECK(times(here->guest.hears_all(), "one") == 1);
}

TEST_CASE_METHOD(Moving, "queries that wait are refused when a session moves") {
    const Guest other = stage.comes(0, "alice", "other");
    alice.hears();
    const auto ask = [](const Guest& to, const std::string& id) {
        return "<iq type='get' id='" + id + "' to='" + to.jid() +
               "'><query xmlns='urn:test'/></iq>";
    };
    stage.sends(0, alice, ask(other, "mine"));
    stage.sends(0, other, ask(alice, "theirs"));
    other.hears();
    alice.hears();
    const auto resumed = resumes(1, 0);
    const std::string heard = resumed->guest.hears_all();
    INFO(heard);
    CHECK(times(heard, "id='mine'") == 1);
    CHECK(contains(heard, "recipient-unavailable"));
    const std::string told = other.hears_all();
    CHECK(times(told, "id='theirs'") == 1);
    CHECK(contains(told, "recipient-unavailable"));
    // And asked again they are answered.
    stage.sends(1, resumed->guest, ask(other, "again"));
    CHECK(contains(other.hears_all(), "id='again'"));
}

TEST_CASE_METHOD(Moving, "a queue of many pieces goes along") {
    const std::string long_text(8 * 1024, 'x');
    for (int i = 0; i < 40; ++i)
        stage.sends(0, bob, chat_to(alice, "n" + std::to_string(i) + " " + long_text));
    stage.loses(0, alice);
    const auto resumed = resumes(1, 0);
    const std::string heard = resumed->guest.hears_all();
    CHECK(times(heard, "<body>") == 40);
    for (int i = 0; i < 40; ++i) CHECK(times(heard, ">n" + std::to_string(i) + " ") == 1);
}

TEST_CASE_METHOD(Moving, "directed presence ends with the session, wherever that is") {
    const Guest stranger = stage.binds(2, "bob", "mobile");
    stage.sends(0, alice, "<presence to='" + stranger.jid() + "'><show>dnd</show></presence>");
    stranger.hears();
    const auto resumed = resumes(1, 0);
    CHECK(stranger.hears_all().empty());
    stage.goes(1, resumed->guest);
    CHECK_FALSE(stage.core(2).sessions().find(id()));
    CHECK(times(carol.hears_all(), "type='unavailable'") == 1);
}

TEST_CASE("a session on its way survives it as bytes") {
    server::HandedOver handed;
    handed.session = 5;
    handed.is_active = handed.takes_copies = true;
    handed.priority = -3;
    handed.resume_within = std::chrono::seconds(60);
    handed.received = 7;
    handed.acknowledged = 9;
    handed.unacked.push_back(server::Outgoing::message(
        server::Address::Bare, std::make_shared<const std::string>(" x"), 12, true
    ));
    handed.unacked.push_back(
        server::Outgoing::relayed(std::make_shared<const std::string>("<message/>"), 34, true)
    );
    handed.told_to = 11;
    handed.place.is_active = true;
    handed.place.after = {3, 4};
    handed.place.earlier = {{8, 2}};
    handed.place.paused_bare = 6;
    handed.messages = {5, {{10, 4}}};
    handed.presence.rest = std::make_shared<const std::string>(" from='x'/>");
    handed.presence.directed = {"a@b"};
    handed.presence.wants = {"node"};
    handed.presence.knows_wants = true;
    const std::string bytes = cluster::encode(handed);
    const auto read = cluster::decode_handed_over(bytes);
    REQUIRE(read.has_value());
    CHECK(read->session == 5);
    CHECK(read->priority == -3);
    CHECK(read->resume_within.count() == 60);
    CHECK(read->received == 7);
    CHECK(read->acknowledged == 9);
    REQUIRE(read->unacked.size() == 2);
    CHECK(read->unacked[0].is_item);
    CHECK(read->unacked[0].owed_from() == 12);
    CHECK(read->unacked[0].to == server::Address::Bare);
    CHECK(read->unacked[1].is_relayed);
    CHECK(read->unacked[1].sent_at() == 34);
    CHECK(read->told_to == 11);
    CHECK(read->place.after.full == 4);
    CHECK(read->place.earlier == handed.place.earlier);
    CHECK(read->place.paused_bare == handed.place.paused_bare);
    CHECK_FALSE(read->place.paused);
    CHECK(read->messages.counted == handed.messages.counted);
    CHECK(*read->presence.rest == " from='x'/>");
    CHECK(read->presence.directed == handed.presence.directed);
    CHECK(read->presence.wants == handed.presence.wants);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(cluster::decode_handed_over(bytes.substr(0, size)));
    CHECK_FALSE(cluster::decode_handed_over(bytes + "x"));
}

}   // namespace moving_test
