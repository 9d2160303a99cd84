// tests/xep/xep0060_options_effect_test.cpp: the effect of each subscription option (XEP-0060
// §6.3, §16.4.2).
#include "stage.hpp"

namespace xep0060_options_effect_test {

using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";

class EffectStage : public Stage {
protected:
    void opens() {
        creates(owner, "n");
        affiliates(owner, "n", bare, "member");
        subscribes(reader, "n", bare);
    }
    void sets(const std::string& fields) {
        set(reader, "options2",
            "<options node='n' jid='" + bare + "'>" + options_form(fields) + "</options>");
        result(reader, "options2");
    }
    grid::pubsub::Subscriber subscriber() {
        const auto audience = engine().audience(engine().node("n")->uid);
        REQUIRE(audience.size() == 1);
        return audience.front();
    }
};

}   // namespace

TEST_CASE_METHOD(
    EffectStage, "6.3 deliver: switched off, nothing comes and nothing is owed", "[6.3]"
) {
    opens();
    publishes(owner, "n", "a");
    event(bare, "<items node='n'><item id='a'>...</item></items>");
    sets("deliver=0");
    publishes(owner, "n", "b");
    receives_nothing(bare);
    CHECK(engine().audience(engine().node("n")->uid).empty());
    replays(reader);
    receives_nothing(bare);
    get(reader, "i1", "<items node='n' max_items='1'/>");   // still subscribed: may retrieve
    CHECK(next(reader).attr_or("type", "") == "result");
    sets("deliver=1");   // begins anew: what came meanwhile is not owed
    replays(reader);
    receives_nothing(bare);
    publishes(owner, "n", "c");
    event(bare, "<items node='n'><item id='c'>...</item></items>");
}

TEST_CASE_METHOD(
    EffectStage, "6.3 options: what was owed stays owed when options change", "[6.3]"
) {
    opens();
    publishes(owner, "n", "a");
    forget();
    sets("digest_frequency=5000");
    sets("show-values=online");
    replays(reader);
    receives(
        bare, "<message><event xmlns='" + pubsub_ns +
                  "#event'><items node='n'><item id='a'>...</item></items></event><delay "
                  "xmlns='urn:xmpp:delay'/></message>"
    );
    receives_nothing(bare);
}

TEST_CASE_METHOD(
    EffectStage, "6.3 include_body: the title of an Atom entry, beside the event", "[6.3]"
) {
    creates(owner, "n", "type=http://www.w3.org/2005/Atom");
    affiliates(owner, "n", bare, "member");
    subscribes(reader, "n", bare);
    sets("include_body=true");
    CHECK(subscriber().copy.has_body);
    set(owner, "p1",
        "<publish node='n'><item id='a'><entry xmlns='http://www.w3.org/2005/Atom'>"
        "<title>Soliloquy &lt;1&gt;</title></entry></item></publish>");
    result(owner, "p1");
    const auto message = next(bare);
    REQUIRE(message.child("body") != nullptr);
    CHECK(message.child("body")->text() == "Soliloquy <1>");
}

TEST_CASE_METHOD(EffectStage, "6.3 show-values: reach fan-out", "[6.3]") {
    opens();
    CHECK(subscriber().shows == grid::pubsub::every_show);
    sets("show-values=away show-values=xa");
    CHECK(subscriber().shows == (grid::pubsub::Away | grid::pubsub::ExtendedAway));
}

TEST_CASE_METHOD(EffectStage, "6.3 digest: its frequency reaches fan-out", "[6.3]") {
    opens();
    CHECK(subscriber().digest_ms == 0);
    sets("digest=1");
    CHECK(subscriber().digest_ms == 86'400'000);
    sets("digest_frequency=2500");
    CHECK(subscriber().digest_ms == 2500);
    sets("digest_frequency=1");   // at most ten a second
    CHECK(subscriber().digest_ms == 100);
    get(reader, "o1", "<options node='n' jid='" + bare + "'/>");
    receives(
        reader,
        "<iq type='result'><pubsub xmlns='" + pubsub_ns +
            "'><options><x xmlns='jabber:x:data'>...<field "
            "var='pubsub#digest_frequency'><value>100</value></field></x></options></pubsub></iq>"
    );
    sets("digest=0");
    CHECK(subscriber().digest_ms == 0);
}

TEST_CASE_METHOD(EffectStage, "6.3 subscription_type: of new nodes only, no items", "[6.3]") {
    opens();
    sets("subscription_type=nodes");
    publishes(owner, "n", "a");
    receives_nothing(bare);
    sets("subscription_type=all");
    publishes(owner, "n", "b");
    event(bare, "<items node='n'><item id='b'>...</item></items>");
}

TEST_CASE_METHOD(EffectStage, "6.3 options: a pending subscription has some too", "[6.3]") {
    creates(owner, "n", "access_model=authorize");
    set(reader, "s1", "<subscribe node='n' jid='" + bare + "'/>");
    next(reader);
    sets("show-values=chat");
    owner_set(
        owner, "a1",
        "<subscriptions node='n'><subscription jid='" + bare +
            "' subscription='subscribed'/></subscriptions>"
    );
    result(owner, "a1");
    CHECK(subscriber().shows == grid::pubsub::Chat);
}

}   // namespace xep0060_options_effect_test
