// tests/xep/xep0060_presence_test.cpp: rosters and presence behind nodes: subscriptions that end
// with them, delivery to available sessions, nodes that are purged when their publisher leaves
// (XEP-0060 §4.5, §12.1, §16.4.4).
#include "stage.hpp"

namespace xep0060_presence_test {

using grid::test::config_form;
using grid::test::pubsub_ns;
using grid::test::Stage;
using grid::xml::Jid;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";
const std::string subscribe = "<subscribe node='n' jid='" + bare + "'/>";

class RosterStage : public Stage {
protected:
    RosterStage() {
        contacts.is_there = true;
        restart();
    }
    /// As the server tells the broker, whatever the change was.
    bool changes() { return engine().contact_changed(*Jid::parse(owner_bare), *Jid::parse(bare)); }
    void is_told_the_end(const std::string& node) {
        event(bare, "<subscription node='" + node + "' jid='" + bare + "' subscription='none'/>");
    }
};

}   // namespace

TEST_CASE_METHOD(
    RosterStage, "4.5 a subscription ends with the presence subscription", "[4.5][6.1]"
) {
    contacts.known.insert({owner_bare, bare});
    contacts.groups[{owner_bare, bare}] = "friends";
    creates(owner, "p", "access_model=presence");
    creates(owner, "r", "access_model=roster roster_groups_allowed=friends");
    creates(owner, "w");
    affiliates(owner, "w", bare, "member");
    for (const char* node : {"p", "r", "w"}) subscribes(reader, node, bare);
    CHECK(changes());   // and no subscription ends by it
    CHECK(work_off() == 0);
    CHECK(engine().subscription_count() == 3);

    SECTION("of a node for those who get the owner's presence") {
        contacts.known.clear();
        changes();
        publishes(owner, "p", "late");   // already now it is not told of
        receives_nothing(bare);
        work_off();
        is_told_the_end("p");
        CHECK(engine().subscription_count() == 2);
        set(reader, "again", "<subscribe node='p' jid='" + bare + "'/>");
        error(reader, "again", "auth", "not-authorized", "presence-subscription-required");
    }
    SECTION("of a node for groups of the owner's roster") {
        contacts.groups[{owner_bare, bare}] = "enemies";
        changes();
        work_off();
        is_told_the_end("r");
        CHECK(engine().subscription_count() == 2);
    }
    SECTION("not when it is back before that") {
        contacts.known.clear();
        changes();
        contacts.known.insert({owner_bare, bare});
        work_off();
        receives_nothing(bare);
        publishes(owner, "p", "one");
        event(bare, "<items node='p'><item id='one'>...</item></items>");
    }
    SECTION("not of a member, nor where another owner knows the subscriber") {
        affiliates(owner, "p", bare, "member");
        affiliates(owner, "r", "horatio@grid.example", "owner");
        contacts.groups[{"horatio@grid.example", bare}] = "friends";
        forget();
        contacts.known.clear();
        contacts.groups.erase({owner_bare, bare});
        changes();
        work_off();
        CHECK(engine().subscription_count() == 3);
        receives_nothing(bare);
    }
    SECTION("and what was published meanwhile is not replayed") {
        publishes(owner, "p", "early");
        forget();
        contacts.known.clear();
        replays(reader);
        receives_nothing(reader);
        receives_nothing(bare);
    }
}

