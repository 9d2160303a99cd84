// tests/unit/controller/contacts/exchange_test.cpp: stanzas between two accounts, with the batches
// that change both rosters, and what their sessions are told.
#include "controller/contacts/exchange.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <vector>

#include "controller/contacts/roster_query.hpp"
#include "storage/keys.hpp"
#include "xml/namespaces.hpp"

namespace exchange_test {

using namespace grid::controller::contacts;
namespace storage = grid::storage;

namespace {

const std::string ann = "ann@grid.example", bob = "bob@grid.example";

/// Rosters that follow batches as the store gives them, with every record, so that they can be read
/// anew.
class Book {
public:
    RosterBounds bounds;
    Rosters rosters;
    bool may_send = true, may_answer = true, exists = true;

    /// The effects as words; a refusal as its condition.
    std::vector<std::string> sends(
        const std::string& from,
        const std::string& to,
        std::vector<Kind> kinds,
        bool removes_item = false
    ) {
        Exchange wanted{from, to, std::move(kinds)};
        wanted.removes_item = removes_item;
        wanted.exists = exists;
        wanted.may_send = may_send;
        wanted.may_answer = may_answer;
        return commit(exchange(rosters, bounds, wanted));
    }
    std::vector<std::string> puts(
        const std::string& owner,
        const std::string& contact,
        std::string name = {},
        std::vector<std::string> groups = {}
    ) {
        return commit(
            put_item(rosters, bounds, owner, {contact, std::move(name), std::move(groups)})
        );
    }
    std::vector<std::string> commit(grid::Result<Change, grid::xml::StanzaError> change) {
        if (!change) return {change.error().condition};
        for (const auto& expected : change->batch.expectations) {
            const auto found = records.find(expected.key);
            REQUIRE(expected.revision == (found == records.end() ? 0 : found->second.first));
        }
        ++revision;
        for (const auto& write : change->batch.operations) apply(write);
        REQUIRE(Book(records).rosters == rosters);   // a scan gives the same
        std::vector<std::string> words;
        change->finish();
        const auto effects = decode_effects(change->batch.event);
        REQUIRE(effects);
        for (const auto& effect : *effects) words.push_back(word(effect));
        return words;
    }
    std::string item(const std::string& owner, const std::string& contact) const {
        const std::string push = render_push(rosters.of(owner), contact, 0);
        const auto from = push.find("<item");
        return push.substr(from, push.find("</query>") - from);
    }
    Book() = default;

