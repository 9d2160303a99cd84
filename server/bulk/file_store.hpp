// server/bulk/file_store.hpp: files on disk for connections: the folder, the threads that wait for
// it, and whose turn it is.
#pragma once

#include <boost/asio.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/bulk/file_folder.hpp"
#include "server/bulk/remote_files.hpp"
#include "server/bulk/removals.hpp"
#include "server/bulk/upload_gate.hpp"
#include "server/net/from_callback.hpp"

namespace grid::server::bulk {

/// Any thread. Each connection has one piece of work in the pool at most, so that connections bound
/// its queue.
class FileStore {
public:
    FileStore(FileFolder folder, unsigned threads, std::uint64_t free_bytes_min)
        : folder_(std::move(folder)), free_bytes_min_(free_bytes_min), pool_(threads) {}
    ~FileStore() { stop(); }

    const FileFolder& folder() const { return folder_; }
    std::uint64_t free_bytes_min() const { return free_bytes_min_; }
    const std::shared_ptr<UploadGate>& gate() const { return gate_; }

    /// Runs `work` on the pool, and goes on with its result on the coroutine's strand. A fault in
    /// it is thrown there.
    template <class Work>
    boost::asio::awaitable<std::invoke_result_t<Work>> run(Work work) {
        using Value = std::invoke_result_t<Work>;
        struct Outcome {
            std::optional<Value> value;
            std::exception_ptr fault;
        };
        auto outcome = co_await net::from_callback<std::shared_ptr<Outcome>>(
            [this, work = std::move(work)](auto done) mutable {
                boost::asio::post(pool_, [work = std::move(work), done]() mutable {
                    auto made = std::make_shared<Outcome>();
                    try {
                        made->value.emplace(work());
                    } catch (...) {
                        made->fault = std::current_exception();
                    }
                    done(std::move(made));
                });
            }
        );
        if (outcome->fault) std::rethrow_exception(outcome->fault);
        co_return std::move(*outcome->value);
    }
    /// Begins `work`, which does not throw; whoever waits for it has an end to be told.
    void start(std::function<void()> work) { boost::asio::post(pool_, std::move(work)); }
    /// The bytes of a file that has no record any more.
    void remove(const std::string& id) {
        const auto erase = [this, id] { start([this, id] { removals_->remove(id); }); };
        if (gate_->remove(id, erase)) erase();
    }
    /// See Removals::hold. Not after the end of this.
    std::shared_ptr<void> hold_removals() { return removals_->hold(); }
    /// In a cluster: files on its other members. Before the first connection; null: there are none.
    void attach(std::shared_ptr<RemoteFiles> remote) { remote_ = std::move(remote); }
    const std::shared_ptr<RemoteFiles>& remote_files() const { return remote_; }
    /// Finishes what has begun. After this nothing is begun any more.
    void stop() {
        pool_.stop();
        pool_.join();
    }

private:
    const FileFolder folder_;
    const std::uint64_t free_bytes_min_;
    std::shared_ptr<UploadGate> gate_ = std::make_shared<UploadGate>();
    std::shared_ptr<Removals> removals_ =
        std::make_shared<Removals>([this](const std::string& id) { folder_.remove(id); });
    std::shared_ptr<RemoteFiles> remote_;
    boost::asio::thread_pool pool_;
};

}   // namespace grid::server::bulk
