// tests/unit/controller/own_requests_test.cpp: block lists and archives, asked for by their
// account.
#include <catch2/catch.hpp>

#include "../../stories/grid_stage.hpp"
#include "controller/state.hpp"
#include "storage/codec.hpp"

namespace own_requests_test {

using namespace grid::controller;
using grid::test::difference;
using grid::test::GridStage;
using grid::xml::Element;
using grid::xml::Jid;

namespace {

const std::string anna = "anna@grid.example/a";
const Jid bare = *Jid::parse("anna@grid.example"), bert = *Jid::parse("bert@grid.example/b");

Settings with_archive() {
    Settings settings = GridStage::default_settings();
    settings.archive.messages = true;
    settings.archive.messages_max = 5;
    settings.blocked_max = 3;
    settings.page_max = 3;
    return settings;
}

struct OwnStage : GridStage {
    OwnStage() : GridStage(with_archive()) {
        policy("allow any message any\n");
        member(anna, R"(["x"])");
        member(bert.str(), R"(["x"])");
    }
    Element asks(const std::string& type, const std::string& payload) {
        return sends(
            anna, "<iq xmlns='jabber:client' id='1' to='anna@grid.example' type='" + type + "'>" +
                      payload + "</iq>"
        );
    }
    std::string condition(const std::string& type, const std::string& payload) {
        const Element answer = asks(type, payload);
        const Element* error = answer.child("error");
        return error ? error->first_child()->name() : "";
    }
    std::string blocks(const std::string& how, const std::string& items) {
        return condition(
            "set", "<" + how + " xmlns='urn:xmpp:blocking'>" + items + "</" + how + ">"
        );
    }
    std::vector<std::string> blocked() {
        std::vector<std::string> jids;
        const Element answer = asks("get", "<blocklist xmlns='urn:xmpp:blocking'/>");
        for (const auto* item : answer.first_child()->children("item"))
            jids.emplace_back(item->attr_or("jid", ""));
        return jids;
    }

