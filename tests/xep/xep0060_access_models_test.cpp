// tests/xep/xep0060_access_models_test.cpp: access models that rest on presence and rosters, and
// each model as the configured default (XEP-0060 §4.5, §6.1.3, §6.5.9).
#include "stage.hpp"

namespace xep0060_access_models_test {

using grid::test::config_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";
const std::string subscribe = "<subscribe node='n' jid='" + bare + "'/>";

struct WithPresence : Stage {
    WithPresence() {
        contacts.is_there = true;
        restart();
    }
};

std::set<std::string> access_features(Stage& stage) {
    stage.sends(
        reader, "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    std::set<std::string> found;
    const auto iq = stage.next(reader);
    for (const auto* feature : iq.first_child()->children("feature")) {
        const std::string var(feature->attr_or("var", ""));
        const std::string prefix = pubsub_ns + "#access-";
        if (var.starts_with(prefix)) found.insert(var.substr(prefix.size()));
    }
    return found;
}

}   // namespace

TEST_CASE_METHOD(
    Stage, "8.1 presence and roster without presence: unsupported-access-model", "[8.1]"
) {
    for (const char* model : {"presence", "roster"}) {
        set(owner, "c1",
            "<create node='n'/><configure>" + config_form("access_model=" + std::string(model)) +
                "</configure>");
        error(owner, "c1", "modify", "not-acceptable", "unsupported-access-model");
    }
    owner_get(owner, "d", "<default/>");   // and the form does not offer them
    const auto iq = next(owner);
    const auto* form = iq.first_child()->first_child()->first_child();
    for (const auto* field : form->children("field")) {
        if (field->attr_or("var", "") != "pubsub#access_model") continue;
        std::string offered;
        for (const auto* option : field->children("option"))
            offered += option->child("value")->text() + " ";
        CHECK(offered == "authorize whitelist ");
    }
}

TEST_CASE_METHOD(WithPresence, "6.1 presence-subscription-required", "[6.1][6.5]") {
    creates(owner, "n", "access_model=presence");
    publishes(owner, "n", "one");
    set(reader, "s1", subscribe);
    error(reader, "s1", "auth", "not-authorized", "presence-subscription-required");
    get(reader, "i1", "<items node='n'/>");
    error(reader, "i1", "auth", "not-authorized", "presence-subscription-required");
    contacts.known.insert({owner_bare, bare});
    get(reader, "i2", "<items node='n' max_items='1'/>");
    CHECK(next(reader).attr_or("type", "") == "result");
    subscribes(reader, "n", bare);
}

TEST_CASE_METHOD(WithPresence, "6.1 not-in-roster-group", "[6.1][6.5]") {
    creates(owner, "n", "access_model=roster roster_groups_allowed=friends");
    set(reader, "s1", subscribe);
    error(reader, "s1", "auth", "not-authorized", "not-in-roster-group");
    get(reader, "i1", "<items node='n'/>");
    error(reader, "i1", "auth", "not-authorized", "not-in-roster-group");
    contacts.known.insert({owner_bare, bare});   // presence alone is not enough
    set(reader, "s2", subscribe);
    error(reader, "s2", "auth", "not-authorized", "not-in-roster-group");
    contacts.groups[{owner_bare, bare}] = "enemies";
    set(reader, "s3", subscribe);
    error(reader, "s3", "auth", "not-authorized", "not-in-roster-group");
    contacts.groups[{owner_bare, bare}] = "friends";
    subscribes(reader, "n", bare);
}

TEST_CASE_METHOD(WithPresence, "4.5 presence and roster, each affiliation", "[4.1][4.5]") {
    for (const std::string model : {"presence", "roster"}) {
        const std::string refused = "auth not-authorized";
        const std::map<std::string, std::string> expected{
            {"none", refused},
            {"member", "yes"},
            {"publisher", "yes"},
            {"publish-only", "auth forbidden"},
            {"outcast", "auth forbidden"},
            {"owner", "yes"}
        };
        for (const auto& [affiliation, answer] : expected) {
            INFO(model << " " << affiliation);
            creates(owner, "n", "access_model=" + model);
            if (affiliation != "none") affiliates(owner, "n", bare, affiliation);
            for (const bool is_get : {true, false}) {
                is_get ? get(reader, "q", "<items node='n'/>") : set(reader, "q", subscribe);
                const auto iq = next(reader);
                const bool is_done = iq.attr_or("type", "") == "result";
                CHECK(
                    (is_done ? "yes"
                             : std::string(iq.child("error")->attr_or("type", "")) + " " +
                                   iq.child("error")->first_child()->name()) == answer
                );
            }
            owner_set(owner, "d", "<delete node='n'/>");
            forget();
        }
    }
}

TEST_CASE_METHOD(
    WithPresence, "4.5 each access model as the default is advertised alone", "[5.1]"
) {
    for (const char* model : {"open", "authorize", "whitelist", "presence", "roster"}) {
        INFO(model);
        auto with = settings();
        with.allow_open = true;
        with.default_access_model = model;
        with.advertise.clear();
        restart(with);
        CHECK(access_features(*this) == std::set<std::string>{model});
        creates(owner, model);
        CHECK(engine().node(model)->access_model == model);
        with.advertise = {"access-open"};   // pubsub.compat.advertise adds, and is no promise
        restart(with);
        CHECK(access_features(*this) == std::set<std::string>{"open", model});
    }
}

TEST_CASE_METHOD(Stage, "4.5 a default that is not enabled is not used", "[5.1]") {
    for (const char* model : {"open", "presence", "roster", "nonsense"}) {
        auto with = settings();
        with.default_access_model = model;
        restart(with);
        CHECK(access_features(*this) == std::set<std::string>{"whitelist"});
    }
}

TEST_CASE_METHOD(
    Stage, "8.2 a model that was switched off stays where it is, and nowhere else", "[8.2]"
) {
    auto open = settings();
    open.allow_open = true;
    restart(open);
    creates(owner, "n", "access_model=open");
    creates(owner, "m");
    open.allow_open = false;
    restart(open);
    configures(owner, "n", "access_model=open title=x");   // a form sent back as it came
    owner_set(
        owner, "x", "<configure node='m'>" + config_form("access_model=open") + "</configure>"
    );
    error(owner, "x", "modify", "not-acceptable", "unsupported-access-model");
}

TEST_CASE_METHOD(
    WithPresence, "4.5 nodes of models that rest on presence let nobody in without it", "[6.1][6.5]"
) {
    creates(owner, "n", "access_model=presence");
    creates(owner, "r", "access_model=roster roster_groups_allowed=friends");
    creates(owner, "w");
    contacts.known.insert({owner_bare, bare});
    contacts.groups[{owner_bare, bare}] = "friends";
    contacts.is_there = false;   // as after a restart of a server that has no presence
    contacts.known.clear();
    contacts.groups.clear();
    restart();
    set(reader, "s", subscribe);
    error(reader, "s", "auth", "not-authorized", "presence-subscription-required");
    get(reader, "i", "<items node='n'/>");
    error(reader, "i", "auth", "not-authorized", "presence-subscription-required");
    set(reader, "s", "<subscribe node='r' jid='" + bare + "'/>");
    error(reader, "s", "auth", "not-authorized", "not-in-roster-group");
    get(reader, "i", "<items node='r'/>");
    error(reader, "i", "auth", "not-authorized", "not-in-roster-group");
    for (const char* model : {"presence", "roster"}) {
        const std::string wanted = "access_model=" + std::string(model);
        owner_set(owner, "c", "<configure node='w'>" + config_form(wanted) + "</configure>");
        error(owner, "c", "modify", "not-acceptable", "unsupported-access-model");
    }
    CHECK(access_features(*this) == std::set<std::string>{"whitelist"});
}

TEST_CASE_METHOD(
    Stage, "5.1 what needs presence is not offered, whatever the default model", "[5.1]"
) {
    for (const char* model : {"authorize", "whitelist"}) {
        auto with = settings();
        with.default_access_model = model;
        restart(with);
        CHECK(access_features(*this) == std::set<std::string>{model});
        sends(
            reader,
            "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        );
        const auto iq = next(reader);
        for (const char* name :
             {"presence-subscribe", "auto-subscribe", "filtered-notifications",
              "presence-notifications", "last-published", "auto-create"})
            for (const auto* feature : iq.first_child()->children("feature"))
                CHECK(feature->attr_or("var", "") != pubsub_ns + "#" + name);
    }
}

TEST_CASE_METHOD(
    Stage, "12.2 last-published: where it is configured, new nodes send their last item", "[12.2]"
) {
    const auto sends_last = [this](const std::string& node) {
        owner_get(owner, "g", "<configure node='" + node + "'/>");
        const auto iq = next(owner);
        const auto* form = iq.first_child()->child("configure")->child_any_ns("x");
        for (const auto* field : form->children("field"))
            if (field->attr_or("var", "") == "pubsub#send_last_published_item")
                return field->child("value")->text() == "on_sub_and_presence";
        return false;
    };
    const auto is_offered = [this] {
        sends(
            reader,
            "<iq type='get' id='i'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
        );
        const auto iq = next(reader);
        for (const auto* feature : iq.first_child()->children("feature"))
            if (feature->attr_or("var", "") == pubsub_ns + "#last-published") return true;
        return false;
    };
    creates(owner, "before");
    CHECK_FALSE(sends_last("before"));
    CHECK_FALSE(is_offered());
    auto with = settings();
    with.last_published = true;
    restart(with);
    CHECK(is_offered());
    CHECK_FALSE(sends_last("before"));   // as it was made
    creates(owner, "n", "access_model=authorize");
    CHECK(sends_last("n"));
    creates(owner, "never", "send_last_published_item=never");
    CHECK_FALSE(sends_last("never"));
    with.last_published = false;
    restart(with);
    CHECK(sends_last("n"));
}

}   // namespace xep0060_access_models_test
