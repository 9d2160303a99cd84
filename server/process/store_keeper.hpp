// server/process/store_keeper.hpp: says when the store takes no writes, and opens it again.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/log.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// A store whose write failed takes no more until it was opened again. Reopening without an
/// operator is safe: acknowledged batches were synced before, and replayed ones are written to
/// tables and synced before the first new write, or opening fails. A disk that goes on failing
/// costs a try now and then.
class StoreKeeper : public std::enable_shared_from_this<StoreKeeper> {
public:
    using Seconds = std::chrono::seconds;

    /// `first_try` 0: never by itself.
    StoreKeeper(
        boost::asio::io_context& context, storage::Store& store, Seconds first_try, Log& log
    )
        : timer_(boost::asio::make_strand(context)),
          store_(store),
          first_try_(first_try),
          next_try_(first_try),
          log_(log) {}

    void start();
    void stop();
    /// Waits for it, seconds perhaps: not on a thread that drives connections. A store that needs
    /// no reopening is left alone.
    boost::system::error_code reopen(std::string_view asked_by);

private:
    using Clock = std::chrono::steady_clock;

    void look();
    void tell(const storage::StoreStatus& status);
    void try_when_due();

    boost::asio::steady_timer timer_;   // on a strand of its own, as all below
    storage::Store& store_;
    const Seconds first_try_;
    Seconds next_try_;
    Clock::time_point due_;
    bool is_waiting_ = false;   // for due_
    bool is_stopped_ = false;
    std::string told_;   // the reason that was logged
    Log& log_;
    std::mutex reopening_;
};

}   // namespace grid::server
