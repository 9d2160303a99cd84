// tests/stories/vcards_test.cpp: vCards of accounts (XEP-0054), and search (XEP-0055).
#include "commands_stage.hpp"
#include "controller/accounts/profile_key.hpp"
#include "xml/writer.hpp"

namespace vcards_test {

using namespace grid::test;
namespace controller = grid::controller;
namespace storage = grid::storage;
namespace xml = grid::xml;

namespace {

constexpr const char* anna = "anna@grid.example/a";
constexpr const char* bert = "bert@grid.example/b";

struct Cards : GridStage {
    Cards() : GridStage(small_cards()) {
        policy(
            "allow client anna to message client bert\n"
            "allow client anna to discover on public/*\n"
            "allow group makers any any\n"
        );
        administrator("root@grid.example");
        member(anna, R"(["people"])");
        member(bert, R"(["people"])");
        member(probe, R"(["makers"])");
    }
    static controller::Settings small_cards() {
        auto settings = default_settings();
        settings.vcard_bytes_max = 200;
        return settings;
    }
    /// As the router does with what is addressed to an account; without `to`: one's own.
    xml::Element asks(
        const std::string& who, const char* type, const std::string& to, const std::string& card
    ) {
        return sends(
            who, "<iq xmlns='jabber:client' id='v' type='" + std::string(type) + "' to='" + to +
                     "'>" + card + "</iq>"
        );
    }
    std::string said(const xml::Element& iq) {
        if (const xml::Element* error = iq.child("error")) return error->first_child()->name();
        const xml::Element* card = iq.first_child();
        return card == nullptr ? "ok" : xml::to_string(*card);
    }
};

const std::string empty = "<vCard xmlns='vcard-temp'/>";
const std::string card = "<vCard xmlns='vcard-temp'><FN>Anna</FN></vCard>";

}   // namespace

TEST_CASE_METHOD(
    Cards, "XEP-0054 3.1, 3.2: an account's own vCard is empty, set, changed, erased"
) {
    CHECK(said(asks(anna, "get", "anna@grid.example", empty)) == empty);
    CHECK(said(asks(anna, "set", "anna@grid.example", card)) == "ok");
    CHECK(said(asks(anna, "get", "anna@grid.example", empty)) == card);
    CHECK(said(asks(anna, "set", "anna@grid.example", empty)) == "ok");
    CHECK(said(asks(anna, "get", "anna@grid.example", empty)) == empty);
    const std::string large =
        "<vCard xmlns='vcard-temp'><FN>" + std::string(200, 'x') + "</FN></vCard>";
    CHECK(said(asks(anna, "set", "anna@grid.example", large)) == "not-acceptable");
    CHECK(said(asks(anna, "set", "bert@grid.example", card)) == "forbidden");
    CHECK(said(asks(anna, "set", "nobody@grid.example", card)) == "forbidden");
    const auto audit = rest("root@grid.example", "GET", "/audit", "", "operation=set-vcard");
    CHECK(audit.second.find("anna@grid.example") != std::string::npos);
    CHECK(audit.second.find("FN") == std::string::npos);
}

TEST_CASE_METHOD(Cards, "XEP-0054 3.3: another's vCard, for those that may send it messages") {
    CHECK(said(asks(bert, "set", "bert@grid.example", card)) == "ok");
    CHECK(said(asks(anna, "get", "bert@grid.example", empty)) == card);
    // No right, no account, no vCard: nothing tells them apart.
    CHECK(said(asks(anna, "set", "anna@grid.example", card)) == "ok");
    CHECK(said(asks(bert, "get", "anna@grid.example", empty)) == "service-unavailable");
    CHECK(said(asks(bert, "get", "nobody@grid.example", empty)) == "service-unavailable");
    CHECK(said(asks(probe, "get", "root@grid.example", empty)) == "service-unavailable");
    const auto text = [&](const char* to) {
        return asks(bert, "get", to, empty)
            .child("error")
            ->child("text", xml::ns::stanza_errors)
            ->text();
    };
    CHECK(text("anna@grid.example") == text("nobody@grid.example"));
    // Nor of an account that is disabled.
    rest("root@grid.example", "POST", "/accounts/bert@grid.example/disable");
    CHECK(said(asks(anna, "get", "bert@grid.example", empty)) == "service-unavailable");
}

TEST_CASE_METHOD(Cards, "a deleted account's vCard is gone, and no later account has it") {
    CHECK(said(asks(bert, "set", "bert@grid.example", card)) == "ok");
    const auto kept = [&] {
        return store.snapshot()
            ->get(storage::Family::Payload, controller::profile_key("bert@grid.example"))
            ->has_value();
    };
    CHECK(kept());
    CHECK(rest("root@grid.example", "DELETE", "/accounts/bert@grid.example").first == 200);
    CHECK_FALSE(kept());
    disconnects(bert);
    later(60'000);
    member(bert, "[]");
    CHECK(said(asks(bert, "get", "bert@grid.example", empty)) == empty);
}

TEST_CASE_METHOD(Cards, "a vCard is not set by an account that is disabled meanwhile") {
    const xml::Element iq = parse("<iq xmlns='jabber:client' id='v' type='set'>" + card + "</iq>");
    const auto prepared =
        controller().prepare({xml::IqType::Set, xml::Jid{}, iq.first_child(), {&iq}});
    REQUIRE(prepared.has_value());
    auto decision = (*prepared)->decide(context(principal(anna)));
    REQUIRE(decision.change() != nullptr);
    rest("root@grid.example", "POST", "/accounts/anna@grid.example/disable");
    CHECK_FALSE(commit(std::move(decision.change()->batch)));
}

namespace {

struct Search : Cards {
    struct Result {
        std::vector<std::string> found;   // jids, or nodes of topics
        std::string next, error;
        bool has_form = false;
    };
    Result search(
        const std::string& who,
        const std::string& kind,
        const std::string& name,
        const std::string& page = ""
    ) {
        const xml::Element iq = asks(
            who, "set", "controller.grid.example",
            "<query xmlns='jabber:iq:search'>" +
                submit(field("x-grid#kind", {kind}) + field("nick", {name})) + page + "</query>"
        );
        Result result;
        if (const xml::Element* error = iq.child("error"))
            return {{}, {}, error->first_child()->name()};
        const xml::Element& query = *iq.first_child();
        if (const xml::Element* x = query.child("x", xml::ns::data))
            for (const xml::Element* item : x->children("item"))
                for (const xml::Element* one : item->children("field"))
                    if (one->attr_or("var", "") == (kind == "topics" ? "node" : "jid"))
                        result.found.push_back(one->child("value")->text());
        if (const xml::Element* set = query.child("set", xml::ns::rsm))
            result.next = set->child("last")->text();
        return result;
    }
    static std::string rsm(int max, const std::string& after = "") {
        return "<set xmlns='http://jabber.org/protocol/rsm'><max>" + std::to_string(max) +
               "</max>" + (after.empty() ? "" : "<after>" + after + "</after>") + "</set>";
    }
};
using Names = std::vector<std::string>;

}   // namespace

TEST_CASE_METHOD(Search, "XEP-0055: accounts are found by those that may send them messages") {
    const xml::Element form =
        *asks(anna, "get", "controller.grid.example", "<query xmlns='jabber:iq:search'/>")
             .first_child();
    CHECK(form.child("instructions") != nullptr);
    CHECK(xml::Form::parse(*form.child("x", xml::ns::data))->form_type() == "jabber:iq:search");
    CHECK(search(anna, "accounts", "").found == Names{"anna@grid.example", "bert@grid.example"});
    CHECK(search(anna, "accounts", "er").found == Names{"bert@grid.example"});
    CHECK(search(bert, "accounts", "").found == Names{"bert@grid.example"});
    CHECK(search(bert, "accounts", "anna").found.empty());
    CHECK(search(root, "accounts", "").found.size() == 4);
    CHECK(search(anna, "cheese", "").error == "bad-request");
    rest("root@grid.example", "POST", "/accounts/bert@grid.example/disable");
    CHECK(search(anna, "accounts", "").found == Names{"anna@grid.example"});
}

TEST_CASE_METHOD(Search, "XEP-0055: a page's cursor does not name an account that is not seen") {
    Names all;
    std::string after;
    int pages = 0;
    do {
        const Result page = search(root, "accounts", "", rsm(1, after));
        all.insert(all.end(), page.found.begin(), page.found.end());
        after = page.next;
    } while (!after.empty() && ++pages < 10);
    CHECK(
        all ==
        Names{"anna@grid.example", "bert@grid.example", "probe@grid.example", "root@grid.example"}
    );
    for (int i = 0; i < 1'100; ++i) {
        const std::string name = "many" + std::to_string(10'000 + i) + "@grid.example";
        REQUIRE(
            rest("root@grid.example", "POST", "/accounts", R"({"jid": ")" + name + R"("})").first ==
            201
        );
    }
    const Result first = search(bert, "accounts", "");
    CHECK(first.found == Names{"bert@grid.example"});
    REQUIRE_FALSE(first.next.empty());
    CHECK(first.next.find('@') == std::string::npos);
    const Result second = search(bert, "accounts", "", rsm(100, first.next));
    CHECK(second.found.empty());
    CHECK(second.next.empty());
    CHECK(
        search(
            bert, "accounts", "",
            "<set xmlns='http://jabber.org/protocol/rsm'><max>1</max><before/></set>"
        )
            .error == "feature-not-implemented"
    );
}

TEST_CASE_METHOD(Search, "XEP-0055: topics are found by those that may discover them") {
    for (const char* name : {"public/alerts", "public/news", "secret/alerts"})
        REQUIRE(
            sends(
                probe,
                "<iq xmlns='jabber:client' id='n' type='set' to='pubsub.grid.example'>"
                "<pubsub xmlns='http://jabber.org/protocol/pubsub'><create node='" +
                    std::string(name) + "'/></pubsub></iq>"
            )
                .attr_or("type", "") == "result"
        );
    CHECK(search(anna, "topics", "").found == Names{"public/alerts", "public/news"});
    CHECK(search(anna, "topics", "alert").found == Names{"public/alerts"});
    CHECK(search(bert, "topics", "").found.empty());
    CHECK(search(probe, "topics", "alert").found == Names{"public/alerts", "secret/alerts"});
    const Result page = search(anna, "topics", "", rsm(1));
    CHECK(page.found == Names{"public/alerts"});
    CHECK(search(anna, "topics", "", rsm(1, page.next)).found == Names{"public/news"});
}

TEST_CASE_METHOD(Search, "XEP-0055 2: a client without data forms gets plain items") {
    const xml::Element iq = asks(
        anna, "set", "controller.grid.example",
        "<query xmlns='jabber:iq:search'><nick>bert</nick></query>"
    );
    CHECK(difference(iq, R"(
        <iq xmlns='jabber:client' type='result' id='v'><query xmlns='jabber:iq:search'>
          <item jid='bert@grid.example'><nick>bert</nick></item></query></iq>)") == "");
}

}   // namespace vcards_test
