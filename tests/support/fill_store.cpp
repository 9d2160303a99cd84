// tests/support/fill_store.cpp: fills a store with nodes and items through the broker's own
// engine, to see how the server works with many: fill_store DIR NODES ITEMS [BYTES of each
// payload].
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "pubsub/broker.hpp"
#include "storage/rocks_store.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"

using namespace grid;

namespace {

struct AllowAll final : pubsub::AccessPolicy {
    pubsub::Verdict check(
        const pubsub::Principal&, pubsub::Right, std::string_view, std::string_view
    ) const override {
        return {true, "fill"};
    }
    bool may_receive(const xml::Jid&, std::string_view, std::string_view) const override {
        return true;
    }
    bool is_administrator(const pubsub::Principal&) const override { return true; }
    std::uint64_t revision() const override { return 1; }
    void record_allowed(
        storage::Batch& /*batch*/,
        const pubsub::Principal& /*actor*/,
        const std::vector<pubsub::Deed>& /*deeds*/,
        std::string_view /*node*/,
        const pubsub::Verdict& /*verdict*/
    ) const override {}
    void
    refused(const pubsub::Principal&, const pubsub::Deed&, std::string_view, const pubsub::Verdict&)
        const override {}
};

struct NoContacts final : pubsub::Contacts {
    bool has_presence_subscription(const xml::Jid&, const xml::Jid&) const override {
        return false;
    }
    bool is_in_group(const xml::Jid&, const xml::Jid&, const std::vector<std::string>&)
        const override {
        return false;
    }
};

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "fill_store: %s\n", why.c_str());
    std::exit(1);
}

class Filler {
public:
    explicit Filler(const std::string& directory) : engine_(settings(), policy_, contacts_) {
        storage::RocksSettings rocks;
        rocks.path = directory + "/store";
        rocks.free_bytes_min = 0;
        std::filesystem::create_directories(directory);
        auto store = storage::open_rocks_store(rocks);
        if (!store) give_up(store.error().message());
        store_ = std::move(*store);
        store_->scan([this](const storage::KeyChange& change) { engine_.apply(change); });
        engine_.scan_finished();
        store_->start([this](std::vector<storage::FeedEntry> entries) {
            std::lock_guard lock(mutex_);
            for (auto& entry : entries) feed_.push_back(std::move(entry));
            arrived_.notify_one();
        });
    }

    void run(const std::string& pubsub_child) {
        auto parsed = xml::parse_document(
            "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" + pubsub_child + "</pubsub>", {}
        );
        auto* payload = std::get_if<xml::Element>(&parsed);
        if (!payload) give_up("bad request: " + pubsub_child);
        pubsub::IqRequest request{xml::IqType::Set, settings().service, payload, {}};
        auto prepared = engine_.prepare(request);
        if (!prepared || !*prepared) give_up("not understood: " + pubsub_child);
        pubsub::Context context;
        context.actor.jid = *xml::Jid::parse("sensor@grid.localhost/fill");
        context.now = 1'790'000'000'000;
        context.fresh_id = std::to_string(++last_);
        auto decision = (*prepared)->decide(context);
        auto* change = decision.change();
        if (!change)
            give_up("refused: " + (decision.error() ? decision.error()->text : pubsub_child));
        while (outstanding_ >= 512 || !store_->submit(last_, {1, 1}, std::move(change->batch)))
            take();
        ++outstanding_;
    }

    void drain() {
        while (outstanding_ > 0) take();
    }

private:
    static pubsub::Settings settings() {
        pubsub::Settings s;
        s.service = *xml::Jid::parse("pubsub.grid.localhost");
        return s;
    }

    void take() {
        std::vector<storage::FeedEntry> entries;
        {
            std::unique_lock lock(mutex_);
            arrived_.wait(lock, [this] { return !feed_.empty(); });
            entries.swap(feed_);
        }
        for (auto& entry : entries) {
            auto* committed = std::get_if<storage::Committed>(&entry);
            if (!committed) {
                const auto* refused = std::get_if<storage::Refused>(&entry);
                give_up("a batch was refused: " + (refused ? refused->error.message() : "a gap"));
            }
            for (const auto& operation : committed->batch.operations) {
                storage::KeyChange change{operation.family, operation.key, std::nullopt};
                if (!operation.erase)
                    change.record =
                        storage::Record{committed->revision, committed->time, operation.value};
                engine_.apply(change);
            }
            --outstanding_;
        }
    }

    AllowAll policy_;
    NoContacts contacts_;
    pubsub::Broker engine_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<storage::FeedEntry> feed_;
    std::size_t outstanding_ = 0;
    std::uint64_t last_ = 0;
    std::unique_ptr<storage::Store> store_;   // last: its thread calls into the above
};

}   // namespace

int main(int argc, char** argv) {
    if (argc != 4 && argc != 5) give_up("usage: fill_store DIR NODES ITEMS [BYTES]");
    const int nodes = std::atoi(argv[2]), items = std::atoi(argv[3]);
    if (nodes < 1 || items < 0) give_up("NODES must be at least 1");
    const std::size_t bytes = argc == 5 ? static_cast<std::size_t>(std::atoi(argv[4])) : 0;
    constexpr std::size_t frame_bytes = 60;   // of tags and the number
    const std::string pad(bytes > frame_bytes ? bytes - frame_bytes : 0, 'x');
    Filler filler(argv[1]);
    for (int i = 0; i < nodes; ++i) {
        filler.run("<create node='topic-" + std::to_string(i) + "'/>");
        filler.drain();   // the counter of node uids is rewritten by each
    }
    for (int i = 0; i < items; ++i) {
        char id[40];
        std::snprintf(id, sizeof id, "%08x-0000-4000-8000-%012x", i, i);
        filler.run(
            "<publish node='topic-" + std::to_string(i % nodes) + "'><item id='" + id +
            "'><reading xmlns='urn:example:reading'>" + std::to_string(i) + pad +
            "</reading></item></publish>"
        );
        if (i < nodes) filler.drain();   // the first item of a node says its type
    }
    filler.drain();
    return 0;
}
