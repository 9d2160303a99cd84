// tests/unit/server/core/policy_file_follower_test.cpp: which texts of policy.file are taken.
#include "server/core/policy_file_follower.hpp"

#include <catch2/catch.hpp>

#include "storage/keys.hpp"

namespace policy_file_follower_test {

using namespace grid;
using server::PolicyFileFollower;

namespace {

const std::string ours = "allow any any any\n", other = "deny any any any\n";

struct Follower {
    /// Applies what is to be committed.
    bool commit(const std::optional<storage::Batch>& batch) {
        if (!batch) return false;
        for (const auto& operation : batch->operations) {
            const std::string_view key = operation.key;
            if (key.size() < 2 || key.front() != static_cast<char>(storage::Tag::Policy)) continue;
            if (key[1] == 'f')
                taken = operation.value;
            else
                policy.apply(key.substr(1), storage::Record{++revision, 1, operation.value});
        }
        return true;
    }
    bool starts(const std::string& text) { return commit(follower.at_start(text, taken, context)); }
    bool reloads(const std::string& text) {
        return commit(follower.at_reload(text, taken, context));
    }
    void sets(const std::string& text) { commit(policy.replace(text, context)); }

    server::Config config;
    controller::policy::Policy policy{"grid.example"};
    server::Log log{server::LogSettings{"off", "text"}};
    PolicyFileFollower follower{config, policy, log};
    pubsub::Context context{pubsub::Principal::system(), 1, "id"};
    std::string taken;
    storage::Revision revision = 0;
};

}   // namespace

TEST_CASE_METHOD(Follower, "a reload whose text is in force writes nothing") {
    REQUIRE(reloads(ours));
    CHECK(policy.head().text == ours);
    CHECK_FALSE(reloads(ours));
    REQUIRE(reloads(other));
    CHECK(policy.head().version == 2);
    CHECK_FALSE(reloads(other));
}

TEST_CASE_METHOD(Follower, "a reload notes a text that was put in force another way") {
    REQUIRE(reloads(ours));
    sets(other);
    REQUIRE(reloads(other));
    CHECK(policy.head().version == 2);   // as it was
    CHECK_FALSE(reloads(other));
    sets(ours);
    CHECK_FALSE(starts(other));   // the file is as it was taken
    CHECK(policy.head().text == ours);
}

TEST_CASE_METHOD(Follower, "a start takes a text that was edited, and undoes nothing") {
    sets(ours);
    REQUIRE(starts(ours));   // which is on record now
    CHECK_FALSE(starts(ours));
    CHECK(policy.head().version == 1);
    REQUIRE(starts(other));
    CHECK(policy.head().version == 2);
    CHECK_FALSE(starts("\n"));   // cut to nothing
    CHECK(policy.head().version == 2);
}

}   // namespace policy_file_follower_test
