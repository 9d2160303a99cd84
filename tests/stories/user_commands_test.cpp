// tests/stories/user_commands_test.cpp: administration of users by XEP-0133.
#include "commands_stage.hpp"

namespace user_commands_test {

using namespace grid::test;
namespace xml = grid::xml;

TEST_CASE_METHOD(Commands, "XEP-0133 4.1-4.4: add, disable, re-enable and delete a user") {
    CHECK(
        fill(
            root, admin_command("add-user"),
            field("accountjid", {"new@grid.example"}) + field("x-grid#group", {"makers"})
        )
            .status == "completed"
    );
    CHECK(state_of("new@grid.example") == "enabled");
    CHECK(connects("new@grid.example/n"));
    CHECK(
        fill(root, admin_command("add-user"), field("accountjid", {"new@grid.example"})).error() ==
        "cancel conflict"
    );
    CHECK(
        fill(root, admin_command("add-user"), field("accountjid", {"new@elsewhere.example"}))
            .error() == "modify bad-request malformed-request"
    );
    CHECK(
        fill(
            root, admin_command("add-user"),
            field("accountjid", {"p@grid.example"}) + field("password", {"secret"})
        )
            .error() == "cancel not-allowed"
    );
    CHECK(state_of("p@grid.example") == "init");
    CHECK(
        run(root, command(admin_command("change-user-password"))).error() == "cancel not-allowed"
    );
    control = {};
    const std::string both = field("accountjids", {"new@grid.example", "probe@grid.example"});
    CHECK(fill(root, admin_command("disable-user"), both).status == "completed");
    CHECK(state_of("new@grid.example") == "disabled");
    CHECK(state_of("probe@grid.example") == "disabled");
    // 4.3: "MUST result in the termination of any active sessions".
    CHECK(
        control.closed ==
        decltype(control.closed
        ){{"new@grid.example", "policy-violation"}, {"probe@grid.example", "policy-violation"}}
    );
    CHECK_FALSE(connects("new@grid.example/n"));
    CHECK(fill(root, admin_command("reenable-user"), both).status == "completed");
    CHECK(state_of("new@grid.example") == "enabled");
    CHECK(
        fill(root, admin_command("delete-user"), field("accountjids", {"new@grid.example"}))
            .status == "completed"
    );
    CHECK(state_of("new@grid.example") == "init");
    for (const char* name : {"delete-user", "disable-user", "reenable-user"}) {
        CHECK(
            fill(root, admin_command(name), field("accountjids", {"new@grid.example"})).error() ==
            "cancel item-not-found"
        );
        CHECK(
            fill(root, admin_command(name), field("accountjids", {"new@grid.example/x"})).error() ==
            "modify bad-request bad-payload"
        );
    }
    CHECK(
        fill(root, admin_command("disable-user"), field("accountjids", {"root@grid.example"}))
            .error() == "cancel not-allowed"
    );
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.5: end-user-session ends one session or all of an account") {
    REQUIRE(connects("probe@grid.example/y"));
    CHECK(
        fill(root, admin_command("end-user-session"), field("accountjids", {probe})).status ==
        "completed"
    );
    CHECK(control.closed == decltype(control.closed){{probe, "policy-violation"}});
    control = {};
    CHECK(
        fill(root, admin_command("end-user-session"), field("accountjids", {"probe@grid.example"}))
            .status == "completed"
    );
    CHECK(control.closed == decltype(control.closed){{"probe@grid.example", "policy-violation"}});
    CHECK(
        fill(root, admin_command("end-user-session"), field("accountjids", {"no@grid.example"}))
            .error() == "cancel item-not-found"
    );
    CHECK(
        rest("root@grid.example", "GET", "/audit", "", "operation=end-session")
            .second.find(R"("target":"probe@grid.example")") != std::string::npos
    );
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.13-4.22: counts and lists of users") {
    waits("one@grid.example/1");
    REQUIRE(
        fill(root, admin_command("disable-user"), field("accountjids", {"probe@grid.example"}))
            .status == "completed"
    );
    sessions.table.begin()->second.is_active = true;   // the administrator's
    CHECK(
        run(root, command(admin_command("get-registered-users-num"))).value("registeredusersnum") ==
        "3"
    );
    CHECK(
        run(root, command(admin_command("get-disabled-users-num"))).value("disabledusersnum") == "1"
    );
    CHECK(run(root, command(admin_command("get-online-users-num"))).value("onlineusersnum") == "1");
    using Names = std::vector<std::string>;
    CHECK(
        run(root, command(admin_command("get-registered-users-list")))
            .values("registereduserjids") ==
        Names{"one@grid.example", "probe@grid.example", "root@grid.example"}
    );
    CHECK(
        run(root, command(admin_command("get-disabled-users-list"))).values("disableduserjids") ==
        Names{"probe@grid.example"}
    );
    CHECK(
        run(root, command(admin_command("get-online-users-list"))).values("onlineuserjids") ==
        Names{"root@grid.example"}
    );
    CHECK(
        run(root,
            command(admin_command("get-registered-users-list"), submit(field("max_items", {"2"}))))
            .values("registereduserjids") == Names{"one@grid.example", "probe@grid.example"}
    );
    CHECK(
        run(root,
            command(admin_command("get-registered-users-list"), submit(field("max_items", {"x"}))))
            .error() == "modify bad-request bad-payload"
    );
}

TEST_CASE("XEP-0133 4.18: a list that is longer than a page asks how many to show") {
    auto settings = GridStage::default_settings();
    settings.page_max = 2;
    GridStage stage(settings);
    stage.member("a@grid.example/x", "[]");
    stage.member("b@grid.example/x", "[]");
    const Answer asked(stage.sends(root, command(admin_command("get-registered-users-list"))));
    CHECK(asked.status == "executing");
    REQUIRE(asked.form.field("max_items") != nullptr);
    const Answer some(stage.sends(
        root, command(
                  admin_command("get-registered-users-list"), submit(field("max_items", {"none"})),
                  asked.session
              )
    ));
    CHECK(some.status == "completed");
    CHECK(some.values("registereduserjids").size() == 2);
    CHECK(some.count == "3");
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.9: statistics of a user") {
    const Answer stats =
        fill(root, admin_command("user-stats"), field("accountjid", {"probe@grid.example"}));
    CHECK(stats.status == "completed");
    CHECK(stats.values("onlineresources") == std::vector<std::string>{"x"});
    CHECK(stats.values("ipaddresses") == std::vector<std::string>{"192.0.2.1"});
    CHECK(stats.value("x-grid#state") == "enabled");
    CHECK(
        fill(root, admin_command("user-stats"), field("accountjid", {"no@grid.example"})).error() ==
        "cancel item-not-found"
    );
}

TEST_CASE_METHOD(Commands, "XEP-0133 4.23: an announcement goes to those who are online") {
    for (auto& [id, view] : sessions.table) view.is_active = view.jid.str() == probe;
    CHECK(
        fill(
            root, admin_command("announce"),
            field("announcement", {"Down at &lt;noon>.", "Bye."}) +
                field("subject", {"Maintenance"})
        )
            .status == "completed"
    );
    REQUIRE(control.sent.size() == 1);
    CHECK(control.sent[0].to == std::vector<std::string>{probe});
    CHECK(
        control.sent[0].message.find("<body>Down at &lt;noon>.\nBye.</body>") != std::string::npos
    );
    CHECK(control.sent[0].message.find("<subject>Maintenance</subject>") != std::string::npos);
    CHECK(
        fill(root, admin_command("announce"), field("announcement", {" "})).error() ==
        "modify bad-request bad-payload"
    );
    // The text of the announcement is not kept in the audit.
    const auto found = rest("root@grid.example", "GET", "/audit", "", "operation=announce");
    CHECK(found.second.find("root@grid.example") != std::string::npos);
    CHECK(found.second.find("noon") == std::string::npos);
}

}   // namespace user_commands_test
