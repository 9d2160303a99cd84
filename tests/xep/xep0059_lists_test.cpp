// tests/xep/xep0059_lists_test.cpp: every list that comes in pages takes what it can of a
// `<set/>`, and refuses the rest, all in the same way (XEP-0059).
#include <functional>
#include <vector>

#include "stage.hpp"

namespace xep0059_lists_test {

using namespace grid;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";

struct List {
    const char* name;
    std::function<void(Stage&, const std::string& set)> ask;
    const char* line;   // an entry of the answer; the archive sends messages instead
    /// True for a list in commit order, with cursors of the service; else its cursors are names,
    /// each of which has a place.
    bool has_own_cursors;
};

std::string disco(const std::string& node, const std::string& set) {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#items'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" + set + "</query></iq>";
}

const std::vector<List>& lists() {
    static const std::vector<List> all{
        {"items",
         [](Stage& stage, const std::string& set) {
             stage.get(owner, "q", "<items node='n'/>" + set);
         },
         "item", true},
        {"disco#items of a leaf",
         [](Stage& stage, const std::string& set) { stage.sends(owner, disco("n", set)); }, "item",
         true},
        {"disco#items of the root",
         [](Stage& stage, const std::string& set) { stage.sends(owner, disco("", set)); }, "item",
         false},
        {"disco#items of a collection",
         [](Stage& stage, const std::string& set) { stage.sends(owner, disco("c", set)); }, "item",
         false},
        {"own subscriptions",
         [](Stage& stage, const std::string& set) {
             stage.get(owner, "q", "<subscriptions/>" + set);
         },
         "subscription", true},
        {"own affiliations",
         [](Stage& stage, const std::string& set) {
             stage.get(owner, "q", "<affiliations/>" + set);
         },
         "affiliation", false},
        {"a node's subscriptions",
         [](Stage& stage, const std::string& set) {
             stage.owner_get(owner, "q", "<subscriptions node='n'/>" + set);
         },
         "subscription", true},
        {"a node's affiliations",
         [](Stage& stage, const std::string& set) {
             stage.owner_get(owner, "q", "<affiliations node='n'/>" + set);
         },
         "affiliation", false},
        {"archive",
         [](Stage& stage, const std::string& set) {
             stage.sends(
                 owner, "<iq type='set' id='q'><query xmlns='urn:xmpp:mam:2' node='n'>" + set +
                            "</query></iq>"
             );
         },
         nullptr, true},
    };
    return all;
}

/// Three entries in each list.
class Threes : public Stage {
protected:
    Threes() {
        creates(owner, "n");
        creates(owner, "m");
        creates(owner, "c", "node_type=collection");
        for (const std::string name : {"c1", "c2", "c3"}) {
            creates(owner, name, "collection=c");
            set(owner, "x", "<subscribe node='n' jid='" + owner_bare + "/" + name + "'/>");
        }
        for (const char* id : {"a", "b", "d"}) publishes(owner, "n", id);
        for (const char* who : {"x@grid.example", "y@grid.example"})
            affiliates(owner, "n", who, "member");
        forget();
    }

    struct Answer {
        std::size_t entries = 0;
        std::string condition;   // of an error
        std::optional<xml::Element> set;
    };
    Answer asks(const List& list, const std::string& inner) {
        list.ask(*this, "<set xmlns='http://jabber.org/protocol/rsm'>" + inner + "</set>");
        Answer answer;
        auto iq = next(owner);
        for (; iq.name() == "message"; iq = next(owner)) ++answer.entries;
        if (iq.attr_or("type", "") == "error") {
            answer.condition = iq.child("error")->first_child()->name();
            return answer;
        }
        const std::function<void(const xml::Element&)> look = [&](const xml::Element& element) {
            for (const auto* child : element.children()) {
                if (list.line && child->name() == list.line) ++answer.entries;
                if (child->name() == "set") answer.set = *child;
                look(*child);
            }
        };
        look(iq);
        REQUIRE(answer.set);
        return answer;
    }
};

std::string text_of(const std::optional<xml::Element>& set, const char* name) {
    const auto* child = set ? set->child(name) : nullptr;
    return child ? child->text() : "";
}

}   // namespace

TEST_CASE_METHOD(Threes, "XEP-0059 §2.6: a max of 0 counts, in every list", "[xep-0059]") {
    for (const List& list : lists()) {
        INFO(list.name);
        const auto answer = asks(list, "<max>0</max>");
        CHECK(answer.entries == 0);
        CHECK(std::stoul(text_of(answer.set, "count")) >= 3);
        CHECK(answer.set->child("first") == nullptr);
    }
}

