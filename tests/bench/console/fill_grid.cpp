// tests/bench/console/fill_grid.cpp: accounts, topics with subscribers, and a long audit, for the
// pages of the console: fill_grid DIR DOMAIN ACCOUNTS TOPICS RECORDS.
#include <array>
#include <chrono>
#include <cstdlib>

#include "controller/accounts/account.hpp"
#include "controller/audit/record.hpp"
#include "policy/store_writer.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/model/subscription.hpp"

namespace {

using namespace grid;
using bench::StoreWriter;
using storage::Millis;

constexpr Millis day = 86'400'000;
// Young enough that nothing of it is over when the server starts.
const Millis begin = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch()
                     )
                         .count() -
                     day;
constexpr int subscribers_per_topic = 3;
constexpr std::size_t records_per_batch = 50;

struct Sizes {
    int accounts = 0, topics = 0, records = 0;
};

std::string account_of(int i, const std::string& domain) {
    return "sensor-" + std::to_string(i) + "@" + domain;
}

std::string topic_of(int i) {
    return "incidents/site-" + std::to_string(i % 100) + "/" + std::to_string(i);
}

controller::AccountState state_of(int i) {
    using controller::AccountState;
    return i % 50 == 0   ? AccountState::Pending
           : i % 33 == 0 ? AccountState::Disabled
                         : AccountState::Enabled;
}

void fill_accounts(StoreWriter& writer, const std::string& domain, int count) {
    for (int i = 0; i < count; ++i) {
        controller::Account account;
        account.jid = account_of(i, domain);
        account.state = state_of(i);
        account.groups = {"group-" + std::to_string(i % 20), "sensors"};
        account.anchor = std::string(64, 'a');
        account.fingerprint = std::string(60, 'b') + std::to_string(1000 + i % 9000);
        account.key = std::string(64, 'c');
        account.subject = "CN=" + account.jid;
        account.issuer = "CN=Grid CA";
        account.serial = std::to_string(i);
        account.not_before = begin;
        account.not_after = begin + (i % 400) * day;
        account.description = "Rack " + std::to_string(i % 40);
        account.device_type = "sensor";
        account.created = account.changed = begin + i;
        account.changed_by = "admin@" + domain;
        writer.put(controller::account_key(account.jid), controller::encode(account));
    }
}

void fill_topics(StoreWriter& writer, const std::string& domain, const Sizes& sizes) {
    for (int n = 0; n < sizes.topics; ++n) {
        // Far from what the server gives to nodes of its own.
        const std::uint64_t uid = 1'000'000'000ULL + static_cast<std::uint64_t>(n);
        pubsub::NodeRecord node;
        node.name = topic_of(n);
        node.creator = account_of(n % sizes.accounts, domain);
        node.created = begin + n;
        node.config.title = "Site " + std::to_string(n % 100);
        node.config.type = "urn:x:alert";
        writer.put(pubsub::node_key(uid), pubsub::encode(node));
        writer.put(pubsub::name_key(node.name), pubsub::encode(pubsub::NameRecord{}));
        writer.put(
            pubsub::affiliation_key(uid, node.creator),
            pubsub::encode(pubsub::AffiliationRecord{pubsub::Affiliation::Owner})
        );
        for (int i = 0; i < subscribers_per_topic; ++i) {
            // Of the others the server would end the subscriptions, and put that on record.
            int who = (n * 7 + i * 31) % sizes.accounts;
            while (sizes.accounts > 1 && state_of(who) != controller::AccountState::Enabled)
                who = (who + 1) % sizes.accounts;
            const std::string jid = account_of(who, domain);
            writer.put(
                pubsub::subscription_key(uid, jid, pubsub::first_subid(uid, jid)),
                pubsub::encode(pubsub::Subscription{})
            );
        }
    }
}

void fill_audit(StoreWriter& writer, const std::string& domain, const Sizes& sizes) {
    using controller::audit::Outcome;
    constexpr std::array<const char*, 4> operations{"publish", "subscribe", "retrieve", "connect"};
    for (int i = 0; i < sizes.records; ++i) {
        controller::audit::Record record;
        const auto kind = static_cast<std::size_t>(i % 4);
        record.operation = operations.at(kind);
        record.actor = account_of(i % sizes.accounts, domain) + "/eth0";
        record.address = "192.0.2." + std::to_string(i % 250) + ":4711";
        record.outcome = kind == 3 ? Outcome::Info : i % 1000 == 1 ? Outcome::Deny : Outcome::Allow;
        if (kind != 3) record.topic = topic_of(i % sizes.topics);
        if (kind != 3) record.rule = i % 1000 == 1 ? "default deny" : "policy 1, line 2";
        controller::audit::append(writer.batch(), record);
        if (writer.batch().operations.size() >= records_per_batch) writer.flush();
    }
}

}   // namespace

int main(int argc, char** argv) {
    if (argc != 6) bench::give_up("usage: fill_grid DIR DOMAIN ACCOUNTS TOPICS RECORDS");
    const std::string domain = argv[2];
    const Sizes sizes{std::atoi(argv[3]), std::atoi(argv[4]), std::atoi(argv[5])};
    if (sizes.accounts < 1 || sizes.topics < 1) bench::give_up("at least one of each");
    StoreWriter writer(argv[1]);
    fill_accounts(writer, domain, sizes.accounts);
    fill_topics(writer, domain, sizes);
    writer.flush();
    fill_audit(writer, domain, sizes);
    writer.finish();
}
