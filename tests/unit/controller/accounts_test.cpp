// tests/unit/controller/accounts_test.cpp: the account state machine and its batches.
#include <array>
#include <catch2/catch.hpp>
#include <random>

#include "../../stories/grid_stage.hpp"
#include "controller/accounts/account_machine.hpp"
#include "controller/accounts/event.hpp"
#include "controller/state.hpp"

namespace accounts_test {

using namespace grid::controller;
using grid::test::GridStage;

namespace {

constexpr const char* probe = "probe@grid.example";
constexpr const char* root = "root@grid.example";

std::string register_iq(const std::string& params = {}) {
    return "<iq xmlns='jabber:client' id='r' type='set' to='controller.grid.example'>"
           "<grid xmlns='gi'><AccountQuery xmlns='com.domain.gi.gcl.controller'><register>" +
           params + "</register></AccountQuery></grid></iq>";
}

AccountState state_of(GridStage& stage, const char* jid = probe) {
    return stage.controller().state(*grid::xml::Jid::parse(jid));
}

}   // namespace

TEST_CASE("accounts: where each action leads from each state") {
    using enum AccountState;
    using A = AccountAction;
    constexpr std::optional<AccountState> no;
    struct Row {
        A action;
        std::array<std::optional<AccountState>, 4> to;   // from INIT, PENDING, ENABLED, DISABLED
    };
    const std::array rows{
        Row{A::Register, {Pending, Pending, Enabled, no}},
        Row{A::AutoRegister, {Enabled, Enabled, Enabled, no}},
        Row{A::Create, {Enabled, no, no, no}},
        Row{A::Approve, {no, Enabled, Enabled, no}},
        Row{A::Decline, {no, Disabled, no, Disabled}},
        Row{A::Disable, {no, no, Disabled, Disabled}},
        Row{A::Enable, {no, no, Enabled, Enabled}},
        Row{A::SetGroups, {no, Pending, Enabled, Disabled}},
        Row{A::Delete, {no, Init, Init, Init}},
        Row{A::Expire, {no, Init, no, no}},
    };
    REQUIRE(rows.size() == account_actions);
    for (const Row& row : rows)
        for (std::size_t from = 0; from < 4; ++from) {
            CAPTURE(to_string(row.action), from);
            CHECK(next_state(static_cast<AccountState>(from), row.action) == row.to.at(from));
        }
}

TEST_CASE("a first login takes no right away, so that no subscription is looked at for it") {
    GridStage stage;
    stage.administrator(root);
    const auto before = stage.controller().revision();
    stage.member("probe@grid.example/x", R"(["everyone"])");
    CHECK(stage.controller().revision() == before);
    CHECK(stage.rest(root, "POST", "/accounts/probe@grid.example/disable").first == 200);
    const auto disabled = stage.controller().revision();
    CHECK(disabled != before);
    CHECK(stage.rest(root, "POST", "/accounts/probe@grid.example/enable").first == 200);
    CHECK(stage.controller().revision() != disabled);
}

TEST_CASE("S38: register, wait, be approved with groups; both sides are told") {
    GridStage stage;
    stage.administrator(root);
    stage.sessions.table.begin()->second.is_active = true;
    REQUIRE(stage.connects("probe@grid.example/x"));
    CHECK(state_of(stage) == AccountState::Init);
    stage.sends(
        "probe@grid.example/x",
        register_iq("<param name='group'>siem</param><param name='group'>ops</param>"
                    "<param name='description'>a probe</param>"
                    "<param name='deviceType'>scanner</param>")
    );
    REQUIRE(state_of(stage) == AccountState::Pending);
    // The new account is pushed to the administrators, with a body, and to its own resources.
    REQUIRE(stage.control.sent.size() == 2);
    CHECK(stage.control.sent[0].to == std::vector<std::string>{"probe@grid.example/x"});
    CHECK(stage.control.sent[0].message.find("<state>pending</state>") != std::string::npos);
    CHECK(stage.control.sent[0].message.find("<body>") == std::string::npos);
    CHECK(stage.control.sent[1].to == std::vector<std::string>{std::string(root) + "/console"});
    CHECK(
        grid::test::difference(
            grid::test::parse(stage.control.sent[1].message),
            "<message from='controller.grid.example' type='normal'>"
            "<body>probe@grid.example asks to join the grid and waits for approval. It says that "
            "its "
            "device type is: scanner. It says: a probe</body>"
            "<grid xmlns='gi' type='notification'>"
            "<AccountNotification xmlns='com.domain.gi.gcl.controller'><state>pending</state>"
            "<username>probe@grid.example</username><group>ops</group><group>siem</group>"
            "</AccountNotification></grid></message>"
        ) == ""
    );
    const auto shown = stage.rest(root, "GET", "/accounts/probe@grid.example").second;
    CHECK(shown.find(R"("wished_groups":["ops","siem"])") != std::string::npos);
    CHECK(shown.find(R"("wished_device_type":"scanner")") != std::string::npos);
    CHECK(shown.find(R"("device_type":"")") != std::string::npos);
    CHECK(shown.find(R"("groups":[])") != std::string::npos);   // a wish only
    stage.control = {};
    CHECK(
        stage.rest(root, "POST", "/accounts/probe@grid.example/approve", R"({"groups":["siem"]})")
            .first == 200
    );
    CHECK(state_of(stage) == AccountState::Enabled);
    REQUIRE(stage.control.sent.size() == 1);
    CHECK(
        stage.control.sent[0].message.find("<state>enabled</state><group>siem</group>") !=
        std::string::npos
    );
    CHECK(stage.control.closed.empty());   // S43: the restriction is lifted on the live session
    CHECK(stage.control.rights_changes == 1);
}

TEST_CASE("S36: auto_approve registers at the first login, with the default groups") {
    auto settings = GridStage::default_settings();
    settings.auto_approve = true;
    GridStage stage(settings);
    REQUIRE(stage.connects("probe@grid.example/x"));
    CHECK(state_of(stage) == AccountState::Enabled);
    const auto* account = stage.controller().state_for_admin().accounts.find(probe);
    REQUIRE(account != nullptr);
    CHECK(account->groups == Groups{"everyone"});
    CHECK(account->anchor == "ca");
    // An explicit register then just succeeds, and changes nothing.
    const auto revision = stage.store.status().revision;
    const auto answer = stage.sends("probe@grid.example/x", register_iq());
    CHECK(answer.attr_or("type", "") == "result");
    CHECK(stage.store.status().revision == revision);
    CHECK(stage.admission(probe, "other").kind == Admission::Kind::OtherCertificate);
    CHECK(stage.admission(probe, "other").state == AccountState::Init);   // says nothing more
    // Nor whether the account is disabled.
    stage.administrator(root);
    stage.rest(root, "POST", "/accounts/probe@grid.example/disable");
    CHECK(stage.admission(probe, "other").kind == Admission::Kind::OtherCertificate);
    CHECK(stage.admission(probe).kind == Admission::Kind::Disabled);
    // Auto-approval never brings back who was shut out.
    CHECK_FALSE(stage.connects("probe@grid.example/x"));
}

TEST_CASE("S39: a change of groups closes the streams with reset, the others say why") {
    GridStage stage;
    stage.member("probe@grid.example/x", R"(["a"])");
    CHECK(
        stage.rest(root, "PUT", "/accounts/probe@grid.example/groups", R"({"groups":["b"]})")
            .first == 200
    );
    using Closed = std::pair<std::string, std::string>;
    CHECK(stage.control.closed == std::vector<Closed>{{probe, "reset"}});
    stage.control = {};
    // The same groups again: nothing to do, nobody is logged off.
    CHECK(
        stage.rest(root, "PUT", "/accounts/probe@grid.example/groups", R"({"groups":["b","b"]})")
            .first == 200
    );
    CHECK(stage.control.closed.empty());
    stage.rest(root, "POST", "/accounts/probe@grid.example/disable");
    CHECK(stage.control.closed == std::vector<Closed>{{probe, "policy-violation"}});
    stage.control = {};
    stage.rest(root, "POST", "/accounts/probe@grid.example/enable");
    CHECK(stage.control.closed.empty());
    CHECK(state_of(stage) == AccountState::Enabled);
    stage.rest(root, "DELETE", "/accounts/probe@grid.example");
    CHECK(stage.control.closed == std::vector<Closed>{{probe, "not-authorized"}});
    CHECK(state_of(stage) == AccountState::Init);
}

TEST_CASE("PENDING accounts are capped per trust anchor, exactly, and expire") {
    auto settings = GridStage::default_settings();
    settings.pending_per_anchor_max = 5;
    GridStage stage(settings);
    stage.administrator(root);
    const auto join = [&](int i, const char* anchor) {
        const std::string jid = "p" + std::to_string(i) + "@grid.example/x";
        REQUIRE(stage.connects(jid, anchor));
        return std::string(stage.sends(jid, register_iq()).attr_or("type", ""));
    };
    for (int i = 0; i < 5; ++i) CHECK(join(i, "ca") == "result");
    CHECK(join(5, "ca") == "error");
    CHECK(join(6, "other") == "result");   // another anchor has a cap of its own
    const auto& slots = stage.controller().state_for_admin().accounts.slots();
    CHECK(slots.taken("ca") == 5);
    // Every way out of PENDING gives the place back.
    CHECK(stage.rest(root, "POST", "/accounts/p0@grid.example/approve").first == 200);
    CHECK(slots.taken("ca") == 4);
    CHECK(stage.rest(root, "POST", "/accounts/p1@grid.example/decline").first == 200);
    CHECK(slots.taken("ca") == 3);
    CHECK(stage.rest(root, "DELETE", "/accounts/p2@grid.example").first == 200);
    CHECK(slots.taken("ca") == 2);
    CHECK(join(7, "ca") == "result");
    stage.control = {};
    stage.later(settings.pending_expire_ms - 1'000);
    CHECK(slots.taken("ca") == 3);
    stage.later(2'000);
    CHECK(slots.taken("ca") == 0);
    CHECK(state_of(stage, "p3@grid.example") == AccountState::Init);
    CHECK(state_of(stage, "p0@grid.example") == AccountState::Enabled);
    CHECK(stage.control.closed.empty());   // a client that is still there may register again
}

TEST_CASE("two registrations that pick the same place: one is decided again") {
    auto settings = GridStage::default_settings();
    settings.pending_per_anchor_max = 2;
    GridStage stage(settings);
    const auto& state = stage.controller().state_for_admin();
    const auto context = stage.context(grid::pubsub::Principal::system());
    // Decided against the same state; with two places some two of these names collide.
    std::vector<grid::storage::Batch> batches;
    for (const char* name : {"a@grid.example", "b@grid.example", "c@grid.example"}) {
        auto change = state.machine().register_client(GridStage::identity(name), {}, context);
        REQUIRE(change.has_value());
        batches.push_back(change->batch);
    }
    int accepted = 0;
    for (const auto& batch : batches) accepted += stage.commit(batch) ? 1 : 0;
    CHECK(accepted <= 2);
    CHECK(state.accounts.slots().taken("ca") == static_cast<std::size_t>(accepted));
}

TEST_CASE("account records and events survive their encoding") {
    Account account;
    account.jid = probe;
    account.state = AccountState::Pending;
    account.groups = {"a", "ö"};
    account.wished = {"w"};
    account.description = "d";
    account.device_type = "t";
    account.bind(GridStage::identity(probe));
    account.is_mapped = true;
    account.created = 5;
    account.changed = 6;
    account.changed_by = "me";
    account.slot = 3;
    account.other_anchors = {"another", "one more"};
    account.claimed_device = "claimed";
    account.claim_has_changed = true;
    CHECK(decode_account(probe, encode(account), 9) == account);
    const std::string bytes = encode(account);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
        CHECK_FALSE(decode_account(probe, bytes.substr(0, cut), 9));
    const AccountEvent event{probe, AccountState::Pending, AccountState::Enabled, true, false,
                             {"g"}};
    CHECK(decode_account_event(encode(event)) == event);
    CHECK_FALSE(decode_account_event("P"));
}

TEST_CASE("found 34: a record of version 2 is read: one anchor, and a device type that nobody took"
) {
    // As version 2 was written; the fields that are new stand behind it.
    Account account;
    account.jid = probe;
    account.state = AccountState::Enabled;
    account.bind(GridStage::identity(probe));
    account.device_type = "siem";
    account.created = account.changed = 5;
    const auto as_version_2 = [&](const std::string& approved_by) {
        account.approved_by = approved_by;
        std::string bytes = encode(account);
        REQUIRE(bytes.front() == 4);
        bytes.front() = 2;
        return decode_account(probe, std::string_view(bytes).substr(0, bytes.size() - 4), 9);
    };
    const auto by_a_person = as_version_2("root@grid.example");
    REQUIRE(by_a_person.has_value());
    CHECK(by_a_person->anchor == "ca");
    CHECK(by_a_person->other_anchors.empty());
    CHECK(by_a_person->device_type == "siem");
    const auto by_a_rule = as_version_2("rule -> everyone");
    REQUIRE(by_a_rule.has_value());
    CHECK(by_a_rule->device_type.empty());
    CHECK(by_a_rule->claimed_device == "siem");
    std::string later = encode(account);
    later.front() = 5;
    CHECK_FALSE(decode_account(probe, later, 9));
    later.front() = 3;   // without a password
    later.pop_back();
    account.approved_by = "rule -> everyone";
    CHECK(decode_account(probe, later, 9) == account);
}

TEST_CASE("no sequence of requests reaches access without certificate, approval and policy") {
    // A model of what must hold, checked after every step of random stories.
    constexpr unsigned seed = 20260101;
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    for (int story = 0; story < 20; ++story) {
        GridStage stage;
        stage.policy("allow group good publish any\n");
        stage.administrator(root);
        const std::array<std::string, 2> anchors{"ca", "other"};
        for (int step = 0; step < 40; ++step) {
            const std::string anchor = anchors.at(below(2));
            const std::string full = "probe@grid.example/" + anchor;
            const std::string path = "/accounts/probe@grid.example";
            switch (below(9)) {
                case 0:
                    stage.disconnects(full);
                    stage.connects(full, anchor);
                    break;
                case 1:
                    if (stage.principal(full).session != 0) stage.sends(full, register_iq());
                    break;
                case 2:
                    stage.rest(root, "POST", path + "/approve");
                    break;
                case 3:
                    stage.rest(root, "POST", path + "/decline");
                    break;
                case 4:
                    stage.rest(root, "POST", path + "/disable");
                    break;
                case 5:
                    stage.rest(root, "POST", path + "/enable");
                    break;
                case 6:
                    stage.rest(
                        root, "PUT", path + "/groups",
                        below(2) == 0 ? R"({"groups":["good"]})" : R"({"groups":["bad"]})"
                    );
                    break;
                case 7:
                    stage.rest(root, "DELETE", path);
                    break;
                default:
                    stage.rest(root, "POST", "/accounts", R"({"jid":"probe@grid.example"})");
            }
            const auto* account = stage.controller().state_for_admin().accounts.find(probe);
            for (const std::string& shown : anchors) {
                grid::pubsub::Principal actor = stage.principal("probe@grid.example/" + shown);
                actor.issuer = shown;
                const bool may =
                    stage.controller().check(actor, grid::pubsub::Right::Publish, "t", "").allowed;
                const bool should = account != nullptr && account->state == AccountState::Enabled &&
                                    account->anchor == shown && account->is_in("good");
                REQUIRE(may == should);
            }
        }
    }
}

}   // namespace accounts_test
