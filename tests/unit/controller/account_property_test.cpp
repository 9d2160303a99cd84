// tests/unit/controller/account_property_test.cpp: no sequence of requests reaches access without
// certificate, approval and policy (S40), compared with a naive model.
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

#include "../../stories/grid_stage.hpp"
#include "controller/state.hpp"

namespace account_property_test {

using namespace grid::controller;
using grid::test::GridStage;

namespace {

const std::array<std::string, 3> names{"a@grid.example", "b@grid.example", "c@grid.example"};
const std::array<std::string, 2> anchors{"ca", "other"};
const std::array<std::string, 2> keys{std::string(64, '1'), std::string(64, '2')};
const std::array<std::string, 3> groups{"red", "green", "everyone"};
const std::string root = "root@grid.example";

/// The account machine's rules, written down a second time and simply.
struct Model {
    struct Entry {
        std::string state = "init", anchor, pin, group;
    };
    struct Session {
        std::string jid, anchor, key;
    };
    std::map<std::string, Entry> accounts;
    std::map<std::string, Session> sessions;   // by full JID; those that are connected
    std::set<std::string> allowed;             // groups that the policy lets publish
    bool is_auto = false;

    bool may_enter(const std::string& jid, const std::string& anchor, const std::string& key) {
        const Entry& entry = accounts[jid];
        if (!entry.anchor.empty() && entry.anchor != anchor) return false;
        if (!entry.pin.empty() && entry.pin != key) return false;
        return entry.state != "disabled";
    }
    bool has_access(const Session& session) {
        const Entry& entry = accounts[session.jid];
        return entry.state == "enabled" && entry.anchor == session.anchor &&
               (entry.pin.empty() || entry.pin == session.key) && allowed.contains(entry.group);
    }
    void end_sessions(const std::string& jid) {
        std::erase_if(sessions, [&](const auto& entry) { return entry.second.jid == jid; });
    }
    void join(const std::string& jid, const std::string& anchor) {
        Entry& entry = accounts[jid];
        if (entry.state == "disabled" || (!entry.anchor.empty() && entry.anchor != anchor)) return;
        if (entry.state == "init" || entry.state == "pending") {
            const bool was_init = entry.state == "init";
            entry.state = is_auto ? "enabled" : "pending";
            if (is_auto || was_init) entry.anchor = anchor;
            if (is_auto && entry.group.empty()) entry.group = "everyone";
        } else {
            entry.anchor = anchor;   // made by an administrator, bound now
        }
    }
};

class Walk {
public:
    Walk(std::uint32_t seed, bool is_auto) : random_(seed), stage_(settings(is_auto)) {
        model_.is_auto = is_auto;
        stage_.administrator(root);
    }

    void step() {
        const std::string& jid = pick(names);
        switch (random_() % 12) {
            case 0:
            case 1:
            case 2:
                return connect(jid);
            case 3:
                return ask_to_join(jid);
            case 4:
                return act(jid, "approve", "pending", "enabled");
            case 5:
                return act(jid, "decline", "pending", "disabled");
            case 6:
                return act(jid, "disable", "enabled", "disabled");
            case 7:
                return act(jid, "enable", "disabled", "enabled");
            case 8:
                return remove(jid);
            case 9:
                return set_group(jid);
            case 10:
                return pin(jid);
            default:
                return set_policy();
        }
    }

    void compare() {
        for (const auto& name : names) {
            const auto bare = *grid::xml::Jid::parse(name);
            CHECK(to_string(stage_.controller().state(bare)) == model_.accounts[name].state);
            for (const auto& anchor : anchors)
                for (const auto& key : keys) {
                    const bool enters =
                        stage_.controller().admit(identity(name, anchor, key)).kind ==
                        Admission::Kind::Enter;
                    CHECK(enters == model_.may_enter(name, anchor, key));
                }
        }
        REQUIRE(stage_.sessions.table.size() == model_.sessions.size() + 1);
        for (const auto& [full, session] : model_.sessions) {
            const auto actor = stage_.principal(full);
            const bool has_access =
                stage_.controller().check(actor, grid::pubsub::Right::Publish, "t", {}).allowed;
            CHECK(has_access == model_.has_access(session));
            accesses_ += has_access;
            const bool is_confined =
                stage_.controller()
                    .confine(
                        actor, Destination::Broker,
                        grid::test::parse("<iq xmlns='jabber:client' type='get' id='i'><x/></iq>")
                    )
                    .has_value();
            const auto& entry = model_.accounts[session.jid];
            CHECK(is_confined == !(entry.state == "enabled" && entry.anchor == session.anchor));
        }
        ++compared_;
    }
    std::size_t accesses_ = 0, compared_ = 0;

private:
    static Settings settings(bool is_auto) {
        Settings settings = GridStage::default_settings();
        settings.auto_approve = is_auto;
        return settings;
    }
    template <std::size_t count>
    const std::string& pick(const std::array<std::string, count>& from) {
        return from[random_() % count];
    }
    static Identity identity(
        const std::string& jid, const std::string& anchor, const std::string& key
    ) {
        Identity shown = GridStage::identity(jid, anchor);
        shown.key = key;
        return shown;
    }

