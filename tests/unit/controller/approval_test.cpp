// tests/unit/controller/approval_test.cpp: rules by which registrations are approved (S36, S37).
#include "controller/accounts/approval.hpp"

#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/state.hpp"

namespace approval_test {

using namespace grid::controller;
using grid::test::GridStage;

namespace {

std::vector<ApprovalRule> rules(const std::vector<std::string>& texts) {
    std::vector<ApprovalRule> parsed;
    for (const auto& text : texts) {
        auto rule = parse_approval_rule(text);
        INFO(text);
        REQUIRE(rule.has_value());
        parsed.push_back(std::move(*rule));
    }
    return parsed;
}

CertificateFacts facts() {
    CertificateFacts facts;
    facts.authorities = {"aa11", "bb22"};
    facts.issuers = {"Branch CA"};
    facts.organizations = {"Example Corp"};
    facts.units = {"Sensors", "Berlin"};
    facts.names = {"xmpp:probe7@grid.example", "dns:probe7.example"};
    return facts;
}

bool meets(const std::string& text) { return approvals_of(rules({text}), facts()) == 1; }

const Account* account(GridStage& stage, const std::string& jid = "probe@grid.example") {
    return stage.controller().state_for_admin().accounts.find(jid);
}

GridStage ruled(const std::vector<std::string>& texts) {
    auto settings = GridStage::default_settings();
    settings.approve = rules(texts);
    return GridStage(settings);
}

std::string register_with(const std::string& params) {
    return "<iq xmlns='jabber:client' type='set' id='r' to='controller.grid.example'>"
           "<grid xmlns='gi' type='request'><AccountQuery xmlns='com.domain.gi.gcl.controller'>"
           "<register>" +
           params + "</register></AccountQuery></grid></iq>";
}

std::string group(const std::string& name) { return "<param name='group'>" + name + "</param>"; }

}   // namespace

TEST_CASE("S36: a rule's conditions hold for the certificate, all kinds, any value of a kind") {
    CHECK(meets("-> everyone"));
    CHECK(meets("o=Example Corp -> g"));
    CHECK(meets("o = Example* ; ou=Ber??n -> g"));
    CHECK(meets("ou=Munich; ou=Berlin -> g"));
    CHECK(meets("ca=bb22 -> g"));
    CHECK(meets("issuer=Branch CA -> g"));
    CHECK(meets("san=xmpp:probe*@grid.example -> g"));
    CHECK(meets("san=dns:*.example -> ask"));
    CHECK_FALSE(meets("o=Example Corp; ou=Munich -> g"));
    CHECK_FALSE(meets("o=example corp -> g"));   // as the certificate spells it
    CHECK_FALSE(meets("ca=cc33 -> g"));
    CHECK_FALSE(meets("san=probe* -> g"));
    CHECK_FALSE(meets("san=email:* -> g"));
    // A field that the certificate lacks matches no pattern, not even `*`.
    CHECK(approvals_of(rules({"o=* -> g"}), CertificateFacts{}) == 0);
}

TEST_CASE("S36: what is no rule is refused with a reason") {
    const auto why = [](const std::string& text) {
        auto rule = parse_approval_rule(text);
        return rule ? std::string() : rule.error();
    };
    CHECK(why("o=Example") == "a rule is CONDITION; … -> GROUP; …, or -> ask");
    CHECK_THAT(why("cn=x -> g"), Catch::Contains("no condition"));
    CHECK_THAT(why("o -> g"), Catch::Contains("no condition"));
    CHECK_THAT(why("o= -> g"), Catch::Contains("no pattern"));
    CHECK_THAT(why("o=x ->"), Catch::Contains("no name of a group"));
    CHECK_THAT(why("o=x -> a;;b"), Catch::Contains("no name of a group"));
    CHECK_THAT(why("o=x -> *"), Catch::Contains("group=PATTERN"));
    CHECK_THAT(why("o=x -> administrators"), Catch::Contains("gridctl"));
    CHECK_THAT(why(std::string(2000, 'x') + " -> g"), Catch::Contains("1024"));
    CHECK(why("group=S-* -> *; sensors").empty());
}

TEST_CASE("S37: the first rule that fits decides; each group that is asked for must be allowed") {
    const auto all = rules({
        "ou=Guests -> ask",
        "group=S-*; group=T -> *; sensors",
        "o=Example Corp -> everyone",
    });
    using Names = std::vector<std::string>;
    const auto of = [&](std::uint64_t bits, const Names& wished) {
        const Claims claims{wished, {}};
        return approve_by_rule(all, bits, &claims);
    };
    CHECK_FALSE(of(0b001, {"S-1"})->is_approved);
    CHECK(of(0b110, {"S-1", "T"})->groups == Names{"sensors", "S-1", "T"});
    CHECK(of(0b110, {"S-1", "U"})->groups == Names{"everyone"});
    CHECK(of(0b110, {})->groups == Names{"everyone"});
    CHECK_FALSE(of(0b010, {"U"}).has_value());
    CHECK_FALSE(of(0b000, {"S-1"}).has_value());
    CHECK_FALSE(of(0b010, {"administrators"}).has_value());
    const Claims greedy{{"administrators"}, {}};
    CHECK_FALSE(approve_by_rule(rules({"group=* -> *"}), 1, &greedy).has_value());
    // At a login nothing is known of wishes: what looks at them waits, and what comes after too.
    CHECK_FALSE(approve_by_rule(all, 0b110, nullptr)->is_approved);
    CHECK(approve_by_rule(all, 0b100, nullptr)->is_approved);
}

TEST_CASE("S36: a certificate that a rule is about is registered at its first login") {
    GridStage stage = ruled({"ou=Sensors -> sensors"});
    auto shown = GridStage::identity("probe@grid.example");
    REQUIRE(stage.connects_as("probe@grid.example/x", shown));
    CHECK(account(stage) == nullptr);   // no rule is about this one
    shown.approvals = 1;
    REQUIRE(stage.connects_as("probe@grid.example/y", shown));
    REQUIRE(account(stage) != nullptr);
    CHECK(account(stage)->state == AccountState::Enabled);
    CHECK(account(stage)->groups == Groups{"sensors"});
    CHECK(account(stage)->approved_by == "rule ou=Sensors -> sensors");
}

TEST_CASE("S37: what a client says of itself counts once, and only when no person looked at it") {
    GridStage stage = ruled({"-> everyone"});
    auto shown = GridStage::identity("probe@grid.example");
    shown.approvals = 1;
    REQUIRE(stage.connects_as("probe@grid.example/x", shown));
    const auto says = [&](const std::string& device) {
        const auto answer = stage.sends(
            "probe@grid.example/x", register_with("<param name='deviceType'>" + device + "</param>")
        );
        CHECK(answer.attr_or("type", "") == "result");
    };
    says("sensor");
    CHECK(account(stage)->claimed_device == "sensor");
    CHECK(account(stage)->device_type.empty());   // no person took it, nor a rule that names it
    says("firewall");
    CHECK(account(stage)->claimed_device == "sensor");
    CHECK(account(stage)->groups == Groups{"everyone"});
    // Approved by a person: what it did not say then it cannot say now.
    stage.member("desk@grid.example/x", R"(["everyone"])");
    stage.sends("desk@grid.example/x", register_with("<param name='deviceType'>firewall</param>"));
    CHECK(account(stage, "desk@grid.example")->device_type.empty());
    CHECK(account(stage, "desk@grid.example")->claimed_device.empty());
}

namespace {

std::string says_device(const std::string& device) {
    return register_with("<param name='deviceType'>" + device + "</param>");
}

}   // namespace

TEST_CASE("found A12: a device type counts for the policy when a rule names it, or a person took it"
) {
    GridStage stage = ruled({"ou=Sensors; device=sensor-* -> sensors", "-> everyone"});
    stage.policy("allow any publish any device sensor-*\n");
    const auto may_publish = [&](const std::string& full) {
        return stage.controller()
            .check(stage.principal(full), grid::pubsub::Right::Publish, "t", "")
            .allowed;
    };
    // By a rule that does not look at it: a wish, and none for the policy.
    auto shown = GridStage::identity("a@grid.example");
    shown.approvals = 2;
    REQUIRE(stage.connects_as("a@grid.example/x", shown));
    stage.sends("a@grid.example/x", says_device("sensor-1"));
    CHECK(account(stage, "a@grid.example")->claimed_device == "sensor-1");
    CHECK_FALSE(may_publish("a@grid.example/x"));
    // By one that names it.
    auto sensor = GridStage::identity("b@grid.example");
    sensor.approvals = 3;
    REQUIRE(stage.connects_as("b@grid.example/x", sensor));
    CHECK(account(stage, "b@grid.example") == nullptr);   // the rule waits for what it says
    stage.sends("b@grid.example/x", says_device("sensor-2"));
    REQUIRE(account(stage, "b@grid.example") != nullptr);
    CHECK(account(stage, "b@grid.example")->device_type == "sensor-2");
    CHECK(account(stage, "b@grid.example")->groups == Groups{"sensors"});
    CHECK(may_publish("b@grid.example/x"));
    stage.sends("b@grid.example/x", says_device("sensor-3"));
    CHECK(account(stage, "b@grid.example")->device_type == "sensor-2");
    // Or an administrator says so.
    stage.administrator("root@grid.example");
    CHECK(
        stage
            .rest(
                "root@grid.example", "PATCH", "/accounts/a@grid.example",
                R"({"device_type":"sensor-9"})"
            )
            .first == 200
    );
    CHECK(may_publish("a@grid.example/x"));
}

TEST_CASE("found A12: an approval is of what was looked at") {
    GridStage stage;
    stage.administrator("root@grid.example");
    const auto approve = [&](const std::string& name, const std::string& body) {
        return stage.rest(
            "root@grid.example", "POST", "/accounts/" + name + "@grid.example/approve", body
        );
    };
    const auto registers = [&](const std::string& name, const std::string& device) {
        const std::string full = name + "@grid.example/x";
        if (stage.principal(full).session == 0) REQUIRE(stage.connects(full));
        stage.sends(full, says_device(device));
    };
    // An administrator who approves takes the type that was given at registration.
    registers("a", "printer");
    CHECK(approve("a", "{}").first == 200);
    CHECK(account(stage, "a@grid.example")->device_type == "printer");
    // A type given later, while the account waits, must be named.
    for (const std::string& first : {std::string("printer"), std::string()}) {
        const std::string name = first.empty() ? "c" : "b";
        registers(name, first);
        registers(name, "siem");
        const auto refused = approve(name, "{}");
        CHECK(refused.first == 409);
        CHECK(refused.second.find("now says 'siem'") != std::string::npos);
        CHECK(account(stage, name + "@grid.example")->state == AccountState::Pending);
        CHECK(approve(name, R"({"device_type":"printer"})").first == 200);
        CHECK(account(stage, name + "@grid.example")->device_type == "printer");
    }
}

TEST_CASE("S37: who waits may still change what it asks for, and a rule that fits then lets it in"
) {
    GridStage stage = ruled({"group=S-* -> *"});
    auto shown = GridStage::identity("probe@grid.example");
    shown.approvals = 1;
    REQUIRE(stage.connects_as("probe@grid.example/x", shown));
    CHECK(account(stage) == nullptr);
    stage.sends("probe@grid.example/x", register_with(group("Other")));
    CHECK(account(stage)->state == AccountState::Pending);
    CHECK(account(stage)->wished == Groups{"Other"});
    stage.sends("probe@grid.example/x", register_with(group("S-2") + group("S-1")));
    CHECK(account(stage)->state == AccountState::Enabled);
    CHECK(account(stage)->groups == Groups{"S-1", "S-2"});
    CHECK(account(stage)->slot == 0);
}

TEST_CASE("S42: a pinned account takes its key only, whoever asks") {
    GridStage stage;
    stage.member("probe@grid.example/x", R"(["everyone"])");
    const auto with_key = [](const std::string& key) {
        auto shown = GridStage::identity("probe@grid.example");
        shown.key = key;
        return shown;
    };
    const std::string a(64, 'a'), b(64, 'b');
    const auto patch = [&](const std::string& pin) {
        return stage
            .rest(
                "root@grid.example", "PATCH", "/accounts/probe@grid.example",
                R"({"key_pin":")" + pin + "\"}"
            )
            .first;
    };
    CHECK(patch("current") == 409);   // no key was seen yet
    CHECK(patch("xyz") == 400);
    CHECK(patch(std::string(64, 'A')) == 400);
    REQUIRE(stage.connects_as("probe@grid.example/y", with_key(a)));
    CHECK(account(stage)->key == a);
    CHECK(patch("current") == 200);
    CHECK(account(stage)->key_pin == a);
    CHECK(
        stage.control.closed.back() ==
        std::pair<std::string, std::string>{"probe@grid.example", "reset"}
    );
    CHECK(stage.controller().admit(with_key(b)).kind == Admission::Kind::OtherKey);
    CHECK_THAT(
        stage.controller().admit(with_key(b)).text, Catch::Contains("pinned to another key")
    );
    CHECK(stage.controller().admit(with_key(a)).kind == Admission::Kind::Enter);
    // A newer certificate with another key does not take the account over by enrolling either.
    auto newer = with_key(b);
    newer.not_before += 1000;
    if (auto enrolment = stage.controller().enrolment(newer)) {
        const auto context = stage.context(grid::pubsub::Principal::system());
        CHECK(enrolment->decide(context).error() != nullptr);
    }
    CHECK(account(stage)->key == a);
    CHECK(patch("") == 200);
    CHECK(stage.connects_as("probe@grid.example/z", newer));
    CHECK(account(stage)->key == b);
}

TEST_CASE("account records of the first version are read, and written anew with their key") {
    Account old;
    old.jid = "probe@grid.example";
    old.state = AccountState::Enabled;
    old.anchor = "ca";
    old.groups = {"everyone"};
    std::string bytes = encode(old);
    bytes.resize(bytes.size() - 7);   // three empty texts, and what versions 3 and 4 have
    bytes[0] = 1;
    const auto read = decode_account(old.jid, bytes, 7);
    REQUIRE(read.has_value());
    CHECK(read->groups == old.groups);
    CHECK(read->created == 7);
    CHECK(read->key_pin.empty());
    bytes[0] = 5;
    CHECK_FALSE(decode_account(old.jid, bytes, 7).has_value());
}

}   // namespace approval_test
