// tests/unit/server/cluster/shared_test.cpp: a message that sessions on several members had, and
// left unread, goes on once.
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "members_stage.hpp"
#include "server/clock.hpp"

namespace shared_test {

using grid::test::Guest;
using grid::test::MembersStage;
namespace cluster = grid::server::cluster;

namespace {

const std::string account = "bob@grid.example";

cluster::DirectorySettings soon_over() {
    cluster::DirectorySettings settings;
    settings.patience = std::chrono::milliseconds(150);
    return settings;
}

/// bob's sessions on the members 0, 1 and 2, as many as are wanted; carol writes from member 2.
class Shared {
public:
    explicit Shared(std::size_t sessions = 2, cluster::DirectorySettings settings = {})
        : stage(3, settings) {
        stage.joins();
        carol = stage.comes(2, "carol", "desk");
        for (std::size_t at = 0; at < sessions; ++at) {
            bob.push_back(stage.comes(at, "bob", "at" + std::to_string(at)));
            stage.manages(at, bob.back());
        }
    }

protected:
    void says(const std::string& text, const std::string& to = account) {
        stage.sends(
            2, carol,
            "<message type='chat' id='m' to='" + to + "'><body>" + text + "</body></message>"
        );
        carol.hears();
    }
    /// A session whose client has read nothing ends; what follows from that waits for `runs`.
    void begins_to_end(std::size_t member, const Guest& guest) {
        auto& core = stage.core(member);
        core.detach(guest.session, guest.session->attachment, false, [](auto) {});
        core.leave(guest.session, guest.session->attachment, "the test", {});
    }
    void ends(std::size_t member) {
        begins_to_end(member, bob[member]);
        stage.runs();
    }
    std::size_t asking() {
        std::size_t found = 0;
        for (std::size_t at = 0; at < 3; ++at) found += stage.core(at).router().asking();
        return found;
    }
    /// Messages that wait for bob; the members of this stage have a store each.
    std::size_t waiting() {
        REQUIRE(stage.waits([&] { return asking() == 0; }));
        stage.runs();   // the message is stored
        std::size_t found = 0;
        for (std::size_t at = 0; at < 3; ++at) {
            const auto* waits = std::as_const(stage.core(at).controller()).offline().find(account);
            if (waits != nullptr) found += waits->messages.size();
        }
        return found;
    }

