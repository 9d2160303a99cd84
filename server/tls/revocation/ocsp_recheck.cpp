// server/tls/revocation/ocsp_recheck.cpp: see ocsp_recheck.hpp.
#include "server/tls/revocation/ocsp_recheck.hpp"

#include <algorithm>
#include <chrono>

#include "server/clock.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;

namespace {
/// Some 500 bytes each.
constexpr std::size_t entries_max = 100'000;
constexpr std::size_t asked_max = 16;   // at one time: logins are to find the client free
constexpr auto ocsp_look_every = std::chrono::seconds(1);
/// Of a responder that gave no answer, or one that says that newer ones are always there.
constexpr storage::Millis again_ms = 60'000;
constexpr storage::Millis soonest_ms = 1'000;
/// A login that was vetted and has not bound yet.
constexpr storage::Millis beginning_ms = 60'000;
}   // namespace

void RecheckPlan::set_next(const std::string& link, Entry& entry, storage::Millis next) {
    due_.erase({entry.next, link});
    entry.next = next;
    due_.emplace(next, link);
}

void RecheckPlan::watch(
    const std::string& link, OcspSubject subject, storage::Millis until, storage::Millis now
) {
    const bool is_new = !entries_.contains(link);
    if (is_new && entries_.size() >= entries_max) return;
    Entry& entry = entries_[link];
    entry.since = now;
    if (is_new) entry.subject = std::move(subject);
    if (!entry.is_asked)
        set_next(link, entry, until == 0 ? now + again_ms : std::max(until, now + soonest_ms));
}

std::vector<std::pair<std::string, OcspSubject>> RecheckPlan::take_due(
    storage::Millis now, std::size_t max
) {
    std::vector<std::pair<std::string, OcspSubject>> taken;
    while (taken.size() < max && !due_.empty() && due_.begin()->first <= now) {
        const std::string link = due_.begin()->second;
        due_.erase(due_.begin());
        Entry& entry = entries_.at(link);
        entry.is_asked = true;
        taken.emplace_back(link, entry.subject);
    }
    return taken;
}

void RecheckPlan::drop(const std::string& link, storage::Millis now) {
    const auto found = entries_.find(link);
    if (found == entries_.end()) return;
    if (now - found->second.since < beginning_ms) return put_off(link, now + again_ms, now);
    due_.erase({found->second.next, link});
    entries_.erase(found);
}

void RecheckPlan::put_off(const std::string& link, storage::Millis until, storage::Millis now) {
    const auto found = entries_.find(link);
    if (found == entries_.end()) return;
    found->second.is_asked = false;
    set_next(link, found->second, until == 0 ? now + again_ms : std::max(until, now + soonest_ms));
}

OcspRecheck::OcspRecheck(
    asio::io_context& context, std::shared_ptr<OcspClient> client, std::string responder
)
    : strand_(asio::make_strand(context)),
      timer_(strand_),
      client_(std::move(client)),
      responder_(std::move(responder)) {}

void OcspRecheck::start(InUse in_use, OnRevoked on_revoked) {
    asio::post(
        strand_,
        [self = shared_from_this(), in_use = std::move(in_use),
         on_revoked = std::move(on_revoked)]() mutable {
            self->in_use_ = std::move(in_use);
            self->on_revoked_ = std::move(on_revoked);
            self->look();
        }
    );
}

void OcspRecheck::stop() {
    asio::post(strand_, [self = shared_from_this()] {
        self->is_stopped_ = true;
        self->timer_.cancel();
    });
}

void OcspRecheck::watch(std::string link, OcspSubject subject, const OcspVerdict& verdict) {
    const auto until = verdict.failure.empty() ? verdict.until : 0;
    asio::post(
        strand_, [self = shared_from_this(), link = std::move(link), subject = std::move(subject),
                  until]() mutable { self->plan_.watch(link, std::move(subject), until, now()); }
    );
}

void OcspRecheck::look() {
    if (is_stopped_) return;
    for (auto& [link, subject] : plan_.take_due(now(), asked_max - std::min(asked_, asked_max))) {
        ++asked_;
        in_use_(link, [self = shared_from_this(), link, subject](bool is_used) {
            asio::post(self->strand_, [self, link, subject, is_used] {
                if (is_used) return self->ask(link, subject);
                --self->asked_;
                self->plan_.drop(link, now());
            });
        });
    }
    timer_.expires_after(ocsp_look_every);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        auto self = weak.lock();
        if (!error && self) self->look();
    });
}

void OcspRecheck::ask(const std::string& link, const OcspSubject& subject) {
    client_->ask(subject, responder_, false, [self = shared_from_this(), link](OcspVerdict got) {
        asio::post(self->strand_, [self, link, got = std::move(got)] { self->take(link, got); });
    });
}

/// An admitted stream stays when there is no answer: a responder that is down ends no stream.
void OcspRecheck::take(const std::string& link, const OcspVerdict& verdict) {
    --asked_;
    if (is_stopped_) return;
    const bool is_revoked =
        verdict.failure.empty() && verdict.answer.standing == OcspStanding::Revoked;
    if (is_revoked) on_revoked_({link});
    plan_.put_off(link, verdict.failure.empty() ? verdict.until : 0, now());
}

}   // namespace grid::server::tls