TEST_CASE_METHOD(
    RosterStage,
    "4.5 a node that asks its owners' rosters otherwise ends subscriptions",
    "[4.5][8.2]"
) {
    const std::string other = "horatio@grid.example";
    contacts.groups[{owner_bare, bare}] = "friends";
    creates(
        owner, "n", "access_model=roster roster_groups_allowed=friends publish_model=subscribers"
    );
    subscribes(reader, "n", bare);
    publishes(owner, "n", "early");
    forget();

    const bool is_for_another_group = GENERATE(true, false);
    if (is_for_another_group) {
        configures(owner, "n", "roster_groups_allowed=enemies");
    } else {   // the owner who knew the account is none any more
        affiliates(owner, "n", other, "owner");
        contacts.groups[{other, bare}] = "friends";
        contacts.groups.erase({owner_bare, bare});
        affiliates(owner, "n", other, "none");
    }
    forget();
    publishes(owner, "n", "late");   // before any subscription was looked at
    receives_nothing(bare);
    get(reader, "i", "<items node='n'/>");
    error(reader, "i", "auth", "not-authorized", "not-in-roster-group");
    set(reader, "p", "<publish node='n'><item><x xmlns='urn:x'/></item></publish>");
    error(reader, "p", "auth", "forbidden");
    set(reader, "s", subscribe);
    error(reader, "s", "auth", "not-authorized", "not-in-roster-group");
    const bool is_after_a_restart = GENERATE(true, false);
    if (is_after_a_restart) restart();
    work_off();
    is_told_the_end("n");
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(
    RosterStage, "4.5 a model that asks rosters keeps the subscribers that it admits", "[4.5][8.2]"
) {
    const std::string stranger = "bernardo@grid.example";
    contacts.known.insert({owner_bare, bare});
    creates(owner, "n", "access_model=authorize");
    for (const std::string& jid : {bare, stranger})
        owner_set(
            owner, "s",
            "<subscriptions node='n'><subscription jid='" + jid +
                "' subscription='subscribed'/></subscriptions>"
        );
    configures(owner, "n", "access_model=presence");
    forget();
    publishes(owner, "n", "one");   // before and after the others were thrown out
    event(bare, "<items node='n'><item id='one'>...</item></items>");
    work_off();
    publishes(owner, "n", "two");
    event(bare, "<items node='n'><item id='two'>...</item></items>");
    event(stranger, "<subscription node='n' jid='" + stranger + "' subscription='none'/>");
    receives_nothing(stranger);
    receives_nothing(bare);
    CHECK(engine().subscription_count() == 1);
    affiliates(owner, "n", bare, "member");
    affiliates(owner, "n", bare, "none");   // known to the owner as before
    work_off();
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(
    RosterStage, "8.8 an owner subscribes no account that the owners do not know", "[8.8][6.1]"
) {
    creates(owner, "n", "access_model=presence");
    const std::string line = "<subscription jid='" + bare + "' subscription='";
    const std::string wanted = "<subscriptions node='n'>" + line + "subscribed'/></subscriptions>";
    owner_set(owner, "s1", wanted);
    CHECK(next(owner).attr_or("type", "") == "error");
    set(owner, "s2", subscribe);
    error(owner, "s2", "auth", "not-authorized", "presence-subscription-required");
    CHECK(engine().subscription_count() == 0);
    contacts.known.insert({owner_bare, bare});
    owner_set(owner, "s3", wanted);
    result(owner, "s3");
    publishes(owner, "n", "one");
    CHECK(engine().subscription_count() == 1);
}

TEST_CASE_METHOD(RosterStage, "4.5 subscriptions to very many nodes end some at a time", "[4.5]") {
    constexpr std::size_t nodes = 300, looked_at_once = 256;
    contacts.known.insert({owner_bare, bare});
    for (std::size_t i = 0; i < nodes; ++i) {
        creates(owner, "n" + std::to_string(i), "access_model=presence");
        subscribes(reader, "n" + std::to_string(i), bare);
    }
    contacts.known.clear();
    // A client that goes on changing its roster makes no more work of it.
    for (int i = 0; i < 1000; ++i) CHECK(changes());
    for (grid::storage::Batch& batch : engine().due(grid::storage::MemoryStore::time_at_start, 100))
        submit(std::move(batch));
    CHECK(engine().subscription_count() == nodes - looked_at_once);
    work_off();
    CHECK(engine().subscription_count() == 0);
}

TEST_CASE_METHOD(
    RosterStage, "12.1 presence-based delivery: sessions without presence are passed over", "[12.1]"
) {
    using grid::pubsub::Show;
    creates(owner, "n", "presence_based_delivery=1");
    creates(owner, "m");
    for (const char* node : {"n", "m"}) {
        affiliates(owner, node, bare, "member");
        subscribes(reader, node, bare);
    }
    const auto shows = [&](const char* node) {
        const auto all = engine().audience(engine().node(node)->uid);
        REQUIRE(all.size() == 1);
        return all.front().shows;
    };
    CHECK((shows("n") & Show::Unannounced) == 0);
    CHECK((shows("n") & Show::Online) != 0);
    CHECK((shows("m") & Show::Unannounced) != 0);
    configures(owner, "n", "presence_based_delivery=0");
    CHECK(shows("n") == shows("m"));
}

TEST_CASE_METHOD(RosterStage, "12.1 presence-based delivery is a feature, with presence", "[5.1]") {
    const auto is_offered = [&] {
        sends(
            reader,
            "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        );
        const auto iq = next(reader);
        for (const auto* feature : iq.first_child()->children("feature"))
            if (feature->attr_or("var", "") == pubsub_ns + "#presence-notifications") return true;
        return false;
    };
    CHECK(is_offered());
    contacts.is_there = false;
    restart();
    CHECK_FALSE(is_offered());
    for (const char* option : {"presence_based_delivery=1", "purge_offline=1"}) {
        set(owner, "c", "<create node='x'/><configure>" + config_form(option) + "</configure>");
        error(owner, "c", "modify", "not-acceptable");
    }
}

TEST_CASE_METHOD(
    RosterStage, "purge_offline: items go with their publisher's last session", "[8.2]"
) {
    const auto leaves = [&](const std::string& who, bool is_last) {
        engine().session_ended(*Jid::parse(who), is_last);
        work_off();
        return engine().item_count();
    };
    creates(owner, "n", "purge_offline=1");
    creates(owner, "m");
    affiliates(owner, "n", bare, "publisher");
    subscribes(reader, "n", bare);
    publishes(owner, "n", "one");
    publishes(owner, "m", "two");
    forget();
    CHECK(leaves(owner, false) == 2);   // the owner has another session
    CHECK(leaves(reader, true) == 2);   // the newest item is not its own
    CHECK(leaves(owner, true) == 1);
    event(bare, "<purge node='n'/>");
    publishes(reader, "n", "three");
    CHECK(leaves(owner, true) == 2);
    CHECK(leaves(reader, true) == 1);
    configures(owner, "n", "purge_offline=0");
    publishes(reader, "n", "four");
    CHECK(leaves(reader, true) == 2);
}

TEST_CASE_METHOD(
    RosterStage, "purge_offline: a publisher whose end was not seen is away, too", "[8.2]"
) {
    creates(owner, "n", "purge_offline=1");
    creates(owner, "m");
    publishes(owner, "n", "one");
    publishes(owner, "m", "two");
    SECTION("after a start") { restart(); }
    SECTION("when a member of the cluster is lost, or another one leads") {
        engine().look_for_orphans();
    }
    work_off();
    CHECK(engine().item_count() == 1);
}

}   // namespace xep0060_presence_test
