// tests/unit/server/delivery/catch_up_stage.hpp: broker, fan-out and catch-up on one strand, over
// a store whose reads wait until the test lets them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/controller.hpp"
#include "fake_transport.hpp"
#include "server/config/config.hpp"
#include "server/delivery/catch_up.hpp"
#include "server/delivery/offline_delivery.hpp"
#include "server/session/other_member.hpp"
#include "storage/memory_store.hpp"

namespace grid::test {

/// Reads are kept until `run_reads`; payloads can be made unreadable.
class HeldReads final : public storage::Store {
public:
    explicit HeldReads(storage::MemoryStore& store) : store_(store) {}

    void start(storage::FeedHandler handler) override { store_.start(std::move(handler)); }
    bool submit(storage::Ticket ticket, storage::Sender sender, storage::Batch batch) override {
        return store_.submit(ticket, sender, std::move(batch));
    }
    storage::Result<storage::Revision> scan(
        const std::function<void(const storage::KeyChange&)>& apply
    ) override {
        return store_.scan(apply);
    }
    std::unique_ptr<storage::Snapshot> snapshot() override { return store_.snapshot(); }
    void read(std::function<void(const storage::Snapshot&)> work) override {
        waiting.push_back(std::move(work));
    }
    storage::StoreStatus status() const override { return store_.status(); }
    boost::system::error_code reopen() override { return store_.reopen(); }

    std::deque<std::function<void(const storage::Snapshot&)>> waiting;
    std::set<std::string> unreadable;   // payloads that hold such a text

private:
    storage::MemoryStore& store_;
};

/// Another member of a cluster: what it is asked waits until the test answers.
class FakeMember final : public server::OtherMember {
public:
    explicit FakeMember(storage::MemberId id) : id_(id) {}

    // server::OtherMember
    storage::MemberId member() const override { return id_; }
    const std::string& name() const override { return name_; }
    bool ask(const server::ForwardedQuery&) override { return false; }
    void end_hibernating(std::uint64_t) override {}
    void ask_place(const server::Session&, Placed done) override {
        asked.push_back(std::move(done));
    }
    bool has_token(std::uint64_t, const std::string&) const override { return false; }
    std::uint64_t fetch(const server::FetchRequest&, Fetched) override { return 0; }
    bool take(std::uint64_t, storage::Revision) override { return false; }
    void leave(std::uint64_t) override {}

    /// To the oldest question.
    void answers(server::AccountPlace place) {
        auto done = std::move(asked.at(0));
        asked.erase(asked.begin());
        done(place);
    }
    std::vector<Placed> asked;

private:
    storage::MemberId id_;
    std::string name_ = "other";
};

/// The other members of a cluster, as a directory knows them.
class FakeDirectory final : public server::SessionWatcher {
public:
    explicit FakeDirectory(const std::vector<std::shared_ptr<server::OtherMember>>& all)
        : all_(all) {}

    // server::SessionWatcher
    void on_entered(const server::Session&) override {}
    void on_changed(const server::Session&) override {}
    void on_left(const server::Session&) override {}
    void on_ended(const server::EndOfSession&) override {}
    bool is_untold(const server::Session&) const override { return false; }
    void when_told(const server::Session&, std::function<void()> done) override { done(); }
    void ask_who_has(server::UnreadShared, CaredFor done) override { done({}); }
    void ask_no_more() override {}
    std::vector<std::shared_ptr<server::OtherMember>> others() const override { return all_; }
    void on_tick(TimePoint) override {}

private:
    const std::vector<std::shared_ptr<server::OtherMember>>& all_;
};

/// One turn of the strand at a time; the clock is the real one, for the pauses of catch-up alone.
class CatchUpStage {
public:
    static constexpr const char* owner = "owner@grid.example/o";

    CatchUpStage();
    ~CatchUpStage();

    /// A session of an enabled account logs in. No item was read for it yet.
    server::SessionPtr comes(
        const std::string& full, bool is_fast = true, std::size_t outbox_bytes_max = 64 * 1024
    );
    void leaves(const server::SessionPtr& session, server::Delivered delivered = {});
    /// Another stream has bound its resource, whose client did not log in yet.
    void is_replaced(const server::SessionPtr& session);
    /// A session of an account is on that member, and is there no more.
    server::SessionPtr is_elsewhere(
        const std::string& full, const std::shared_ptr<server::OtherMember>& member
    );
    void leaves_elsewhere(const server::SessionPtr& session);
    FakeTransport& transport(const server::SessionPtr& session) const;

    /// A request of that address, done and followed.
    void asks(const std::string& full, const std::string& pubsub);
    void creates(const std::string& node, const std::string& fields = "");
    void publishes(const std::string& node, const std::string& id, std::size_t payload_bytes = 8);
    void subscribes(
        const std::string& full,
        const std::string& node,
        const std::string& jid,
        const std::string& options = ""
    );

    /// A message that waits for an account, of so many bytes besides its id.
    void waits(const std::string& bare, const std::string& id, std::size_t bytes = 8);
    /// The ids of the messages that wait for it and are not being erased.
    std::vector<std::string> waiting(const std::string& bare);
    /// Batches of the controller's own.
    void does_what_is_due();

    /// How often the policy was asked about a subscriber.
    std::size_t questions() const;
    /// Runs the work that is posted to the strand.
    void turn();
    /// The oldest read there is, and what follows from it.
    void run_read();
    /// Reads and turns until the session is live; waits for the clock where it must.
    void catch_up(const server::SessionPtr& session);
    /// All that is collected, as if their time had come.
    void digests_leave();
    /// The ids of the items that came since the last call, in their order.
    std::vector<std::string> items(const server::SessionPtr& session) const;
    /// The same of messages that had waited.
    std::vector<std::string> messages(const server::SessionPtr& session) const;

    boost::asio::io_context context;
    storage::MemoryStore memory;
    HeldReads store;
    std::vector<std::shared_ptr<server::OtherMember>> connected;   // other members

private:
    void on_feed(const std::vector<storage::FeedEntry>& entries);

    FakeDirectory directory_{connected};
    server::SessionRegistry sessions_;
    controller::Controller controller_;
    std::unique_ptr<pubsub::AccessPolicy> policy_;
    std::unique_ptr<pubsub::Contacts> contacts_;
    pubsub::Broker broker_;
    server::Log log_;

public:
    server::FlushLimiter flush_limiter{[] {}};   // never saturated: the stage sends little
    server::Fanout fanout;
    server::CatchUp catch_up_of_all;
    server::OfflineDelivery offline;

private:
    std::uint64_t last_session_ = 0, last_id_ = 0;
    bool was_committed_ = false;
};

using Ids = std::vector<std::string>;

}   // namespace grid::test