    std::map<std::string, std::pair<storage::Revision, std::string>> records;
    storage::Revision revision = 0;

private:
    explicit Book(const std::map<std::string, std::pair<storage::Revision, std::string>>& stored) {
        for (const auto& [key, record] : stored)
            follow(key, storage::Record{record.first, 0, record.second});
    }
    void apply(const storage::Write& write) {
        if (write.erase) {
            records.erase(write.key);
            return follow(write.key, std::nullopt);
        }
        records[write.key] = {revision, write.value};
        follow(write.key, storage::Record{revision, 0, write.value});
    }
    void follow(std::string_view key, const std::optional<storage::Record>& record) {
        if (key.front() == static_cast<char>(storage::Tag::Contact))
            rosters.apply_item(key.substr(1), record);
        else
            rosters.apply_request(key.substr(1), record);
    }
    static std::string word(const Effect& effect) {
        static const std::array<std::string, 6> acts{"push", "remove",  "ask",
                                                     "tell", "present", "absent"};
        std::string text = effect.owner.substr(0, 3) + " " +
                           acts.at(static_cast<std::size_t>(effect.act)) + " " +
                           effect.contact.substr(0, 3);
        if (const auto at = effect.stanza.find("type='"); at != std::string::npos)
            text += " " + effect.stanza.substr(at + 6, effect.stanza.find('\'', at + 6) - at - 6);
        return text;
    }
};

using Words = std::vector<std::string>;

}   // namespace

TEST_CASE("contacts: the way to a mutual subscription, in the order of RFC 6121 §3.1") {
    Book book;
    CHECK(
        book.sends(ann, bob, {Kind::Subscribe}) == Words{"bob ask ann subscribe", "ann push bob"}
    );
    CHECK(
        book.item(ann, bob) == "<item jid='bob@grid.example' subscription='none' ask='subscribe'/>"
    );
    CHECK(book.rosters.of(bob).items.empty());                   // §3.1.3: not before bob says yes
    CHECK(book.sends(ann, bob, {Kind::Subscribe}) == Words{});   // once is enough
    CHECK(
        book.sends(bob, ann, {Kind::Subscribed}) ==
        Words{"ann tell bob subscribed", "ann push bob", "ann present bob", "bob push ann"}
    );
    CHECK(book.item(ann, bob) == "<item jid='bob@grid.example' subscription='to'/>");
    CHECK(book.item(bob, ann) == "<item jid='ann@grid.example' subscription='from'/>");
    book.sends(bob, ann, {Kind::Subscribe});
    book.sends(ann, bob, {Kind::Subscribed});
    CHECK(book.item(ann, bob) == "<item jid='bob@grid.example' subscription='both'/>");
    CHECK(book.item(bob, ann) == "<item jid='ann@grid.example' subscription='both'/>");

    SECTION("one cancels what the other receives (§3.2)") {
        CHECK(
            book.sends(bob, ann, {Kind::Unsubscribed}) ==
            Words{"ann absent bob", "ann tell bob unsubscribed", "ann push bob", "bob push ann"}
        );
        CHECK(book.item(ann, bob) == "<item jid='bob@grid.example' subscription='from'/>");
    }
    SECTION("one gives up what it receives (§3.3)") {
        CHECK(
            book.sends(ann, bob, {Kind::Unsubscribe}) ==
            Words{"bob tell ann unsubscribe", "bob push ann", "ann push bob", "ann absent bob"}
        );
        CHECK(book.item(bob, ann) == "<item jid='ann@grid.example' subscription='to'/>");
    }
    SECTION("removal of the item ends both (§2.5.2)") {
        const Words all = book.sends(ann, bob, {Kind::Unsubscribe, Kind::Unsubscribed}, true);
        CHECK(
            all ==
            Words{
                "bob tell ann unsubscribe", "bob absent ann", "bob tell ann unsubscribed",
                "bob push ann", "ann remove bob", "ann absent bob"
            }
        );
        CHECK(book.rosters.of(ann).items.empty());
        CHECK(book.item(bob, ann) == "<item jid='ann@grid.example' subscription='none'/>");
    }
}

TEST_CASE("contacts: a request that is refused, or taken back, leaves nothing") {
    Book book;
    book.sends(ann, bob, {Kind::Subscribe});
    SECTION("refused") {
        CHECK(
            book.sends(bob, ann, {Kind::Unsubscribed}) ==
            Words{"ann tell bob unsubscribed", "ann push bob"}
        );
    }
    SECTION("taken back") {
        CHECK(
            book.sends(ann, bob, {Kind::Unsubscribe}) ==
            Words{"bob tell ann unsubscribe", "ann push bob"}
        );
    }
    CHECK_FALSE(book.rosters.holds_anything_of(bob));
    CHECK(book.item(ann, bob) == "<item jid='bob@grid.example' subscription='none'/>");
}

TEST_CASE("contacts: an approval in advance answers the request (RFC 6121 §3.4)") {
    Book book;
    CHECK(book.sends(bob, ann, {Kind::Subscribed}) == Words{"bob push ann"});
    CHECK(
        book.item(bob, ann) == "<item jid='ann@grid.example' subscription='none' approved='true'/>"
    );
    SECTION("and the contact learns nothing before") {
        CHECK_FALSE(book.rosters.holds_anything_of(ann));
        CHECK(
            book.sends(ann, bob, {Kind::Subscribe}) ==
            Words{"bob push ann", "ann tell bob subscribed", "ann push bob", "ann present bob"}
        );
        CHECK(
            book.item(bob, ann) ==
            "<item jid='ann@grid.example' subscription='from' approved='true'/>"
        );
    }
    SECTION("not where the policy keeps the contact from answering") {
        book.may_answer = false;
        CHECK(
            book.sends(ann, bob, {Kind::Subscribe}) ==
            Words{"bob ask ann subscribe", "ann push bob"}
        );
        CHECK(
            book.item(bob, ann) ==
            "<item jid='ann@grid.example' subscription='none' approved='true'/>"
        );
    }
}

TEST_CASE("contacts: an account that the policy keeps away looks like one that is not there") {
    Book forbidden, missing;
    forbidden.may_send = false;
    missing.may_send = missing.exists = false;
    for (const Kind kind :
         {Kind::Subscribe, Kind::Subscribed, Kind::Unsubscribe, Kind::Unsubscribed}) {
        CAPTURE(to_string(kind));
        CHECK(forbidden.sends(ann, bob, {kind}) == missing.sends(ann, bob, {kind}));
        CHECK(forbidden.rosters == missing.rosters);
        CHECK_FALSE(forbidden.rosters.holds_anything_of(bob));
    }
}

TEST_CASE("contacts: bounds of a roster") {
    Book book;
    book.bounds.items_max = 2;
    book.bounds.groups_per_item_max = 2;
    book.bounds.bytes_max = 100;
    CHECK(book.puts(ann, bob, "Bob", {"one", "two"}) == Words{"ann push bob"});
    CHECK(book.puts(ann, bob, "Bob", {"one", "two", "three"}) == Words{"not-acceptable"});
    CHECK(book.puts(ann, bob, std::string(101, 'b')) == Words{"resource-constraint"});
    CHECK(book.sends(ann, "cat@grid.example", {Kind::Subscribe}).size() == 2);
    CHECK(book.puts(ann, "dan@grid.example") == Words{"resource-constraint"});
    CHECK(book.sends(ann, "dan@grid.example", {Kind::Subscribe}) == Words{"resource-constraint"});
    CHECK(book.puts(ann, bob, "Robert") == Words{"ann push bob"});   // one that is there may change
    // The requests that wait for bob count, and their text.
    book.bounds.bytes_max = 1;
    CHECK(book.sends("eve@grid.example", bob, {Kind::Subscribe}) == Words{"resource-constraint"});
    CHECK_FALSE(book.rosters.holds_anything_of("eve@grid.example"));
    book.bounds = {};
    book.bounds.total_items_max = book.rosters.size();
    CHECK(book.puts("eve@grid.example", bob) == Words{"resource-constraint"});
}

TEST_CASE("contacts: what changed since a version, or all of it (RFC 6121 §2.6)") {
    Book book;
    for (const char* name : {"bob", "cat", "dan", "eve"})
        book.puts(ann, name + std::string("@x.y"));
    const Roster& roster = book.rosters.of(ann);
    const std::string version = std::to_string(roster.version);
    CHECK(roster.version == 4);
    const auto whole = answer_get(roster, std::nullopt);
    CHECK(whole.payload.starts_with("<query xmlns='jabber:iq:roster' ver='4'><item jid='bob@x.y'"));
    CHECK(answer_get(roster, "").payload == whole.payload);   // the client has nothing yet
    const auto same = answer_get(roster, version);
    CHECK((same.payload.empty() && same.pushes.empty()));
    book.puts(ann, "cat@x.y", "Cat", {"pets & more"});
    const auto one = answer_get(roster, version);
    CHECK(one.payload.empty());
    CHECK(
        one.pushes ==
        Words{" id='roster-5' type='set'><query xmlns='jabber:iq:roster' ver='5'><item "
              "jid='cat@x.y' name='Cat' subscription='none'><group>pets &amp; more</group></item>"
              "</query></iq>"}
    );
    // A removal is in no item: who has an older version gets all.
    book.sends(ann, "dan@x.y", {}, true);
    CHECK(roster.version == 6);
    CHECK(answer_get(roster, "5").payload.find("dan@x.y") == std::string::npos);
    CHECK_FALSE(answer_get(roster, "5").payload.empty());
    CHECK(answer_get(roster, "6").payload.empty());
    for (const char* unknown : {"7", "x", "-1", "6 ", "99999999999999999999999"})
        CHECK_FALSE(answer_get(roster, unknown).payload.empty());
}

TEST_CASE("contacts: a deleted account's contacts are released, a part at a time") {
    Book book;
    for (int i = 0; i < 5; ++i) {
        const std::string other = "c" + std::to_string(i) + "@x.y";
        book.sends(ann, other, {Kind::Subscribe});
        book.sends(other, ann, {Kind::Subscribed});
        book.sends(other, ann, {Kind::Subscribe});
    }
    book.puts(ann, bob);
    book.sends(ann, bob, {}, true);   // a removal is noted
    Words told;
    for (int part = 0; part < 4; ++part)
        for (const std::string& one : book.commit(leave(book.rosters, ann, 2))) told.push_back(one);
    CHECK_FALSE(book.rosters.holds_anything_of(ann));
    CHECK(told.size() == 15);   // each hears of both subscriptions, and sees its item
    for (int i = 0; i < 5; ++i)
        CHECK(
            book.item("c" + std::to_string(i) + "@x.y", ann) ==
            "<item jid='ann@grid.example' subscription='none'/>"
        );
}

TEST_CASE("contacts: roster requests that break the rules (RFC 6121 §2.3.3)") {
    using grid::xml::Element;
    using grid::xml::IqType;
    const auto condition = [](Element query, IqType type = IqType::Set) {
        const auto request = parse_roster(type, query);
        return request ? std::string("taken") : request.error().condition;
    };
    const auto query = [](std::vector<Element> items) {
        Element all("query", grid::xml::ns::roster);
        for (Element& item : items) all.add(std::move(item));
        return all;
    };
    const auto item = [](std::vector<std::string> groups, std::string name = "B") {
        Element one("item", {{"jid", "bob@grid.example"}, {"name", std::move(name)}});
        for (const std::string& group : groups) one.add(Element::with_text("group", group));
        return one;
    };
    CHECK(condition(query({item({"a", "b"})})) == "taken");
    CHECK(condition(query({})) == "bad-request");
    CHECK(condition(query({item({}), item({})})) == "bad-request");
    CHECK(condition(query({Element("thing")})) == "bad-request");
    CHECK(condition(query({Element("item")})) == "bad-request");
    CHECK(condition(query({Element("item", {{"jid", "@@"}})})) == "jid-malformed");
    CHECK(condition(query({item({"a", "a"})})) == "bad-request");
    CHECK(condition(query({item({""})})) == "not-acceptable");
    CHECK(condition(query({item({std::string(name_bytes_max + 1, 'g')})})) == "not-acceptable");
    CHECK(condition(query({item({}, std::string(name_bytes_max + 1, 'n'))})) == "not-acceptable");
    CHECK(condition(query({item({})}), IqType::Get) == "bad-request");
    CHECK(condition(query({}), IqType::Get) == "taken");
    // §2.1.2.5: of subscriptions the client may say `remove` alone.
    auto both = item({});
    both.set("subscription", "both").set("ask", "subscribe").set("approved", "true");
    const auto request = parse_roster(IqType::Set, query({both}));
    CHECK((request && !request->is_removal));
}

}   // namespace exchange_test