    MembersStage stage;
    Guest carol;
    std::vector<Guest> bob;
};

class SharedByThree : public Shared {
public:
    SharedByThree() : Shared(3) {}
};

class HadByOne : public Shared {
public:
    HadByOne() : Shared(1) {}
};

class SharedInHaste : public Shared {
public:
    SharedInHaste() : Shared(2, soon_over()) {}
};

}   // namespace

TEST_CASE_METHOD(Shared, "two sessions on two members end at once: what both left waits once") {
    for (const std::size_t count : {1UL, 3UL}) {
        for (std::size_t i = 0; i < count; ++i) says(std::to_string(i));
    }
    begins_to_end(0, bob[0]);
    begins_to_end(1, bob[1]);
    stage.runs();
    CHECK(waiting() == 4);
}

TEST_CASE_METHOD(Shared, "two sessions on two members end one after the other") {
    says("once");
    ends(0);
    CHECK(waiting() == 0);
    ends(1);
    CHECK(waiting() == 1);
}

TEST_CASE_METHOD(SharedByThree, "three sessions on three members end in any order, or at once") {
    const auto order = GENERATE(
        std::vector<std::size_t>{0, 1, 2}, std::vector<std::size_t>{2, 1, 0},
        std::vector<std::size_t>{1, 2, 0}
    );
    const bool is_at_once = GENERATE(true, false);
    says("once");
    for (const std::size_t member : order) {
        begins_to_end(member, bob[member]);
        if (!is_at_once) stage.runs();
    }
    stage.runs();
    CHECK(waiting() == 1);
}

TEST_CASE_METHOD(Shared, "a message on its way to sessions that have ended goes on once") {
    says("there", bob[0].jid());
    begins_to_end(0, bob[0]);
    begins_to_end(1, bob[1]);
    // The member of carol does not know yet that the two are gone.
    stage.sends(
        2, carol, "<message type='chat' id='m' to='" + account + "'><body>late</body></message>"
    );
    CHECK(waiting() == 2);
}

TEST_CASE_METHOD(Shared, "a session that is resumed has the message, which waits nowhere") {
    says("once");
    const std::string token = bob[1].session->management->token;
    stage.loses(1, bob[1]);
    begins_to_end(0, bob[0]);
    const auto resumed = stage.asks_to_resume(2, "bob", token, 0);
    REQUIRE(stage.waits([&] { return resumed->is_answered; }));
    REQUIRE(resumed->guest.session);
    CHECK(waiting() == 0);
    CHECK(resumed->guest.hears_all().find("once") != std::string::npos);
    begins_to_end(2, resumed->guest);
    stage.runs();
    CHECK(waiting() == 1);
}

TEST_CASE_METHOD(SharedInHaste, "a member that does not answer holds no message for long") {
    says("once");
    stage.cuts(0, 1);
    ends(0);
    CHECK(asking() == 1);
    CHECK(waiting() == 1);
    // The other one ends later, and hears that the message was handed on.
    stage.connects(0, 1);
    ends(1);
    CHECK(waiting() == 1);
}

TEST_CASE_METHOD(Shared, "members are asked again when they are connected again") {
    says("once");
    stage.cuts(0, 1);
    ends(0);
    ends(1);
    CHECK(asking() == 2);
    stage.connects(0, 1);
    CHECK(asking() == 0);
    CHECK(waiting() == 1);
}

TEST_CASE_METHOD(Shared, "a stop waits for no answer, and keeps what nobody answered for") {
    says("once");
    stage.cuts(0, 1);
    stage.cuts(0, 2);
    ends(0);
    CHECK(asking() == 1);
    bool is_stopped = false;
    stage.core(0).stop([&] { is_stopped = true; });
    CHECK(stage.waits([&] { return is_stopped; }));
    CHECK(waiting() == 1);
}

TEST_CASE_METHOD(Shared, "other members are asked about no message that is not shared") {
    says("one", bob[0].jid());
    stage.runs();
    begins_to_end(0, bob[0]);
    std::size_t most = 0;
    while (stage.context.poll_one() != 0) most = std::max(most, asking());
    stage.context.restart();
    CHECK(most == 0);
    CHECK(bob[1].hears_all().find("one") != std::string::npos);
}

TEST_CASE_METHOD(Shared, "a session that is there now and was not then has not had the message") {
    const Guest third = stage.binds(2, "bob", "third");
    says("once");
    const auto said = grid::server::now();
    REQUIRE(stage.waits([&] { return grid::server::now() > said; }));
    stage.sends(2, third, "<presence/>");
    CHECK(third.hears_all().find("once") == std::string::npos);
    ends(0);
    CHECK(waiting() == 0);
    ends(1);
    CHECK(waiting() == 0);
    CHECK(third.hears_all().find("once") != std::string::npos);
}

/// Before its presence the new session counts nothing, and may break.
TEST_CASE_METHOD(HadByOne, "a message for one resource waits when that is bound elsewhere") {
    stage.loses(0, bob[0]);
    stage.sends(
        2, carol,
        "<message type='normal' id='m' to='bob@grid.example/at0'><body>single</body></message>"
    );
    const Guest after = stage.binds(1, "bob", "at0");
    CHECK(waiting() == 1);
    CHECK(carol.hears_all().find("type='error'") == std::string::npos);
    CHECK(after.hears().empty());
}

/// The message went to others as a copy alone (XEP-0280): a session that takes none has not had it.
TEST_CASE_METHOD(Shared, "a message for one resource that it left is not lost for another one") {
    const bool takes_copies = GENERATE(false, true);
    const Guest third = stage.comes(2, "bob", "third");   // without stream management
    const std::string copies = "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>";
    stage.sends(1, bob[1], copies);
    if (takes_copies) stage.sends(2, third, copies);
    third.hears();
    says("single", bob[0].jid());
    CHECK((third.hears_all().find("single") != std::string::npos) == takes_copies);
    const auto order = GENERATE(0UL, 1UL);
    ends(order);
    ends(1 - order);
    CHECK(waiting() == 0);
    CHECK((third.hears_all().find("single") != std::string::npos) != takes_copies);
}

}   // namespace shared_test
