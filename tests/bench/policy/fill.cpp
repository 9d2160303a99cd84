// tests/bench/policy/fill.cpp: accounts, topics and subscriptions written as records, fast.
#include "controller/accounts/account.hpp"
#include "policy/bench.hpp"
#include "policy/store_writer.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/model/subscription.hpp"

namespace grid::bench {

namespace {

std::string account_jid(int i, const std::string& domain) {
    return "client-" + std::to_string(i) + "@" + domain;
}

}   // namespace

void fill(const std::string& directory, const std::string& domain, int nodes, int accounts) {
    StoreWriter writer(directory);
    for (int i = 0; i < accounts; ++i) {
        controller::Account account;
        account.jid = account_jid(i, domain);
        account.state = controller::AccountState::Enabled;
        account.groups = {i % 2 == 0 ? "even" : "odd"};
        account.anchor = "bench";
        writer.put(controller::account_key(account.jid), controller::encode(account));
    }
    for (int n = 0; n < nodes; ++n) {
        // Far from what the server gives to nodes of its own.
        const std::uint64_t uid = 1'000'000'000ULL + static_cast<std::uint64_t>(n);
        pubsub::NodeRecord node;
        node.name = "topic-" + std::to_string(n);
        node.config.access_model = pubsub::AccessModel::Authorize;
        writer.put(pubsub::node_key(uid), pubsub::encode(node));
        writer.put(pubsub::name_key(node.name), pubsub::encode(pubsub::NameRecord{}));
        for (int i = 0; i < accounts; ++i) {
            const std::string jid = account_jid(i, domain);
            writer.put(
                pubsub::subscription_key(uid, jid, pubsub::first_subid(uid, jid)),
                pubsub::encode(pubsub::Subscription{})
            );
        }
    }
    writer.finish();
}

}   // namespace grid::bench