    /// Streams that the controller ended are gone, in both worlds.
    void sweep() {
        for (const auto& [jid, condition] : stage_.control.closed)
            std::erase_if(stage_.sessions.table, [&](const auto& entry) {
                return entry.second.jid.bare_view() == jid;
            });
        stage_.control = {};
        stage_.later(50);
    }

    void connect(const std::string& jid) {
        const std::string& anchor = pick(anchors);
        const std::string& key = pick(keys);
        const std::string full = jid + "/" + std::to_string(random_() % 3);
        const bool may = model_.may_enter(jid, anchor, key);
        if (may) {
            stage_.disconnects(full);
            model_.sessions.erase(full);
        }
        const bool entered = stage_.connects_as(full, identity(jid, anchor, key));
        CHECK(entered == may);
        if (may) {
            const auto& state = model_.accounts[jid].state;
            const bool is_stored = state == "enabled";
            if (model_.is_auto || is_stored) model_.join(jid, anchor);
            model_.sessions[full] = {jid, anchor, key};
        }
        sweep();
    }

    void ask_to_join(const std::string& jid) {
        for (const auto& [full, session] : model_.sessions) {
            if (session.jid != jid) continue;
            stage_.sends(
                full,
                "<iq xmlns='jabber:client' type='set' id='r' to='controller.grid.example'>"
                "<query xmlns='jabber:iq:register'/></iq>"
            );
            const auto& entry = model_.accounts[jid];
            if (entry.pin.empty() || entry.pin == session.key) model_.join(jid, session.anchor);
            break;
        }
        sweep();
    }

    void act(
        const std::string& jid,
        const std::string& verb,
        const std::string& from,
        const std::string& to
    ) {
        auto& entry = model_.accounts[jid];
        const int status = stage_.rest(root, "POST", "/accounts/" + jid + "/" + verb).first;
        if (entry.state == from) {
            CHECK(status == 200);
            entry.state = to;
            if (to == "enabled" && entry.group.empty()) entry.group = "everyone";
            if (to == "disabled") model_.end_sessions(jid);
        } else {
            CHECK((status == 200) == (entry.state == to));
        }
        sweep();
    }

    void remove(const std::string& jid) {
        const int status = stage_.rest(root, "DELETE", "/accounts/" + jid).first;
        CHECK((status == 200) == (model_.accounts[jid].state != "init"));
        if (status == 200) {
            model_.end_sessions(jid);
            model_.accounts[jid] = {};
        }
        sweep();
    }

    void set_group(const std::string& jid) {
        auto& entry = model_.accounts[jid];
        const std::string& group = pick(groups);
        const int status =
            stage_
                .rest(
                    root, "PUT", "/accounts/" + jid + "/groups", R"({"groups":[")" + group + "\"]}"
                )
                .first;
        CHECK((status == 200) == (entry.state != "init"));
        if (status == 200 && entry.group != group) {
            if (entry.state == "enabled") model_.end_sessions(jid);
            entry.group = group;
        }
        sweep();
    }

    void pin(const std::string& jid) {
        auto& entry = model_.accounts[jid];
        const std::string to = random_() % 2 == 0 ? std::string() : pick(keys);
        const int status =
            stage_.rest(root, "PATCH", "/accounts/" + jid, R"({"key_pin":")" + to + "\"}").first;
        CHECK((status == 200) == (entry.state != "init"));
        if (status == 200) {
            if (!to.empty() && to != entry.pin && !entry.anchor.empty()) model_.end_sessions(jid);
            entry.pin = to;
        }
        sweep();
    }

    void set_policy() {
        model_.allowed.clear();
        std::string text;
        for (const auto& group : groups) {
            const bool is_allowed = random_() % 2 == 0;
            if (is_allowed) model_.allowed.insert(group);
            text += (is_allowed ? "allow" : "deny") + std::string(" group ") + group +
                    " to publish on *\\n";
        }
        CHECK(stage_.rest(root, "PUT", "/policy", R"({"text":")" + text + "\"}").first == 200);
        sweep();
    }

    std::mt19937 random_;
    GridStage stage_;
    Model model_;
};

}   // namespace

TEST_CASE("S40: no sequence of requests reaches access without certificate, approval and policy") {
    const bool is_auto = GENERATE(false, true);
    const std::uint32_t seed = GENERATE(1u, 2u, 3u, 4u, 5u);
    CAPTURE(seed, is_auto);
    Walk walk(seed, is_auto);
    for (int i = 0; i < 1500; ++i) {
        CAPTURE(i);
        walk.step();
        walk.compare();
    }
    CHECK(walk.compared_ == 1500);
    CHECK(walk.accesses_ > 50);   // or nothing was shown
}

}   // namespace account_property_test
