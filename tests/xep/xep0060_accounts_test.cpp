// tests/xep/xep0060_accounts_test.cpp: nodes of accounts: who is told without a subscription, what
// one account may do at another's, and how they keep out of the broker's way (XEP-0060 §9,
// XEP-0163).
#include "stage.hpp"

namespace xep0060_accounts_test {

using grid::test::config_form;
using grid::test::pubsub_ns;
using grid::test::Stage;
using grid::xml::Jid;

namespace {

const std::string juliet = "juliet@grid.example", at_balcony = juliet + "/balcony";
const std::string romeo = "romeo@grid.example", at_orchard = romeo + "/orchard";
const std::string tune = "http://jabber.org/protocol/tune";

class AccountStage : public Stage {
protected:
    AccountStage() {
        contacts.is_there = true;
        contacts.known.insert({juliet, romeo});
        policy.rule = [](auto, auto, auto) { return false; };   // rules speak of topics
        restart();
    }
    void asks(
        const std::string& who,
        const std::string& whom,
        const std::string& type,
        const std::string& inner,
        const std::string& suffix = ""
    ) {
        sends(
            who, "<iq type='" + type + "' id='1' to='" + whom + "'><pubsub xmlns='" + pubsub_ns +
                     suffix + "'>" + inner + "</pubsub></iq>"
        );
    }
    void is_done(const std::string& who, const std::string& whom) {
        receives(who, "<iq type='result' id='1' from='" + whom + "'>...</iq>");
    }
    void plays(const std::string& node, const std::string& id, const std::string& fields = "") {
        asks(at_balcony, juliet, "set", publish(node, id) + options(fields));
        is_done(at_balcony, juliet);
    }
    static std::string publish(const std::string& node, const std::string& id) {
        return "<publish node='" + node + "'><item id='" + id + "'><tune xmlns='" + tune +
               "'/></item></publish>";
    }
    static std::string options(const std::string& fields) {
        if (fields.empty()) return {};
        std::string form = config_form(fields);
        const std::string from = "node_config";
        return "<publish-options>" + form.replace(form.find(from), from.size(), "publish-options") +
               "</publish-options>";
    }
    void hears(const std::string& who, const std::string& node, const std::string& id) {
        receives(
            who, "<message type='headline' from='" + juliet + "' to='" + who + "'><event xmlns='" +
                     pubsub_ns + "#event'><items node='" + node + "'><item id='" + id +
                     "'>...</item></items></event></message>"
        );
    }
    std::size_t lasts(const std::string& full, const std::string& node) {
        return engine()
            .last_items(
                *Jid::parse(juliet), *Jid::parse(full),
                [&](std::string_view name) { return name == node; }
            )
            .size();
    }
    void refuses(
        const std::string& who,
        const std::string& type,
        const std::string& condition,
        const std::string& application = ""
    ) {
        error(who, "1", type, condition, application);
    }
};

}   // namespace

TEST_CASE_METHOD(
    AccountStage,
    "9.1 auto-subscribe: an account is told of its own nodes, and of those whose presence it gets",
    "[9.1]"
) {
    contacts.wishes = {{at_balcony, tune}, {at_orchard, tune}, {"tybalt@grid.example/x", tune}};
    plays(tune, "one");
    hears(at_balcony, tune, "one");
    hears(at_orchard, tune, "one");
    receives_nothing("tybalt@grid.example/x");
    contacts.known.clear();
    plays(tune, "two");
    hears(at_balcony, tune, "two");
    receives_nothing(at_orchard);
}

TEST_CASE_METHOD(
    AccountStage,
    "9.1 presence-subscribe: the access model has its say, and a subscription of its own goes "
    "before",
    "[9.1]"
) {
    contacts.wishes = {{at_orchard, tune}, {at_orchard, "private"}};
    plays("private", "one", "access_model=whitelist");
    receives_nothing(at_orchard);
    plays(tune, "one");
    hears(at_orchard, tune, "one");
    asks(at_orchard, juliet, "set", "<subscribe node='" + tune + "' jid='" + romeo + "'/>");
    is_done(at_orchard, juliet);
    forget();
    plays(tune, "two");
    hears(romeo, tune, "two");
    receives_nothing(at_orchard);
    contacts.apart.insert({juliet, romeo});   // the policy, or a block list
    plays(tune, "three");
    receives_nothing(romeo);
    receives_nothing(at_orchard);
}

TEST_CASE_METHOD(
    AccountStage, "9.2 filtered-notifications: clients are told of what they ask for alone", "[9.2]"
) {
    contacts.wishes = {{at_orchard, "other"}, {romeo + "/tomb", tune}};
    plays(tune, "one");
    hears(romeo + "/tomb", tune, "one");
    receives_nothing(at_orchard);
    receives_nothing(at_balcony);
}

TEST_CASE_METHOD(
    AccountStage, "12.2 last-published: the last item is for those who become available", "[12.2]"
) {
    plays(tune, "one");
    plays("never", "one", "send_last_published_item=never");
    plays("hidden", "one", "access_model=whitelist");
    CHECK(lasts(at_orchard, tune) == 1);
    CHECK(lasts(at_orchard, "never") == 0);
    CHECK(lasts(at_orchard, "hidden") == 0);
    CHECK(lasts(at_balcony, "hidden") == 1);
    const auto items = engine().last_items(
        *Jid::parse(juliet), *Jid::parse(at_orchard), [](std::string_view) { return true; }
    );
    REQUIRE(items.size() == 1);
    const auto message =
        engine().last_item_message(items.front(), *Jid::parse(at_orchard), "<tune/>");
    REQUIRE(message.has_value());
    CHECK(message->rest->find("from='" + juliet + "'") != std::string::npos);
    CHECK(message->rest->find("urn:xmpp:delay") != std::string::npos);
    SECTION("not one that was replaced meanwhile") { plays(tune, "one"); }
    SECTION("nor one that was retracted") {
        asks(at_balcony, juliet, "set", "<retract node='" + tune + "'><item id='one'/></retract>");
        is_done(at_balcony, juliet);
    }
    SECTION("nor one that the account may not have any more") {
        contacts.apart.insert({juliet, romeo});
    }
    CHECK_FALSE(
        engine().last_item_message(items.front(), *Jid::parse(at_orchard), "<tune/>").has_value()
    );
}

TEST_CASE_METHOD(
    AccountStage, "XEP-0163 an account's nodes are its own, in a name space of its own"
) {
    policy.rule = nullptr;
    plays(tune, "one");
    creates("owner@grid.example/x", tune);
    CHECK(engine().node_count() == 1);
    CHECK(engine().nodes_of_account(juliet).size() == 1);
    CHECK(engine().nodes("", 10).size() == 1);
    CHECK(engine().published_by(juliet, 10).empty());
    sends(
        at_balcony,
        "<iq type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>"
    );
    receives(
        at_balcony,
        "<iq type='result' id='1'><query xmlns='http://jabber.org/protocol/disco#items'><item "
        "jid='pubsub.grid.example' node='" +
            tune + "'/></query></iq>"
    );
    asks(at_balcony, juliet, "get", "<items node='" + tune + "'/>");
    receives(
        at_balcony, "<iq type='result' from='" + juliet + "'><pubsub xmlns='" + pubsub_ns +
                        "'><items node='" + tune +
                        "'><item id='one'>...</item></items></pubsub></iq>"
    );
    restart();
    CHECK(engine().nodes_of_account(juliet).size() == 1);
    asks(at_balcony, juliet, "set", "<create node='a/0123456789abcdef'/>");   // of no topic
    is_done(at_balcony, juliet);
    asks(at_balcony, juliet, "set", "<create/>");
    const auto answer = next(at_balcony);
    const auto* create = answer.first_child()->first_child();
    REQUIRE(create != nullptr);
    CHECK(create->attr_or("node", "").starts_with("instant-"));
    CHECK(engine().nodes_of_account(juliet).size() == 3);
}

TEST_CASE_METHOD(AccountStage, "XEP-0163 what other accounts may do there") {
    plays(tune, "one");
    plays("private", "one", "access_model=whitelist");
    SECTION("a contact reads what it may") {
        asks(at_orchard, juliet, "get", "<items node='" + tune + "'/>");
        is_done(at_orchard, juliet);
        asks(at_orchard, juliet, "get", "<items node='private'/>");
        refuses(at_orchard, "cancel", "not-allowed", "closed-node");
        asks(at_orchard, juliet, "get", "<items node='none'/>");
        refuses(at_orchard, "cancel", "item-not-found");
        asks(at_orchard, juliet, "set", publish(tune, "two"));
        refuses(at_orchard, "auth", "forbidden");
        asks(at_orchard, juliet, "set", publish("new", "two"));
        refuses(at_orchard, "auth", "forbidden");
        asks(at_orchard, juliet, "set", "<delete node='" + tune + "'/>", "#owner");
        refuses(at_orchard, "auth", "forbidden");
    }
    SECTION("to a stranger there is no account") {
        contacts.known.clear();
        for (const std::string& inner :
             {"<items node='" + tune + "'/>", std::string("<items node='private'/>"),
              std::string("<items node='none'/>")}) {
            asks(at_orchard, juliet, "get", inner);
            refuses(at_orchard, "cancel", "service-unavailable");
        }
        asks(at_orchard, juliet, "set", publish(tune, "two"));
        refuses(at_orchard, "cancel", "service-unavailable");
    }
    SECTION("nor is an administrator another") {
        policy.administrators.insert(romeo);
        asks(at_orchard, juliet, "get", "<items node='private'/>");
        refuses(at_orchard, "cancel", "not-allowed", "closed-node");
        asks(at_orchard, juliet, "set", "<delete node='" + tune + "'/>", "#owner");
        refuses(at_orchard, "auth", "forbidden");
    }
    SECTION("publish-options are conditions of a node that is there") {
        asks(at_balcony, juliet, "set", publish("private", "2") + options("access_model=open"));
        refuses(at_balcony, "cancel", "conflict", "precondition-not-met");
    }
    SECTION("an account has no collections, archives and commands") {
        asks(
            at_balcony, juliet, "set",
            "<create node='c'/><configure>" + config_form("node_type=collection") + "</configure>"
        );
        refuses(at_balcony, "cancel", "feature-not-implemented", "unsupported collections");
        sends(
            at_balcony, "<iq type='set' id='1' to='" + juliet +
                            "'><query xmlns='urn:xmpp:mam:2' node='" + tune + "'/></iq>"
        );
        refuses(at_balcony, "cancel", "feature-not-implemented", "unsupported collections");
    }
}

TEST_CASE_METHOD(AccountStage, "XEP-0163 bounds of an account's nodes") {
    auto settings = default_settings();
    settings.personal.nodes_per_account_max = 2;
    settings.personal.item_bytes_max = 100;
    settings.personal.bytes_per_account_max = 120;
    restart(settings);
    plays("a", "one");
    plays("b", "one");
    asks(at_balcony, juliet, "set", publish("c", "one"));
    refuses(at_balcony, "wait", "resource-constraint");
    asks(at_balcony, juliet, "set", publish("a", "one") + options("max_items=5"));
    refuses(at_balcony, "cancel", "conflict", "precondition-not-met");
    const std::string big(50, 'x');
    const auto publishes_big = [&](const std::string& node, const std::string& text) {
        asks(
            at_balcony, juliet, "set",
            "<publish node='" + node + "'><item id='one'><t xmlns='" + tune + "'>" + text +
                "</t></item></publish>"
        );
    };
    publishes_big("a", std::string(100, 'x'));
    refuses(at_balcony, "modify", "not-acceptable", "payload-too-big");
    publishes_big("a", "12345");
    is_done(at_balcony, juliet);
    publishes_big("b", big);
    refuses(at_balcony, "wait", "resource-constraint");
}

}   // namespace xep0060_accounts_test
