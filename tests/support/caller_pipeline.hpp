// tests/support/caller_pipeline.hpp: the server's pipeline without threads: everything happens
// inside the caller's call.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "server/log.hpp"
#include "server/pipeline/pipeline.hpp"
#include "server/pipeline/transaction.hpp"
#include "storage/store.hpp"

namespace grid::test {

/// The memory that follows the store, as the server's core does. An exception out of it fails the
/// test; the server would log it and go on.
struct Follower {
    std::function<void(const storage::KeyChange&)> apply;
    std::function<void(const storage::Committed&)> notify;
    std::function<storage::Revision()> rebuild;   // returns the revision that was scanned
};

/// A call returns when nothing is left to do but to wait for the store. So does the store's feed,
/// which begins here.
class CallerPipeline final : public server::CommitObserver {
public:
    template <class Reply, class Error>
    using Transaction = server::CallbackTransaction<Reply, Error>;

    CallerPipeline(storage::Store& store, Follower follower);

    /// Behind the earlier requests of that full JID, as in the queue of its session. A batch beyond
    /// the store's bounds fails the test.
    void take(std::unique_ptr<server::Transaction> request);
    /// A batch of the service's own.
    void submit(storage::Batch batch);
    /// Memory is made anew from the store.
    void rescan();

private:
    /// The core strand: runs now, or behind what runs.
    void post(std::function<void()> work);
    void before_change(const storage::Batch& batch) override;
    void apply(const storage::KeyChange& change) override;
    void notify(const storage::Committed& committed) override;
    bool deliver(std::chrono::steady_clock::time_point) override { return true; }
    void flush() override {}
    storage::Revision rebuild() override;

    Follower follower_;
    std::deque<std::function<void()>> posted_;
    bool is_running_ = false;
    server::Log log_;
    std::shared_ptr<server::Pipeline> pipeline_;
    std::map<std::string, std::shared_ptr<server::SenderQueue>> queues_;   // by full JID
};

/// The stanza error for a batch that the store refused; a fault of the program fails the test.
xml::StanzaError refused_by_store(boost::system::error_code error);

}   // namespace grid::test
