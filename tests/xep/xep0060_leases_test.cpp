// tests/xep/xep0060_leases_test.cpp: subscriptions that end by themselves (XEP-0060 §12.5,
// §12.19).
#include "stage.hpp"
#include "xml/datetime.hpp"

namespace xep0060_leases_test {

using grid::test::options_form;
using grid::test::pubsub_ns;
using grid::test::Stage;

namespace {

const std::string owner = "hamlet@grid.example/elsinore", owner_bare = "hamlet@grid.example";
const std::string reader = "francisco@grid.example/barracks", bare = "francisco@grid.example";
constexpr grid::storage::Millis hour = 3600 * 1000;

class LeaseStage : public Stage {
protected:
    LeaseStage() {
        creates(owner, "n");
        affiliates(owner, "n", bare, "member");
    }
    static std::string in(grid::storage::Millis time) {
        return grid::xml::to_datetime(grid::storage::MemoryStore::time_at_start + time);
    }
    static std::string subscribe(const std::string& fields, const std::string& jid = bare) {
        return "<subscribe node='n' jid='" + jid + "'/><options>" + options_form(fields) +
               "</options>";
    }
    static std::string line(const std::string& state, const std::string& expiry) {
        return "<subscription node='n' jid='" + bare + "' subscription='" + state + "' expiry='" +
               expiry + "'/>";
    }
    void leases(const std::string& until) {
        set(reader, "lease1", subscribe("expire=" + until));
        result(
            reader, "lease1",
            "<pubsub xmlns='" + pubsub_ns + "'>" + line("subscribed", until) +
                "<options>...</options></pubsub>"
        );
    }
    void renews(const std::string& until) {
        set(reader, "lease2",
            "<options node='n' jid='" + bare + "'>" + options_form("expire=" + until) + "</options>"
        );
        result(reader, "lease2");
    }
    void ends(const std::string& full, bool is_last) {
        engine().session_ended(*grid::xml::Jid::parse(full), is_last);
        work_off();
    }
    std::size_t count() { return engine().subscription_count(); }
};

}   // namespace

TEST_CASE_METHOD(LeaseStage, "12.19 leases: every list says when it ends", "[12.19]") {
    leases(in(5 * hour));
    get(reader, "m1", "<subscriptions/>");
    result(
        reader, "m1",
        "<pubsub xmlns='" + pubsub_ns + "'><subscriptions>" + line("subscribed", in(5 * hour)) +
            "</subscriptions></pubsub>"
    );
    owner_get(owner, "m2", "<subscriptions node='n'/>");
    result(
        owner, "m2",
        "<pubsub xmlns='" + pubsub_ns + "#owner'><subscriptions node='n'><subscription jid='" +
            bare + "' subscription='subscribed' expiry='" + in(5 * hour) +
            "'/></subscriptions></pubsub>"
    );
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: one reminder before the end, then the end", "[12.19]") {
    leases(in(5 * hour));
    event(bare, line("subscribed", in(5 * hour)));
    advance(4 * hour - 1);
    CHECK(work_off() == 0);
    advance(1);
    work_off();
    event(bare, line("subscribed", in(5 * hour)));
    CHECK(work_off() == 0);   // once
    restart();
    CHECK(work_off() == 0);   // in any case
    advance(hour - 1);
    CHECK(work_off() == 0);
    CHECK(count() == 1);
    advance(1);
    work_off();
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='none'/>");
    CHECK(count() == 0);
    publishes(owner, "n", "a");
    receives_nothing(bare);
    CHECK(memory().leases().empty());
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: renewed, it is reminded of anew", "[12.19]") {
    leases(in(5 * hour));
    advance(4 * hour);
    work_off();
    event(bare, line("subscribed", in(5 * hour)));
    renews(in(9 * hour));
    advance(3 * hour);   // past the first end
    CHECK(work_off() == 0);
    CHECK(count() == 1);
    advance(hour);
    work_off();
    event(bare, line("subscribed", in(9 * hour)));
    renews("");   // no lease any more
    advance(100 * hour);
    CHECK(work_off() == 0);
    CHECK(count() == 1);
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: a renewal keeps what is owed", "[12.19]") {
    leases(in(5 * hour));
    publishes(owner, "n", "a");
    forget();
    renews(in(6 * hour));
    advance(5 * hour);
    work_off();   // the reminder rewrites the record, too
    forget();
    replays(reader);
    CHECK(next(bare).child("delay", grid::xml::Ns("urn:xmpp:delay")) != nullptr);
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: subscribing again renews", "[12.19]") {
    leases(in(5 * hour));
    leases(in(8 * hour));
    CHECK(count() == 1);
    CHECK(memory().leases().size() == 1);
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: short ones need no reminder", "[12.19]") {
    leases(in(hour / 2));
    CHECK(work_off() == 0);
    advance(hour / 2);
    work_off();
    event(bare, "<subscription node='n' jid='" + bare + "' subscription='none'/>");
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: invalid-options when it is past", "[12.19]") {
    set(reader, "l1", subscribe("expire=" + in(0)));
    error(reader, "l1", "modify", "bad-request", "invalid-options");
    CHECK(count() == 0);
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: no longer than the service allows", "[12.19]") {
    auto shorter = settings();
    shorter.lease_seconds_max = 7200;
    restart(shorter);
    set(reader, "l1", subscribe("expire=" + in(50 * hour)));
    result(
        reader, "l1",
        "<pubsub xmlns='" + pubsub_ns + "'>" + line("subscribed", in(2 * hour)) +
            "<options>...</options></pubsub>"
    );
}

TEST_CASE_METHOD(
    LeaseStage, "12.19 leases: a renewal in the queue before the end wins", "[12.19]"
) {
    leases(in(hour));
    advance(hour - 1);
    hold();
    set(reader, "late",
        "<options node='n' jid='" + bare + "'>" + options_form("expire=" + in(3 * hour)) +
            "</options>");
    advance(1);
    for (auto& batch : engine().due(grid::storage::MemoryStore::time_at_start + hour, 16))
        submit(std::move(batch));
    run();
    result(reader, "late");
    CHECK(count() == 1);
}

TEST_CASE_METHOD(LeaseStage, "12.19 leases: many end together, in bounded batches", "[12.19]") {
    for (int i = 0; i < 50; ++i)
        set(reader, "l", subscribe("expire=" + in(hour), bare + "/r" + std::to_string(i)));
    REQUIRE(count() == 50);
    advance(hour);
    CHECK(work_off() == 50);
    CHECK(count() == 0);
}

TEST_CASE_METHOD(LeaseStage, "12.5 temporary: ends with the account's last session", "[12.5]") {
    set(reader, "l1", subscribe("expire=presence"));
    next(reader);
    set(reader, "l2", subscribe("digest=1"));   // another one, for good
    next(reader);
    forget();
    ends("francisco@grid.example/other", false);
    CHECK(count() == 2);
    ends(reader, true);
    CHECK(count() == 1);
    receives_nothing(bare);   // no resource is there to notify
}

TEST_CASE_METHOD(LeaseStage, "12.5 temporary: a full JID's ends with that session", "[12.5]") {
    set(reader, "l1", subscribe("expire=presence", reader));
    set(reader, "l2", subscribe("expire=presence"));
    REQUIRE(count() == 2);
    ends("francisco@grid.example/other", false);
    CHECK(count() == 2);
    ends(reader, false);
    CHECK(count() == 1);
    ends("francisco@grid.example/other", true);
    CHECK(count() == 0);
}

TEST_CASE_METHOD(LeaseStage, "12.5 temporary: nothing of others ends", "[12.5]") {
    affiliates(owner, "n", "francisco@grid.example.net", "member");
    set("francisco@grid.example.net/x", "l1",
        subscribe("expire=presence", "francisco@grid.example.net"));
    ends(reader, true);
    CHECK(count() == 1);
}

TEST_CASE_METHOD(LeaseStage, "12.5 temporary: what a start finds is left over", "[12.5]") {
    set(reader, "l1", subscribe("expire=presence"));
    subscribes(owner, "n", owner_bare);
    restart();
    CHECK(count() == 2);
    work_off();
    CHECK(count() == 1);
    restart();
    CHECK(work_off() == 0);
}

TEST_CASE_METHOD(
    LeaseStage, "12.5 temporary: who subscribes again after a start keeps it", "[12.5]"
) {
    set(reader, "l1", subscribe("expire=presence"));
    restart();
    set(reader, "l2", subscribe("expire=presence"));
    work_off();
    CHECK(count() == 1);
    ends(reader, true);
    CHECK(count() == 0);
}

TEST_CASE_METHOD(LeaseStage, "12.5 temporary: a gap in the feed ends nothing", "[12.5]") {
    set(reader, "l1", subscribe("expire=presence"));
    engine().scan_started();
    REQUIRE(store().scan([this](const auto& change) { engine().apply(change); }).has_value());
    engine().scan_finished();
    CHECK(work_off() == 0);
    CHECK(count() == 1);
}

TEST_CASE_METHOD(
    LeaseStage, "12.5 tempsub: the owner makes all subscriptions temporary", "[12.5]"
) {
    configures(owner, "n", "tempsub=true");
    set(reader, "s1", "<subscribe node='n' jid='" + bare + "'/>");
    next(reader);
    get(reader, "o1", "<options node='n' jid='" + bare + "'/>");
    result(
        reader, "o1",
        "<pubsub xmlns='" + pubsub_ns +
            "'><options node='n'><x xmlns='jabber:x:data'>...<field "
            "var='pubsub#expire'><value>presence</value></field></x></options></pubsub>"
    );
    ends(reader, true);
    CHECK(count() == 0);
}

}   // namespace xep0060_leases_test
