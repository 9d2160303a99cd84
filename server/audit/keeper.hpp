// server/audit/keeper.hpp: retention of the audit, and the chain's head in the log.
#pragma once

#include <boost/asio.hpp>
#include <chrono>
#include <memory>

#include "controller/audit/cut.hpp"
#include "server/config/config.hpp"
#include "server/core/core.hpp"
#include "server/log.hpp"
#include "storage/store.hpp"

namespace grid::server::audit {

/// One line, what=audit_head: with it an auditor can tell later whether the chain is still the
/// same.
void log_head(const storage::Snapshot& snapshot, Log& log);

/// Reads on the store's readers; only cutting asks the core strand, which queues a batch.
class Keeper : public std::enable_shared_from_this<Keeper> {
public:
    Keeper(
        boost::asio::io_context& context,
        storage::Store& store,
        Core& core,
        const Config::Audit& settings,
        Log& log
    )
        : timer_(boost::asio::make_strand(context)),
          store_(store),
          core_(core),
          settings_(settings),
          log_(log) {}

    void start();
    void stop();

private:
    using Clock = std::chrono::steady_clock;

    void look();
    void do_what_is_due();
    void cut();
    void tell(const controller::audit::PlannedCut& planned);

    boost::asio::steady_timer timer_;   // on a strand of its own
    storage::Store& store_;
    Core& core_;
    const Config::Audit& settings_;
    Log& log_;
    Clock::time_point next_head_, next_cut_;
    bool is_stopped_ = false;
};

}   // namespace grid::server::audit