    void archives(const Jid& with, int number) {
        Controller::Kept kept;
        kept.to = with;
        kept.is_archived_here = true;
        kept.id = std::string(31, '0') + std::to_string(number);
        const std::string text = "<message id='" + std::to_string(number) + "'/>";
        kept.sent = kept.received = text;
        auto batch = controller().keep_message(principal(anna), kept);
        REQUIRE(batch.has_value());
        REQUIRE(commit(std::move(*batch)));
        store.advance(1000);
    }
    static std::string query(const std::string& fields, const std::string& rsm = "") {
        return "<query xmlns='urn:xmpp:mam:2' queryid='q'><x xmlns='jabber:x:data' type='submit'>"
               "<field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>" +
               fields + "</x>" + rsm + "</query>";
    }
    static std::string field(const std::string& name, const std::string& value) {
        return "<field var='" + name + "'><value>" + value + "</value></field>";
    }
    /// The last digits of the ids that come, a `.` where the answer is the whole.
    std::string found(const std::string& fields, const std::string& rsm = "") {
        const auto iq = grid::test::parse(
            "<iq xmlns='jabber:client' type='set' id='1'>" + query(fields, rsm) + "</iq>"
        );
        auto prepared =
            controller().prepare_own({grid::xml::IqType::Set, bare, iq.first_child(), {&iq}});
        REQUIRE(prepared.has_value());
        if (!*prepared) return prepared->error().condition;
        auto decision = (*prepared)->decide(context(principal(anna)));
        if (decision.error()) return decision.error()->condition;
        if (decision.reply()) return digits(*decision.reply());
        std::vector<std::optional<grid::storage::Snapshot::Value>> values;
        const auto snapshot = store.snapshot();
        for (const auto& key : decision.read()->keys)
            values.push_back(*snapshot->get(key.family, key.key));
        return digits(std::get<1>(decision.read()->finish(std::move(values))));
    }
    static std::string digits(const grid::pubsub::Reply& reply) {
        std::string text;
        for (const Element& message : reply.messages) {
            const Element* result = message.first_child();
            CHECK(result->attr_or("queryid", "") == "q");
            const Element* inner = result->first_child()->nodes().back().is_text()
                                       ? nullptr
                                       : &result->first_child()->nodes().back();
            REQUIRE(inner != nullptr);
            CHECK(result->attr_or("id", "").back() == inner->attr_or("id", "").back());
            text += result->attr_or("id", "").back();
        }
        return text + (reply.payload->attr_or("complete", "") == "true" ? "." : "");
    }
};

std::string rsm(const std::string& inside) {
    return "<set xmlns='http://jabber.org/protocol/rsm'>" + inside + "</set>";
}
std::string id(int number) { return std::string(31, '0') + std::to_string(number); }

}   // namespace

TEST_CASE_METHOD(
    OwnStage, "blocking: a list grows and shrinks, and its sessions hear of it", "[blocking]"
) {
    CHECK(blocked().empty());
    CHECK(blocks("block", "<item jid='BERT@grid.example'/><item jid='carl@grid.example'/>") == "");
    CHECK(blocked() == std::vector<std::string>{"bert@grid.example", "carl@grid.example"});
    REQUIRE(control.pushed.size() == 1);
    CHECK(control.pushed[0].first == "anna@grid.example");
    CHECK(
        difference(
            control.pushed[0].second,
            "<block xmlns='urn:xmpp:blocking'><item jid='bert@grid.example'/>"
            "<item jid='carl@grid.example'/></block>"
        ) == ""
    );
    CHECK(controller().is_blocked(bare, bert));
    CHECK_FALSE(controller().is_blocked(bert.bare(), bare));
    CHECK(blocks("unblock", "<item jid='bert@grid.example'/>") == "");
    CHECK_FALSE(controller().is_blocked(bare, bert));
    CHECK(blocks("unblock", "") == "");
    CHECK(blocked().empty());
    CHECK(difference(control.pushed.back().second, "<unblock xmlns='urn:xmpp:blocking'/>") == "");
}

TEST_CASE_METHOD(OwnStage, "blocking: by resource, account, domain", "[blocking]") {
    const auto is_blocked = [&](const std::string& item, const std::string& other) {
        REQUIRE(blocks("block", "<item jid='" + item + "'/>") == "");
        const bool found = controller().is_blocked(bare, *Jid::parse(other));
        REQUIRE(blocks("unblock", "") == "");
        return found;
    };
    CHECK(is_blocked("bert@grid.example/b", "bert@grid.example/b"));
    CHECK_FALSE(is_blocked("bert@grid.example/b", "bert@grid.example/c"));
    CHECK_FALSE(is_blocked("bert@grid.example/b", "bert@grid.example"));
    CHECK(is_blocked("bert@grid.example", "bert@grid.example/c"));
    CHECK(is_blocked("grid.example", "bert@grid.example/c"));
    CHECK(is_blocked("grid.example", "grid.example"));
    CHECK(is_blocked("other.example/x", "other.example/x"));
    CHECK_FALSE(is_blocked("other.example/x", "other.example/y"));
    CHECK_FALSE(is_blocked("grid.example", "anna@grid.example/other"));
}

TEST_CASE_METHOD(OwnStage, "blocking: wrong requests and full lists are refused", "[blocking]") {
    CHECK(blocks("block", "") == "bad-request");
    CHECK(blocks("block", "<item jid='a@@b'/>") == "jid-malformed");
    CHECK(blocks("block", "<item/>") == "jid-malformed");
    CHECK(blocks("unblock", "<x/>") == "bad-request");
    CHECK(condition("get", "<block xmlns='urn:xmpp:blocking'/>") == "bad-request");
    std::string four;
    for (const char* name : {"a", "b", "c", "d"})
        four += "<item jid='" + std::string(name) + "@grid.example'/>";
    CHECK(blocks("block", four) == "resource-constraint");
    CHECK(blocked().empty());
}

TEST_CASE_METHOD(
    OwnStage, "blocking: two changes at once both count, and a restart keeps them", "[blocking]"
) {
    store.conflict_next(1);
    CHECK(blocks("block", "<item jid='bert@grid.example'/>") == "");
    CHECK(blocks("block", "<item jid='carl@grid.example'/>") == "");
    grid::test::Node other(settings, sessions);
    REQUIRE(store.scan([&](const auto& change) { other.apply(change); }).has_value());
    other.controller->scan_finished();
    CHECK(other.controller->is_blocked(bare, bert));
    REQUIRE(rest("root@grid.example", "DELETE", "/accounts/anna@grid.example").first < 300);
    member(anna, R"(["x"])");
    CHECK(blocked().empty());
    CHECK(blocks("block", "<item jid='dora@grid.example'/>") != "internal-server-error");
    later(0);
    CHECK(blocks("block", "<item jid='emil@grid.example'/>") == "");
}

TEST_CASE_METHOD(OwnStage, "archive: queries by time, address, id and page", "[archive]") {
    const Jid carl = *Jid::parse("carl@grid.example");
    CHECK(found("") == ".");
    member("carl@grid.example/c", R"(["x"])");
    archives(bert, 1);
    archives(carl, 2);
    archives(bert.bare(), 3);
    archives(bert, 4);
    CHECK(found("") == "123");   // page_max
    CHECK(found("", rsm("<max>2</max>")) == "12");
    CHECK(found("", rsm("<max>2</max><after>" + id(2) + "</after>")) == "34.");
    CHECK(found("", rsm("<max>2</max><before/>")) == "34");
    CHECK(found("", rsm("<max>2</max><before>" + id(3) + "</before>")) == "12.");
    CHECK(found("", rsm("<after>" + id(9) + "</after>")) == "item-not-found");
    CHECK(found(field("with", "bert@grid.example")) == "134.");
    CHECK(found(field("with", "bert@grid.example/b")) == "14.");
    CHECK(found(field("with", "nobody@grid.example")) == ".");
    CHECK(found(field("after-id", id(2))) == "34.");
    CHECK(found(field("before-id", id(3))) == "12.");
    CHECK(found(field("ids", id(3))) == "3.");
    CHECK(found(field("ids", id(7))) == "item-not-found");
    CHECK(found(field("start", "2026-01-01T00:00:02Z")) == "34.");
    CHECK(found(field("end", "2026-01-01T00:00:01Z")) == "12.");
    CHECK(found(field("start", "soon")) == "bad-request");
    CHECK(found(field("colour", "red")) == "feature-not-implemented");
}

TEST_CASE_METHOD(OwnStage, "archive: the oldest go, by number and by time", "[archive]") {
    for (int number = 1; number <= 7; ++number) archives(bert, number);
    later(0);
    CHECK(found("") == "345");
    CHECK(found("", rsm("<before/>")) == "567");
    CHECK(found("", rsm("<after>" + id(1) + "</after>")) == "item-not-found");
    later(91LL * 24 * 3600 * 1000);
    CHECK(found("") == ".");
}

TEST_CASE_METHOD(
    OwnStage, "archive: addresses of messages that are gone are forgotten", "[archive]"
) {
    for (int i = 0; i < 300; ++i)
        archives(*Jid::parse("bert@grid.example/r" + std::to_string(i)), i % 10);
    while (controller().state_for_admin().archives.size() > 5) later(0);
    const auto* archive = controller().state_for_admin().archives.find(bare.str());
    REQUIRE(archive != nullptr);
    CHECK(archive->names.size() < 100);
    CHECK(found(field("with", "bert@grid.example/r299")) == "9.");
    CHECK(found(field("with", "bert@grid.example/r1")) == ".");
}

TEST_CASE_METHOD(OwnStage, "archive: what the account wants in it", "[archive]") {
    const auto prefs = [&](const std::string& inside, const std::string& by_default) {
        return condition(
            "set",
            "<prefs xmlns='urn:xmpp:mam:2' default='" + by_default + "'>" + inside + "</prefs>"
        );
    };
    CHECK(controller().is_archived(bare, bert));
    CHECK(prefs("<never><jid>bert@grid.example</jid></never>", "always") == "");
    CHECK_FALSE(controller().is_archived(bare, bert));
    CHECK(controller().is_archived(bare, *Jid::parse("carl@grid.example/c")));
    CHECK(prefs("<always><jid>bert@grid.example</jid></always>", "never") == "");
    CHECK(controller().is_archived(bare, bert));
    CHECK_FALSE(controller().is_archived(bare, *Jid::parse("carl@grid.example/c")));
    CHECK(
        difference(
            *asks("get", "<prefs xmlns='urn:xmpp:mam:2'/>").first_child(),
            "<prefs xmlns='urn:xmpp:mam:2' default='never'><always><jid>bert@grid.example</jid>"
            "</always><never/></prefs>"
        ) == ""
    );
    CHECK(prefs("", "roster") == "");
    CHECK_FALSE(controller().is_archived(bare, bert));   // no contact
    CHECK(prefs("<always><jid>bert@grid.example</jid></always>", "roster") == "");
    CHECK(controller().is_archived(bare, bert));
    CHECK(prefs("", "perhaps") == "bad-request");
    CHECK(prefs("<never><jid>@</jid></never>", "always") == "jid-malformed");
}

TEST_CASE(
    "archive: rules of the first version, and of one that is not known, are read", "[archive]"
) {
    using Default = grid::controller::ArchiveRules::Default;
    const grid::controller::ArchiveSettings settings;
    grid::controller::Archives archives(settings);
    const auto read = [&](std::uint8_t version, std::uint8_t by_default) {
        grid::storage::Encoder out;
        out.u8(version).u8(by_default).texts({}).texts({"bert@grid.example"});
        const std::string value = out.take();
        archives.apply_rules("ann@grid.example", grid::storage::Record{7, 0, value});
        return archives.rules("ann@grid.example");
    };
    CHECK(read(1, 0).by_default == Default::Never);
    CHECK(read(1, 1).by_default == Default::Always);
    CHECK(read(1, 1).never.size() == 1);
    CHECK(read(2, 2).by_default == Default::Roster);
    // As if the account had said nothing.
    for (const auto& rules : {read(1, 2), read(2, 3), read(3, 1)}) {
        CHECK(rules.by_default == Default::Always);
        CHECK(rules.never.empty());
    }
}

TEST_CASE_METHOD(OwnStage, "archive: its form, and its two ends", "[archive]") {
    const Element form = asks("get", "<query xmlns='urn:xmpp:mam:2'/>");
    CHECK(form.first_child()->first_child()->children("field").size() == 7);
    CHECK(
        difference(
            *asks("get", "<metadata xmlns='urn:xmpp:mam:2'/>").first_child(),
            "<metadata xmlns='urn:xmpp:mam:2'/>"
        ) == ""
    );
    archives(bert, 1);
    archives(bert, 2);
    const Element ends = asks("get", "<metadata xmlns='urn:xmpp:mam:2'/>");
    CHECK(ends.first_child()->child("start")->attr_or("id", "") == id(1));
    CHECK(ends.first_child()->child("end")->attr_or("id", "") == id(2));
}

}   // namespace own_requests_test
