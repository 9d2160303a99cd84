// tests/stories/commands_test.cpp: ad-hoc commands at the controller: who may, stages, errors
// (XEP-0050).
#include "commands_stage.hpp"
#include "controller/commands/command.hpp"

namespace commands_test {

using namespace grid::test;
namespace commands = grid::controller::commands;
using grid::controller::Role;
namespace xml = grid::xml;

namespace {

/// The commands of the tables that are in the list of an account with that access.
std::size_t offered(Role most) {
    std::size_t count = 0;
    for (const auto& table : commands::all_commands())
        for (const commands::Command& command : table)
            count += command.listed == commands::Command::Listed::Always &&
                             least_role(command.act) <= most
                         ? 1U
                         : 0U;
    return count;
}

}   // namespace

TEST_CASE_METHOD(Commands, "S82: commands are listed for whom they are there (XEP-0050 2.2)") {
    const std::string list = "http://jabber.org/protocol/commands";
    const auto all = sends(root, disco("items", list));
    const auto few = sends(probe, disco("items", list));
    CHECK(all.first_child()->children("item").size() == offered(Role::Administrator));
    REQUIRE(few.first_child()->children("item").size() == offered(Role::Member));
    CHECK(few.first_child()->children("item")[0]->attr_or("node", "") == own("my-account"));
    // Each of them can be asked about, and executed.
    for (const xml::Element* item : all.first_child()->children("item")) {
        const std::string node(item->attr_or("node", ""));
        INFO(node);
        CHECK(item->attr_or("jid", "") == "controller.grid.example");
        const auto info = sends(root, disco("info", node));
        REQUIRE(info.attr_or("type", "") == "result");
        const xml::Element* identity = info.first_child()->child("identity");
        CHECK(identity->attr_or("category", "") == "automation");
        CHECK(identity->attr_or("type", "") == "command-node");
        const auto items = sends(root, disco("items", node));
        CHECK(items.attr_or("type", "") == "result");
        CHECK(items.first_child()->first_child() == nullptr);
        CHECK(node != admin_command("change-user-password"));   // there are no passwords
        CHECK(run(root, command(node)).error().empty());
    }
    CHECK(
        sends(root, disco("info", list)).first_child()->child("identity")->attr_or("type", "") ==
        "command-list"
    );
    CHECK(sends(probe, disco("items", "account")).attr_or("type", "") == "result");
    for (const char* kind : {"info", "items"})
        CHECK(Answer(sends(probe, disco(kind, own("stats")))).error() == "cancel forbidden");
    const auto info = sends(
        probe,
        "<iq xmlns='jabber:client' id='d' type='get' to='controller.grid.example'>"
        "<query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    bool is_announced = false;
    for (const xml::Element* feature : info.first_child()->children("feature"))
        is_announced = is_announced || feature->attr_or("var", "") == list;
    CHECK(is_announced);
}

TEST_CASE_METHOD(Commands, "S12: who is no administrator is forbidden every command, on record") {
    const auto all = sends(root, disco("items", "http://jabber.org/protocol/commands"));
    std::size_t refused = 0;
    for (const xml::Element* item : all.first_child()->children("item")) {
        const std::string node(item->attr_or("node", ""));
        if (node == own("my-account") || node == own("is-authorized")) continue;
        CHECK(run(probe, command(node)).error() == "cancel forbidden");
        ++refused;
    }
    CHECK(refused == offered(Role::Administrator) - offered(Role::Member));
    later(2'000);
    const auto found =
        rest("root@grid.example", "GET", "/audit", "", "operation=administration&decision=deny");
    // Folded by the rule, which names the role that was needed.
    std::size_t on_record = 0;
    const std::string count = "\"count\":";
    for (auto at = found.second.find(count); at != std::string::npos;
         at = found.second.find(count, at + 1))
        on_record += std::stoul(found.second.substr(at + count.size()));
    CHECK(on_record == refused);
    // The role is asked for at every stage, not only at the first.
    const Answer asked = run(root, command(own("topic-delete")));
    make_topic("alerts");
    const auto demoted = rest(
        "root@grid.example", "POST", "/accounts",
        R"({"jid": "other@grid.example", "groups": ["administrators"]})"
    );
    REQUIRE(demoted.first == 201);
    REQUIRE(connects("other@grid.example/o"));
    REQUIRE(
        fill(
            "other@grid.example/o", own("account-group"),
            field("accountjid", {"root@grid.example"}) + field("x-grid#group", {"makers"})
        )
            .status == "completed"
    );
    CHECK(
        run(root,
            command(own("topic-delete"), submit(field("pubsub#node", {"alerts"})), asked.session))
            .error() == "cancel forbidden"
    );
}

TEST_CASE_METHOD(Commands, "XEP-0050 4.4: each error of the table") {
    const std::string approve = own("account-approve");
    CHECK(run(root, command("nothing")).error() == "cancel item-not-found");
    CHECK(run(root, command("")).error() == "modify bad-request");
    CHECK(
        run(root, command(approve, "", "", "jump")).error() == "modify bad-request malformed-action"
    );
    for (const char* action : {"prev", "next", "complete"})
        CHECK(
            run(root, command(approve, "", "", action)).error() == "modify bad-request bad-action"
        );
    CHECK(
        run(root, command(approve, "", "", "cancel")).error() == "modify bad-request bad-sessionid"
    );
    CHECK(run(root, command(approve, "", "made-up")).error() == "modify bad-request bad-sessionid");
    CHECK(
        run(root, command(approve, "", "", "", " sessionid=''")).error() ==
        "modify bad-request bad-sessionid"
    );
    CHECK(
        run(root, command(approve, "", "", "", " xml:lang='fr-ca'")).error() ==
        "modify bad-request bad-locale"
    );
    CHECK(run(root, command(approve, "", "", "", " xml:lang='en-GB'")).error().empty());
    CHECK(
        run(root, command(approve, "<x xmlns='jabber:x:data' type='form'/>")).error() ==
        "modify bad-request bad-payload"
    );
    CHECK(
        run(root, command(approve, "<cheese xmlns='urn:cheese'/>")).error() ==
        "modify bad-request bad-payload"
    );
    CHECK(
        run(root, command(approve, submit("") + submit(""))).error() ==
        "modify bad-request bad-payload"
    );
    CHECK(
        run(root,
            "<iq xmlns='jabber:client' id='c' type='get' to='controller.grid.example'><command "
            "xmlns='http://jabber.org/protocol/commands' node='x'/></iq>")
            .error() == "modify bad-request"
    );

    const Answer asked = run(root, command(approve));
    CHECK(
        run(root, command(approve, "", asked.session)).error() == "modify bad-request bad-payload"
    );
    CHECK(
        run(root, command(approve, submit(""), asked.session, "next")).error() ==
        "modify bad-request bad-action"
    );
    CHECK(
        run(root, command(approve, "", asked.session, "prev")).error() ==
        "modify bad-request bad-action"
    );
    // A session id is not valid in another session, nor for another command.
    REQUIRE(connects("root@grid.example/other"));
    CHECK(
        run("root@grid.example/other", command(approve, submit(""), asked.session)).error() ==
        "modify bad-request bad-sessionid"
    );
    CHECK(
        run(root, command(own("account-decline"), submit(""), asked.session)).error() ==
        "modify bad-request bad-sessionid"
    );
    CHECK(
        run(root, command(approve, submit(field("accountjids", {})), asked.session)).error() ==
        "modify bad-request bad-payload"
    );
    // Cancelled, completed or forgotten: no longer active.
    CHECK(run(root, command(approve, "", asked.session, "cancel")).status == "canceled");
    CHECK(
        run(root, command(approve, "", asked.session, "cancel")).error() ==
        "cancel not-allowed session-expired"
    );
    const Answer done = run(root, command(own("stats")));
    REQUIRE(done.status == "completed");
    CHECK(
        run(root, command(own("stats"), submit(""), done.session)).error() ==
        "cancel not-allowed session-expired"
    );
    const Answer old = run(root, command(approve));
    later(11 * 60 * 1000);
    CHECK(
        run(root, command(approve, submit(""), old.session)).error() ==
        "cancel not-allowed session-expired"
    );
}

TEST_CASE_METHOD(Commands, "XEP-0050 3.4: next, prev and complete over the stages of a command") {
    const std::string node = own("account-group");
    const Answer first = run(root, command(node));
    REQUIRE(first.actions() != nullptr);
    CHECK(first.actions()->child("next") != nullptr);
    CHECK(first.actions()->child("prev") == nullptr);
    const Answer second = run(
        root,
        command(node, submit(field("accountjid", {"probe@grid.example"})), first.session, "next")
    );
    CHECK(second.status == "executing");
    CHECK(second.actions()->child("prev") != nullptr);
    CHECK(second.actions()->child("next") == nullptr);
    CHECK(second.values("x-grid#group") == std::vector<std::string>{"makers"});
    const Answer back = run(root, command(node, "", first.session, "prev"));
    CHECK(back.status == "executing");
    CHECK(back.value("accountjid") == "");
    run(root,
        command(node, submit(field("accountjid", {"probe@grid.example"})), first.session, "next"));
    const Answer done =
        run(root, command(
                      node, submit(field("x-grid#group", {"readers", "makers"})), first.session,
                      "complete"
                  ));
    CHECK(done.status == "completed");
    CHECK(
        rest("root@grid.example", "GET", "/accounts/probe@grid.example")
            .second.find(R"("groups":["makers","readers"])") != std::string::npos
    );
    // S39: the account's streams end.
    CHECK(control.closed == decltype(control.closed){{"probe@grid.example", "reset"}});
}

TEST_CASE_METHOD(
    Commands, "XEP-0050: a command that conflicts is decided again within its session"
) {
    const Answer asked = run(root, command(admin_command("disable-user")));
    store.conflict_next(2);
    CHECK(
        run(root, command(
                      admin_command("disable-user"),
                      submit(field("accountjids", {"probe@grid.example"})), asked.session
                  ))
            .status == "completed"
    );
    CHECK(state_of("probe@grid.example") == "disabled");
}

TEST_CASE_METHOD(Commands, "XEP-0050: sessions are bounded for each account") {
    std::vector<std::string> sessions;
    for (int i = 0; i < 9; ++i)
        sessions.push_back(run(root, command(own("account-approve"))).session);
    const std::string fields = submit(field("accountjids", {"nobody@grid.example"}));
    CHECK(
        run(root, command(own("account-approve"), fields, sessions[0])).error() ==
        "cancel not-allowed session-expired"
    );
    CHECK(
        run(root, command(own("account-approve"), fields, sessions[1])).error() ==
        "cancel item-not-found"
    );
}

}   // namespace commands_test
