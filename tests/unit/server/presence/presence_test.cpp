// tests/unit/server/presence/presence_test.cpp: broadcasts to many contacts: in order, the newest
// presence alone where several wait, and again where a reader was too slow.
#include "server/presence/presence.hpp"

#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../delivery/open_world.hpp"
#include "controller/contacts/exchange.hpp"
#include "enabled_accounts.hpp"
#include "fake_transport.hpp"
#include "storage/memory_store.hpp"

namespace presence_test {

using grid::server::SessionPtr;
using grid::test::anchor;
using grid::test::controller_settings;
using grid::test::FakeTransport;
using grid::test::identity_of;
namespace contacts = grid::controller::contacts;
namespace controller = grid::controller;
namespace server = grid::server;
namespace storage = grid::storage;

namespace {

constexpr const char* policy = "allow group administrators to message any\n";
constexpr std::size_t crowd = 1'000;

grid::pubsub::Settings broker_settings() {
    grid::pubsub::Settings settings;
    settings.service = *grid::xml::Jid::parse("pubsub.grid.example");
    return settings;
}

/// Sessions of enabled accounts; work that is posted waits for `run`.
class PresenceStage {
public:
    PresenceStage() {
        controller_.attach(broker_);
        memory_.start([this](const std::vector<storage::FeedEntry>& entries) { follow(entries); });
        grid::test::submit(memory_, controller_.bootstrap(policy, {}));
    }

    SessionPtr comes(const std::string& full, std::size_t outbox_bytes_max = 256 * 1024) {
        auto session = std::make_shared<server::Session>();
        session->id = ++last_session_;
        session->jid = *grid::xml::Jid::parse(full);
        session->bare = session->jid.bare();
        grid::test::enable(controller_, memory_, session->bare);
        session->identity =
            std::make_shared<const controller::Identity>(identity_of(session->bare));
        session->principal.jid = session->jid;
        session->principal.session = session->id;
        session->principal.issuer = anchor;
        session->budget = std::make_shared<server::Budget>(outbox_bytes_max);
        session->transport = std::make_shared<FakeTransport>(session->budget, session->jid);
        SessionPtr replaced;
        REQUIRE(sessions_.enter(session, replaced));
        session->is_active = true;
        return session;
    }
    /// The session is available; its walk waits.
    void says(const SessionPtr& session, const std::string& show) {
        presence.announce(
            session, " from='" + session->jid.str() + "'><show>" + show + "</show></presence>", {}
        );
    }
    void run() {
        while (!posted_.empty()) {
            const auto work = std::move(posted_.front());
            posted_.pop_front();
            work();
        }
        fanout_.flush();
    }
    /// A second later.
    void ticks() {
        now_ += std::chrono::seconds(1);
        presence.tick(now_);
    }
    static FakeTransport& transport(const SessionPtr& session) {
        return static_cast<FakeTransport&>(*session->transport);
    }
    /// The `<show/>` of each presence of that one that the session got since the last call.
    static std::vector<std::string> hears(const SessionPtr& session, const SessionPtr& of) {
        std::vector<std::string> shows;
        for (const std::string& stanza : transport(session).take()) {
            if (stanza.find("from='" + of->jid.str() + "'") == std::string::npos) continue;
            const auto at = stanza.find("<show>");
            shows.push_back(
                at == std::string::npos ? "unavailable"
                                        : stanza.substr(at + 6, stanza.find("</show>") - at - 6)
            );
        }
        return shows;
    }
    void befriends(const SessionPtr& one, const SessionPtr& other) {
        for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)})
            for (const auto& [who, whom, kind] :
                 {std::tuple(from, to, contacts::Kind::Subscribe),
                  std::tuple(to, from, contacts::Kind::Subscribed)}) {
                contacts::Exchange wanted{who->bare.str(), whom->bare.str(), {kind}};
                wanted.exists = wanted.may_send = wanted.may_answer = true;
                auto change = contacts::exchange(controller_.rosters(), {}, wanted);
                REQUIRE(change.has_value());
                memory_.submit(1, {}, std::move(change->batch));   // without its event: in silence
            }
    }

