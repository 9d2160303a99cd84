// tests/unit/server/delivery/managed_test.cpp: sessions with stream management: what is kept until
// it is acknowledged, and what comes from the store (XEP-0198).
#include <algorithm>
#include <catch2/catch.hpp>

#include "catch_up_stage.hpp"
#include "server/session/management_words.hpp"

namespace managed_test {

using namespace grid::test;
using grid::server::Management;
using grid::server::Outgoing;
using grid::server::Session;
using grid::server::SessionPtr;

namespace {

constexpr const char* desk = "desk@grid.example/1";
constexpr const char* bare = "desk@grid.example";

struct ManagedStage : CatchUpStage {
    SessionPtr managed(std::size_t outbox_bytes_max = 64 * 1024) {
        auto session = comes(desk, true, outbox_bytes_max);
        session->management = std::make_unique<Management>(session->budget);
        session->management->token = "t";
        return session;
    }
    /// A node, and the desk subscribed to it.
    SessionPtr subscribed(std::size_t outbox_bytes_max = 64 * 1024) {
        creates("n");
        auto session = managed(outbox_bytes_max);
        subscribes(desk, "n", bare);
        return is_live(session);
    }
    SessionPtr is_live(SessionPtr session) {
        catch_up(session);
        acknowledges(session);
        items(session);
        return session;
    }
    static void acknowledges(const SessionPtr& session) {
        auto& unacked = session->management->unacked;
        unacked.acknowledge(unacked.sent_count());
    }
    static void breaks(const SessionPtr& session) {
        session->transport = nullptr;
        session->state = Session::State::Hibernating;
    }
    void resumes(const SessionPtr& session) {
        session->transport = std::make_shared<FakeTransport>(session->budget, session->jid);
        session->state = Session::State::Connected;
        fanout.send_again(session, grid::server::sm::resumed("t", 0));
        catch_up_of_all.resumed(session);
        fanout.flush();
    }
    /// The session's time is over.
    void ends(const SessionPtr& session) {
        leaves(session, {true, 0, session->management->unacked.owed_from()});
    }
};

}   // namespace

TEST_CASE_METHOD(ManagedStage, "what was acknowledged is the delivery position", "[managed]") {
    const auto session = subscribed();
    for (const auto* id : {"a", "b", "c", "d"}) publishes("n", id);
    CHECK(items(session) == Ids{"a", "b", "c", "d"});
    auto& unacked = session->management->unacked;
    CHECK(unacked.kept().size() == 4);
    CHECK(session->budget->used() == unacked.bytes());
    unacked.acknowledge(unacked.sent_count() - 2);
    ends(session);
    const auto next = comes("desk@grid.example/2");
    catch_up(next);
    CHECK(items(next) == Ids{"c", "d"});
}

TEST_CASE_METHOD(
    ManagedStage, "a hibernating session is sent what it lacks, in order", "[managed]"
) {
    const auto session = subscribed();
    publishes("n", "a");
    publishes("n", "b");
    breaks(session);
    publishes("n", "c");
    auto& unacked = session->management->unacked;
    CHECK(unacked.kept().size() == 3);
    unacked.acknowledge(unacked.sent_count() - 2);
    resumes(session);
    CHECK(
        transport(session).stanzas().front() == "<resumed xmlns='urn:xmpp:sm:3' previd='t' h='0'/>"
    );
    publishes("n", "d");
    CHECK(items(session) == Ids{"b", "c", "d"});
}

TEST_CASE_METHOD(
    ManagedStage, "an item to which the right has ended leaves its number alone", "[managed]"
) {
    creates("other&apos;s");
    const auto session = subscribed();
    subscribes(desk, "other&apos;s", bare);
    breaks(session);
    publishes("n", "a");
    publishes("other&apos;s", "b");
    asks(desk, "<unsubscribe node='n' jid='desk@grid.example'/>");
    const std::size_t kept = session->management->unacked.kept().size();
    resumes(session);
    const auto sent = transport(session).stanzas();
    REQUIRE(sent.size() == 1 + kept);
    const std::string empty = "<message to='desk@grid.example' from='pubsub.grid.example'/>";
    CHECK(std::ranges::count(sent, empty) == 1);
    CHECK(items(session) == Ids{"b"});
}

TEST_CASE_METHOD(
    ManagedStage, "what does not fit while a session hibernates comes from the store", "[managed]"
) {
    const auto session = subscribed();
    breaks(session);
    Ids published;
    for (int i = 0; i < 40; ++i) {
        published.push_back("i" + std::to_string(i));
        publishes("n", published.back(), 5'000);
    }
    auto& unacked = session->management->unacked;
    CHECK(unacked.bytes() > 16 * 1024);
    CHECK(session->budget->used() <= 32 * 1024);   // half of it: the rest is for answers
    CHECK(session->replay != nullptr);
    CHECK(session->pending.empty());
    resumes(session);
    Ids came = items(session);
    CHECK(came.size() == unacked.kept().size());
    for (int reads = 0; session->replay && reads < 100; ++reads) {
        acknowledges(session);
        turn();
        if (!store.waiting.empty()) run_read();
        context.run_one_for(std::chrono::milliseconds(20));
        for (auto& id : items(session)) came.push_back(std::move(id));
    }
    CHECK(came == published);
    publishes("n", "live");
    CHECK(items(session) == Ids{"live"});
}

TEST_CASE_METHOD(
    ManagedStage,
    "a client that does not acknowledge is not closed: items wait in the store",
    "[managed]"
) {
    const auto session = subscribed();
    for (int i = 0; i < 40; ++i) publishes("n", "i" + std::to_string(i), 5'000);
    CHECK(transport(session).closed().empty());
    CHECK(session->budget->used() <= 32 * 1024);
    // Answers still go out; the oldest stanzas are forgotten for that.
    for (int i = 0; i < 40; ++i) {
        fanout.send(
            session,
            Outgoing::whole(
                grid::server::StanzaKind::Iq,
                std::make_shared<const std::string>("<iq>" + std::string(4'000, 'a') + "</iq>")
            )
        );
        fanout.flush();
    }
    CHECK(transport(session).closed().empty());
    CHECK(session->budget->used() <= 64 * 1024);
}

TEST_CASE_METHOD(
    ManagedStage, "what comes while a stream that was replaced ends is not its own", "[managed]"
) {
    ends(subscribed());
    for (const bool is_asked : {false, true}) {
        const auto before = is_live(managed());
        publishes("n", "read");
        acknowledges(before);
        items(before);
        is_replaced(before);
        publishes("n", "between");
        if (is_asked) catch_up_of_all.note_acknowledged(before);
        CHECK(items(before).empty());
        ends(before);
        const auto after = managed();
        catch_up(after);
        CHECK(items(after) == Ids{"between"});
        acknowledges(after);
        ends(after);
    }
}

TEST_CASE_METHOD(
    ManagedStage, "what comes while a session whose rights ended leaves is not its own", "[managed]"
) {
    const auto before = subscribed();
    before->is_ended = true;
    fanout.presence_changed(before->bare);
    publishes("n", "between");
    CHECK(items(before).empty());
    ends(before);
    const auto after = managed();
    catch_up(after);
    CHECK(items(after) == Ids{"between"});
}

TEST_CASE_METHOD(ManagedStage, "a client is asked to acknowledge", "[managed]") {
    const std::string request = "<r xmlns='urn:xmpp:sm:3'/>";
    const auto session = subscribed(4 * 1024 * 1024);
    const auto asked = [&] {
        const auto sent = transport(session).take();
        return std::count(sent.begin(), sent.end(), request);
    };
    const auto start = std::chrono::steady_clock::now();
    publishes("n", "a");
    CHECK(asked() == 0);
    fanout.ask_for_acks(start);
    fanout.flush();
    CHECK(asked() == 1);   // idle, and not all is acknowledged
    fanout.ask_for_acks(start + std::chrono::seconds(2));
    fanout.flush();
    CHECK(asked() == 0);   // asked before
    acknowledges(session);
    session->management->heard();
    fanout.ask_for_acks(start + std::chrono::seconds(4));
    fanout.flush();
    CHECK(asked() == 0);   // all is acknowledged
    for (int i = 0; i < 300; ++i) publishes("n", "i" + std::to_string(i));
    CHECK(asked() == 1);   // among so many at once
    fanout.ask_for_acks(start + std::chrono::hours(1));
    CHECK(transport(session).closed() == "connection-timeout");
}

TEST_CASE_METHOD(ManagedStage, "a digest is sent to a session that hibernates, too", "[managed]") {
    creates("n");
    const auto session = managed();
    subscribes(
        desk, "n", bare,
        "<field var='pubsub#digest'><value>1</value></field>"
        "<field var='pubsub#digest_frequency'><value>60000</value></field>"
    );
    catch_up(session);
    acknowledges(session);
    publishes("n", "a");
    breaks(session);
    publishes("n", "b");
    digests_leave();
    CHECK(session->management->unacked.kept().size() == 1);
    resumes(session);
    CHECK(items(session) == Ids{"a", "b"});
}

}   // namespace managed_test
