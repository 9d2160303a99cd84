// server/audit/keeper.cpp: see keeper.hpp.
#include "server/audit/keeper.hpp"

#include "controller/audit/cut.hpp"
#include "controller/audit/verify.hpp"
#include "server/clock.hpp"
#include "server/guarded_run.hpp"

namespace grid::server::audit {

namespace {
constexpr auto keeper_look_every = std::chrono::seconds(1);
constexpr auto cut_every = std::chrono::seconds(60);
constexpr auto more_after = std::chrono::seconds(1);   // while more is due than a batch holds
constexpr storage::Millis day_ms = 24LL * 3600 * 1000;
}   // namespace

void log_head(const storage::Snapshot& snapshot, Log& log) {
    const auto head = controller::audit::head_of(snapshot);
    if (!head) return log.error("audit_head", {{"reason", head.error().message()}});
    if (head->number == 0) return;
    log.info(
        "audit_head", {{"number", std::to_string(head->number)},
                       {"hash", storage::to_hex(storage::view(head->hash))}}
    );
}

void Keeper::start() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->next_head_ = Clock::now() + std::chrono::seconds(self->settings_.head_log_seconds);
        self->look();
    });
}

void Keeper::stop() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->is_stopped_ = true;
        self->timer_.cancel();
    });
}

void Keeper::do_what_is_due() {
    const auto time = Clock::now();
    if (settings_.head_log_seconds > 0 && time >= next_head_) {
        next_head_ = time + std::chrono::seconds(settings_.head_log_seconds);
        store_.read([self = shared_from_this()](const storage::Snapshot& snapshot) {
            log_head(snapshot, self->log_);
        });
    }
    if (time >= next_cut_ && core_.leads()) {   // also as soon as it leads
        next_cut_ = time + cut_every;
        cut();
    }
}

void Keeper::look() {
    if (is_stopped_) return;
    guarded(log_, "audit", [this] { do_what_is_due(); });
    timer_.expires_after(keeper_look_every);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->look();
    });
}

void Keeper::tell(const controller::audit::PlannedCut& planned) {
    const bool is_for_space = planned.cut.is_for_space;
    log_.write(
        is_for_space ? Level::Warn : Level::Info, "audit_cut",
        {{"records", std::to_string(planned.removed)},
         {"up_to", std::to_string(planned.cut.link.number)},
         {"reason", is_for_space ? "audit.keep_bytes" : "audit.keep_days"},
         {"do", is_for_space ? "records go before audit.keep_days: raise audit.keep_bytes, or look "
                               "with `gridctl audit` for the account that fills the audit"
                             : ""}}
    );
}

void Keeper::cut() {
    const controller::audit::Retention retention{
        settings_.keep_days * day_ms, settings_.keep_bytes
    };
    if (retention.keep_ms == 0 && retention.keep_bytes == 0) return;
    store_.read([self = shared_from_this(), retention](const storage::Snapshot& snapshot) {
        auto planned = controller::audit::plan_cut(snapshot, retention, now());
        if (!planned) return self->log_.error("audit_cut", {{"reason", planned.error().message()}});
        if (!*planned) return;
        self->tell(**planned);
        if ((*planned)->has_more)
            boost::asio::post(self->timer_.get_executor(), [self] {
                self->next_cut_ = Clock::now() + more_after;
            });
        self->core_.commit(std::move((*planned)->batch));
    });
}

}   // namespace grid::server::audit