private:
    void follow(const std::vector<storage::FeedEntry>& entries) {
        for (const auto& entry : entries)
            for (const storage::KeyChange& change : grid::test::changes_of(entry))
                controller_.apply(change);
    }

    storage::MemoryStore memory_;
    server::SessionRegistry sessions_{10};
    controller::Controller controller_{controller_settings(), sessions_};
    grid::test::AllowAll policy_;
    grid::test::Strangers strangers_;
    grid::pubsub::Broker broker_{broker_settings(), policy_, strangers_};
    server::Log log_{server::LogSettings{"off", "text"}};
    server::FlushLimiter flush_limiter_{[] {}};
    server::Fanout fanout_{broker_, controller_, sessions_, flush_limiter_, log_};
    std::deque<std::function<void()>> posted_;
    std::uint64_t last_session_ = 0;
    std::chrono::steady_clock::time_point now_;

    std::function<void(std::function<void()>)> post_ = [this](std::function<void()> work) {
        posted_.push_back(std::move(work));
    };
    server::Interests interests_;
    server::LastItems last_items_{post_, memory_, controller_, broker_, interests_, fanout_, log_};

public:
    server::Presence presence{post_,   controller_, broker_,    sessions_,
                              fanout_, interests_,  last_items_};
};

using Shows = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(PresenceStage, "presence: a thousand contacts hear the newest, and in order") {
    const SessionPtr ann = comes("ann@grid.example/a");
    std::vector<SessionPtr> others;
    for (std::size_t i = 0; i < crowd; ++i) {
        others.push_back(comes("c" + std::to_string(i) + "@grid.example/x"));
        befriends(ann, others.back());
        says(others.back(), "chat");
    }
    run();
    says(ann, "dnd");
    run();
    for (const SessionPtr& other : others) REQUIRE(hears(other, ann) == Shows{"dnd"});
    // Initial presence brings theirs.
    CHECK(transport(ann).traffic("presence").stanzas == crowd + 1);

    SECTION("what waits gives way to what is said after it") {
        for (int i = 0; i < 100; ++i) {
            says(ann, i % 2 == 0 ? "away" : "xa");
            run();
        }
        CHECK(hears(others.front(), ann).empty());   // a thousand stanzas at once, and a pause
        ticks();
        run();
        for (const SessionPtr& other : others) REQUIRE(hears(other, ann) == Shows{"xa"});
    }
    SECTION("an end that is followed by a new beginning is passed over") {
        presence.withdraw(ann);
        says(ann, "away");
        ticks();
        run();
        for (const SessionPtr& other : others) REQUIRE(hears(other, ann) == Shows{"away"});
    }
    SECTION("the end comes last") {
        says(ann, "away");
        presence.withdraw(ann);
        presence.forget(*ann);
        ticks();
        run();
        for (const SessionPtr& other : others) REQUIRE(hears(other, ann) == Shows{"unavailable"});
    }
}

TEST_CASE_METHOD(PresenceStage, "presence: a session that does not read keeps its stream") {
    const SessionPtr ann = comes("ann@grid.example/a");
    const SessionPtr slow = comes("slow@grid.example/s", 4'096);
    befriends(ann, slow);
    says(slow, "chat");
    says(ann, "chat");
    run();
    transport(slow).take();
    transport(slow).is_fast = false;
    for (int i = 0; i < 200; ++i) {
        says(ann, "away");
        run();
    }
    CHECK(transport(slow).closed().empty());
    const std::size_t held = transport(slow).take().size();
    CHECK(held < 100);   // the rest was left out
    says(ann, "xa");
    run();
    CHECK(hears(slow, ann).empty());
    ticks();
    run();
    CHECK(hears(slow, ann).empty());   // there is no room yet
    transport(slow).read_all();
    ticks();
    run();
    CHECK(hears(slow, ann) == Shows{"xa"});   // and not what it missed in between
}

}   // namespace presence_test
