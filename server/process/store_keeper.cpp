// server/process/store_keeper.cpp: see server/process/store_keeper.hpp.
#include "server/process/store_keeper.hpp"

#include <algorithm>

#include "controller/ports.hpp"
#include "server/guarded_run.hpp"

namespace grid::server {

namespace {
constexpr auto store_look_every = std::chrono::milliseconds(500);
constexpr auto try_seconds_max = std::chrono::seconds(300);
/// "… has 123 bytes free": the same trouble, whatever the number.
bool is_same_trouble(const std::string& a, const std::string& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        return x == y || (is_digit(x) && is_digit(y));
    });
}
}   // namespace

void StoreKeeper::start() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] { self->look(); });
}

void StoreKeeper::stop() {
    boost::asio::post(timer_.get_executor(), [self = shared_from_this()] {
        self->is_stopped_ = true;
        self->timer_.cancel();
    });
}

void StoreKeeper::look() {
    if (is_stopped_) return;
    guarded(log_, "store", [this] {
        const storage::StoreStatus status = store_.status();
        tell(status);
        if (!status.needs_reopen) {
            is_waiting_ = false;
            if (status.writable) next_try_ = first_try_;
        } else if (first_try_.count() > 0) {
            try_when_due();
        }
    });
    timer_.expires_after(store_look_every);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error) self->look();
    });
}

void StoreKeeper::tell(const storage::StoreStatus& status) {
    if (is_same_trouble(told_, status.reason)) return;
    if (status.writable)
        log_.info("store_writable", {{"revision", std::to_string(status.revision)}});
    else
        log_.error(
            "store_not_writable", {{"reason", status.reason}, {"do", controller::advice(status)}}
        );
    told_ = status.reason;
}

void StoreKeeper::try_when_due() {
    if (!is_waiting_) {
        is_waiting_ = true;
        due_ = Clock::now() + next_try_;
    }
    if (Clock::now() < due_) return;
    is_waiting_ = false;
    next_try_ = std::min<Seconds>(2 * next_try_, try_seconds_max);
    // On the store's own readers: it takes seconds.
    store_.read([self = shared_from_this()](const storage::Snapshot&) {
        if (self->reopen("storage.reopen_after_seconds") != storage::Errc::NoSpace) return;
        // No write was tried; when there is space again, clients should not have to wait for long.
        boost::asio::post(self->timer_.get_executor(), [self] {
            self->next_try_ = self->first_try_;
        });
    });
}

boost::system::error_code StoreKeeper::reopen(std::string_view asked_by) {
    const std::lock_guard lock(reopening_);   // two at a time: the second finds it done
    if (!store_.status().needs_reopen) return {};
    log_.warn("store_reopening", {{"asked_by", std::string(asked_by)}});
    const auto error = store_.reopen();
    if (error)
        log_.error("store_not_reopened", {{"reason", error.message()}});
    else
        log_.info("store_reopened", {{"revision", std::to_string(store_.status().revision)}});
    return error;
}

}   // namespace grid::server
