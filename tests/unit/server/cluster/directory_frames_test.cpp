// tests/unit/server/cluster/directory_frames_test.cpp: words of members survive the way, and
// nothing else is taken for them.
#include "server/cluster/directory_frames.hpp"

#include <catch2/catch.hpp>

namespace directory_frames_test {

namespace cluster = grid::server::cluster;
namespace server = grid::server;
using grid::xml::Jid;

namespace {

cluster::SessionState full_state() {
    cluster::SessionState state;
    state.id = 77;
    auto& constant = state.constant.emplace();
    constant.jid = *Jid::parse("alice@grid.example/desk");
    constant.component = "gate.grid.example";
    constant.address = "192.0.2.1:5";
    constant.transport_kind = server::TransportKind::Bosh;
    constant.since = 123;
    constant.identity.account = constant.jid.bare();
    constant.identity.path = {"a:1", "b:2"};
    constant.identity.approvals = 6;
    constant.identity.password = "generation";
    constant.replaced = {4, 5};
    state.moves = 3;
    state.token_hash = "hash";
    state.is_active = state.takes_copies = true;
    state.priority = -7;
    state.show = 3;
    state.words = {9, std::make_shared<const std::string>(" from='x'/>"), true};
    return state;
}

}   // namespace

TEST_CASE("the state of a session survives the way") {
    const auto frame = cluster::decode_directory(cluster::encode(cluster::States{{full_state()}}));
    REQUIRE(frame.has_value());
    const auto* states = std::get_if<cluster::States>(&*frame);
    REQUIRE(states != nullptr);
    REQUIRE(states->states.size() == 1);
    const auto& state = states->states.front();
    CHECK(state.id == 77);
    REQUIRE(state.constant.has_value());
    CHECK(state.constant->jid.str() == "alice@grid.example/desk");
    CHECK(state.constant->component == "gate.grid.example");
    CHECK(state.constant->address == "192.0.2.1:5");
    CHECK(state.constant->transport_kind == server::TransportKind::Bosh);
    CHECK(state.constant->since == 123);
    CHECK(state.constant->identity.path == std::vector<std::string>{"a:1", "b:2"});
    CHECK(state.constant->identity.approvals == 6);
    CHECK(state.constant->identity.password == "generation");
    CHECK(state.constant->replaced == std::vector<std::uint64_t>{4, 5});
    CHECK(state.moves == 3);
    CHECK(state.token_hash == "hash");
    CHECK(state.is_active);
    CHECK_FALSE(state.is_present);
    CHECK(state.takes_copies);
    CHECK(state.priority == -7);
    CHECK(state.show == 3);
    CHECK(state.words.number == 9);
    CHECK(state.words.is_available);
    REQUIRE(state.words.rest);
    CHECK(*state.words.rest == " from='x'/>");
}

TEST_CASE("ends of sessions, marks and their answers survive the way") {
    const auto desk = *Jid::parse("alice@grid.example/desk");
    const std::string bytes = cluster::encode(cluster::Reached{{{7, desk, 1, 2, 3}, {8, desk}}});
    const auto frame = cluster::decode_directory(bytes);
    REQUIRE(frame.has_value());
    const auto* reached = std::get_if<cluster::Reached>(&*frame);
    REQUIRE(reached != nullptr);
    REQUIRE(reached->all.size() == 2);
    CHECK(reached->all[0].session == 7);
    CHECK(reached->all[0].jid == desk);
    CHECK(reached->all[0].items == 1);
    CHECK(reached->all[0].account_items == 2);
    CHECK(reached->all[0].messages == 3);
    CHECK(reached->all[1].session == 8);
    CHECK(reached->all[1].messages == 0);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(cluster::decode_directory(bytes.substr(0, size)).has_value());
    const auto mark = cluster::decode_directory(cluster::encode(cluster::Mark{5}));
    REQUIRE(mark.has_value());
    REQUIRE(std::holds_alternative<cluster::Mark>(*mark));
    CHECK(std::get<cluster::Mark>(*mark).number == 5);
    const auto seen = cluster::decode_directory(cluster::encode(cluster::Seen{6}));
    REQUIRE(seen.has_value());
    REQUIRE(std::holds_alternative<cluster::Seen>(*seen));
    CHECK(std::get<cluster::Seen>(*seen).number == 6);
}

TEST_CASE("a question how far an account is, and its answer, survive the way") {
    const std::string bytes = cluster::encode(cluster::PlaceOf{4, "alice@grid.example", 5, 77});
    const auto question = cluster::decode_directory(bytes);
    REQUIRE(question.has_value());
    REQUIRE(std::holds_alternative<cluster::PlaceOf>(*question));
    CHECK(std::get<cluster::PlaceOf>(*question).number == 4);
    CHECK(std::get<cluster::PlaceOf>(*question).account == "alice@grid.example");
    CHECK(std::get<cluster::PlaceOf>(*question).turn == 5);
    CHECK(std::get<cluster::PlaceOf>(*question).session == 77);
    const std::string answer_bytes = cluster::encode(cluster::Place{4, {8, 9}});
    const auto answer = cluster::decode_directory(answer_bytes);
    REQUIRE(answer.has_value());
    REQUIRE(std::holds_alternative<cluster::Place>(*answer));
    CHECK(std::get<cluster::Place>(*answer).number == 4);
    CHECK(std::get<cluster::Place>(*answer).found.items == 8);
    CHECK(std::get<cluster::Place>(*answer).found.cared_to == 9);
    for (const std::string& whole : {bytes, answer_bytes}) {
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK_FALSE(cluster::decode_directory(whole.substr(0, size)).has_value());
        CHECK_FALSE(cluster::decode_directory(whole + "x").has_value());
    }
}

TEST_CASE("words about a session that moves survive the way") {
    const auto sent = [](const cluster::DirectoryFrame& frame) {
        const auto read = cluster::decode_directory(cluster::encode(frame));
        REQUIRE(read.has_value());
        return *read;
    };
    cluster::Fetch fetch;
    fetch.number = 4;
    fetch.wanted = {77, "token", 12, "192.0.2.1:5", server::TransportKind::WebSocket, {}};
    fetch.wanted.identity.key = "key";
    const auto wanted = std::get<cluster::Fetch>(sent(fetch));
    CHECK(wanted.number == 4);
    CHECK(wanted.wanted.session == 77);
    CHECK(wanted.wanted.token == "token");
    CHECK(wanted.wanted.handled == 12);
    CHECK(wanted.wanted.address == "192.0.2.1:5");
    CHECK(wanted.wanted.transport_kind == server::TransportKind::WebSocket);
    CHECK(wanted.wanted.identity.key == "key");
    const auto piece = std::get<cluster::Piece>(sent(cluster::Piece{4, true, "bytes"}));
    CHECK(piece.is_last);
    CHECK(piece.bytes == "bytes");
    const auto stays = std::get<cluster::Stays>(sent(cluster::Stays{4, {"conflict", 9}, {}}));
    CHECK(stays.failure.condition == "conflict");
    CHECK(stays.failure.handled == 9U);
    CHECK_FALSE(stays.sent);
    CHECK(std::get<cluster::Stays>(sent(cluster::Stays{4, {}, 6})).sent == 6U);
    CHECK(std::get<cluster::Leave>(sent(cluster::Leave{5})).number == 5);
    const auto moved = std::get<cluster::MovedHere>(sent(cluster::MovedHere{4, 77, 8}));
    CHECK(moved.number == 4);
    CHECK(moved.session == 77);
    CHECK(moved.told_to == 8);
    CHECK(std::get<cluster::Ended>(sent(cluster::Ended{77})).session == 77);
}

TEST_CASE("a question about messages that were left unread, and its answer, survive the way") {
    const auto sent = [](const cluster::DirectoryFrame& frame) {
        const auto read = cluster::decode_directory(cluster::encode(frame));
        REQUIRE(read.has_value());
        return *read;
    };
    const server::UnreadShared unread{
        "bob@grid.example", 77, 5, {{1'000, "h1"}, {2'000, "h2"}}, {false, true}
    };
    const auto question = std::get<cluster::WhoHas>(sent(cluster::WhoHas{3, unread}));
    CHECK(question.number == 3);
    CHECK(question.unread.account == unread.account);
    CHECK(question.unread.session == 77);
    CHECK(question.unread.turn == 5);
    CHECK(question.unread.messages == unread.messages);
    CHECK(question.unread.were_for_one == unread.were_for_one);
    const auto answer = std::get<cluster::Has>(sent(cluster::Has{3, true, {true, false, true}}));
    CHECK(answer.number == 3);
    CHECK(answer.has_moved);
    CHECK(answer.found == std::vector<bool>{true, false, true});
}

TEST_CASE("a frame that is cut off or too long is none") {
    const server::FetchRequest wanted{77, "token", 1, "a", server::TransportKind::Bosh, {}};
    for (const cluster::DirectoryFrame& frame :
         {cluster::DirectoryFrame(cluster::States{{full_state()}}),
          cluster::DirectoryFrame(cluster::Fetch{1, wanted}),
          cluster::DirectoryFrame(cluster::Piece{1, true, "x"}),
          cluster::DirectoryFrame(cluster::Stays{1, {"conflict", 2}, 3}),
          cluster::DirectoryFrame(
              cluster::WhoHas{1, {"bob@grid.example", 7, 2, {{1'000, "h"}}, {true}}}
          ),
          cluster::DirectoryFrame(cluster::Has{1, false, {true, false}}),
          cluster::DirectoryFrame(cluster::MovedHere{1, 2, 3})}) {
        const std::string whole = cluster::encode(frame);
        for (std::size_t size = 0; size < whole.size(); ++size)
            CHECK_FALSE(cluster::decode_directory(whole.substr(0, size)).has_value());
        CHECK_FALSE(cluster::decode_directory(whole + "x").has_value());
    }
    CHECK_FALSE(cluster::decode_directory("\x7f").has_value());
}

TEST_CASE("a stanza keeps what its delivery rests on") {
    cluster::StanzaFrame frame;
    frame.number = 12;
    auto stanza = server::Outgoing::relayed(
        std::make_shared<const std::string>("<message/>"), 1'700'000'000'000, true
    );
    stanza.is_copied = true;
    frame.content = cluster::ToSession{8, *Jid::parse("bob@grid.example/x"), stanza};
    const auto back = cluster::decode_stanza(cluster::encode(frame));
    REQUIRE(back.has_value());
    CHECK(back->number == 12);
    const auto* one = std::get_if<cluster::ToSession>(&back->content);
    REQUIRE(one != nullptr);
    CHECK(one->session == 8);
    CHECK(one->jid.str() == "bob@grid.example/x");
    CHECK(*one->stanza.text == "<message/>");
    CHECK(one->stanza.sent_at() == 1'700'000'000'000);
    CHECK(one->stanza.is_relayed);
    CHECK(one->stanza.is_shared);
    CHECK(one->stanza.is_copied);
    CHECK(one->stanza.kind == server::StanzaKind::Message);
    const std::string whole = cluster::encode(frame);
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_FALSE(cluster::decode_stanza(whole.substr(0, size)).has_value());
}

TEST_CASE("a query and a packet of a stream in band are told apart, and keep who asks whom") {
    for (const std::string text : {"<iq id='q'/>", "<message id='q'/>"}) {
        cluster::StanzaFrame frame;
        frame.number = 3;
        frame.content =
            server::ForwardedQuery{5,   8,    *Jid::parse("bob@grid.example/x"),        {},
                                   "q", true, std::make_shared<const std::string>(text)};
        const std::string whole = cluster::encode(frame);
        const auto back = cluster::decode_stanza(whole);
        REQUIRE(back.has_value());
        const auto* query = std::get_if<server::ForwardedQuery>(&back->content);
        REQUIRE(query != nullptr);
        CHECK(query->asker == 5);
        CHECK(query->answerer == 8);
        CHECK(query->is_counted);
        CHECK(query->is_packet() == text.starts_with("<message"));
        CHECK(whole[8] == (query->is_packet() ? 3 : 2));
    }
}

TEST_CASE("numbers of sessions tell their member, and fit into a double") {
    const std::uint64_t first = cluster::first_session_of(0x123456789abcdef0);
    CHECK(first < (std::uint64_t{1} << 52U));
    CHECK(cluster::is_session_of(0x123456789abcdef0, first + 1));
    CHECK_FALSE(cluster::is_session_of(0x123456789abcdef1, first + 1));
}

}   // namespace directory_frames_test
