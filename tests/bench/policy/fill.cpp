// tests/bench/policy/fill.cpp: accounts, topics and subscriptions written as records, fast.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>

#include "controller/accounts/account.hpp"
#include "policy/bench.hpp"
#include "pubsub/model/records.hpp"
#include "pubsub/model/subscription.hpp"
#include "storage/rocks_store.hpp"

namespace grid::bench {

namespace {

constexpr std::size_t puts_per_batch = 100;
constexpr std::size_t in_flight_max = 256;

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "policybench: %s\n", why.c_str());
    std::exit(1);
}

class Writer {
public:
    explicit Writer(const std::string& directory) {
        storage::RocksSettings rocks;
        rocks.path = directory + "/store";
        rocks.free_bytes_min = 0;
        std::filesystem::create_directories(directory);
        auto store = storage::open_rocks_store(rocks);
        if (!store) give_up(store.error().message());
        store_ = std::move(*store);
        if (!store_->scan([](const storage::KeyChange&) {})) give_up("cannot be scanned");
        store_->start([this](std::vector<storage::FeedEntry> entries) {
            const std::lock_guard lock(mutex_);
            for (const auto& entry : entries)
                if (!std::holds_alternative<storage::Committed>(entry)) give_up("refused");
            in_flight_ -= entries.size();
            arrived_.notify_one();
        });
    }
    void put(std::string key, std::string value) {
        batch_.put(storage::Family::Control, std::move(key), std::move(value));
        if (batch_.operations.size() >= puts_per_batch) flush();
    }
    void flush() {
        if (batch_.operations.empty()) return;
        wait_until_below(in_flight_max);
        {
            const std::lock_guard lock(mutex_);
            ++in_flight_;
        }
        if (!store_->submit(++last_, {}, std::exchange(batch_, {}))) give_up("no room");
    }
    void wait_until_below(std::size_t count) {
        std::unique_lock lock(mutex_);
        arrived_.wait(lock, [&] { return in_flight_ < count; });
    }

private:
    storage::Batch batch_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::size_t in_flight_ = 0;
    storage::Ticket last_ = 0;
    std::unique_ptr<storage::Store> store_;   // last: its thread calls into the above
};

std::string account_jid(int i, const std::string& domain) {
    return "client-" + std::to_string(i) + "@" + domain;
}

}   // namespace

void fill(const std::string& directory, const std::string& domain, int nodes, int accounts) {
    Writer writer(directory);
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
    writer.flush();
    writer.wait_until_below(1);
}

}   // namespace grid::bench