TEST_CASE_METHOD(Threes, "XEP-0059: max and index that are no numbers: bad-request", "[xep-0059]") {
    for (const List& list : lists())
        for (const char* bad :
             {"-1", "", "ten", "1.5", "0x10", " 1", "+1", "1 ", "1e3", "\xd9\xa3"}) {
            INFO(list.name << " '" << bad << "'");
            CHECK(asks(list, "<max>" + std::string(bad) + "</max>").condition == "bad-request");
            CHECK(asks(list, "<index>" + std::string(bad) + "</index>").condition == "bad-request");
        }
}

TEST_CASE_METHOD(Threes, "XEP-0059: a huge max is that of the service", "[xep-0059]") {
    auto small = settings();
    small.page_max = 2;
    restart(small);
    for (const List& list : lists())
        for (const char* huge : {"4294967295", "4294967296", "99999999999999999999999999"}) {
            INFO(list.name << " " << huge);
            CHECK(asks(list, "<max>" + std::string(huge) + "</max>").entries == 2);
            const auto beyond = asks(list, "<index>" + std::string(huge) + "</index>");
            CHECK(beyond.entries == 0);
            CHECK(beyond.condition.empty());
        }
}

TEST_CASE_METHOD(Threes, "XEP-0059 §2.2: a cursor that was never given out", "[xep-0059]") {
    for (const List& list : lists()) {
        INFO(list.name);
        for (const char* way : {"after", "before"})
            for (const char* cursor : {"nonsense", "99999999999999999999:1", "1:", ":", "1:1:1"}) {
                const auto answer =
                    asks(list, std::string("<") + way + ">" + cursor + "</" + way + ">");
                CHECK(answer.condition == (list.has_own_cursors ? "item-not-found" : ""));
            }
    }
}

TEST_CASE_METHOD(Threes, "XEP-0059: after and before together are a range", "[xep-0059]") {
    for (const List& list : lists()) {
        INFO(list.name);
        const std::string first = text_of(asks(list, "<max>1</max>").set, "first");
        const std::string third = text_of(asks(list, "<max>3</max>").set, "last");
        const std::string after = "<after>" + first + "</after>";
        CHECK(asks(list, after + "<before>" + third + "</before>").entries == 1);
        // No entry is between a place and itself, or the wrong way round.
        CHECK(asks(list, after + "<before>" + first + "</before>").entries == 0);
        const std::string turned = "<after>" + third + "</after><before>" + first + "</before>";
        const auto none = asks(list, turned);
        CHECK(none.entries == 0);
        CHECK(none.condition.empty());
    }
}

TEST_CASE_METHOD(Threes, "XEP-0059: walked forwards and backwards, each entry once", "[xep-0059]") {
    for (const List& list : lists()) {
        INFO(list.name);
        const auto count = std::stoul(text_of(asks(list, "<max>0</max>").set, "count"));
        for (const bool is_back : {false, true}) {
            std::size_t seen = 0, pages = 0;
            std::string cursor;
            for (; pages <= count; ++pages) {
                const std::string way = is_back ? "before" : "after";
                const auto page =
                    asks(list, "<max>1</max><" + way + ">" + cursor + "</" + way + ">");
                if (page.entries == 0) break;
                seen += page.entries;
                cursor = text_of(page.set, is_back ? "first" : "last");
            }
            CHECK(seen == count);
        }
    }
}

TEST_CASE_METHOD(Threes, "8.7 get-pending: more nodes than a form holds are said to be more") {
    auto small = settings();
    small.page_max = 2;
    restart(small);
    for (const char* node : {"p1", "p2", "p3"}) {
        creates(owner, node, "access_model=authorize");
        set("x@grid.example/x", "s",
            "<subscribe node='" + std::string(node) + "' jid='x@grid.example'/>");
    }
    forget();
    sends(
        owner,
        "<iq type='set' id='q'><command xmlns='http://jabber.org/protocol/commands' "
        "node='http://jabber.org/protocol/pubsub#get-pending' action='execute'/></iq>"
    );
    const auto iq = next(owner);
    const auto* command = iq.first_child();
    const auto* form = command->child("x", xml::Ns("jabber:x:data"));
    REQUIRE(form);
    CHECK(form->children("field").back()->children("option").size() == 2);
    REQUIRE(command->child("note"));
    CHECK(command->child("note")->attr_or("type", "") == "info");
}

}   // namespace xep0059_lists_test
