// server/core/core.cpp: start, requests in, following the store, the clock's work.
#include "server/core/core.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "controller/state.hpp"
#include "server/clock.hpp"
#include "server/core/policy_file_follower.hpp"
#include "server/core/settings.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"
#include "server/session/client_state.hpp"
#include "storage/clock_steps.hpp"
#include "storage/keys.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace asio = boost::asio;

namespace {
constexpr auto stop_seconds_max = std::chrono::seconds(1);
constexpr auto tick_every = std::chrono::milliseconds(100);
/// While background work is behind: often enough that trims keep up with any rate of publishes.
constexpr auto tick_when_behind = std::chrono::milliseconds(5);
constexpr std::size_t background_batches_max = 64;
constexpr auto slowed_at_once = std::chrono::milliseconds(250);
/// Key and event of a probe.
const std::string probe_event(1, static_cast<char>(storage::Tag::Probe));
using TimePoint = std::chrono::steady_clock::time_point;

controller::HttpResponse to_http_error(boost::system::error_code error) {
    if (error == internal_fault())
        return controller::http_error(
            500, "internal-server-error", "the server has a fault: see its log"
        );
    return controller::http_error(503, "store", to_stanza_error(error).text);
}

/// A line a second at most: who reads one item again and again does not fill the log.
class PayloadLog {
public:
    explicit PayloadLog(Log& log) : log_(log) {}
    void operator()(std::uint64_t node, const std::string& item, const std::string& reason) const {
        using std::chrono::steady_clock;
        const auto now = std::chrono::floor<std::chrono::seconds>(steady_clock::now());
        if (last_->exchange(now.time_since_epoch().count()) == now.time_since_epoch().count())
            return;
        log_.error(
            "payload_unreadable",
            {{"node_uid", std::to_string(node)},
             {"item", item},
             {"reason", reason},
             {"do", "readers hear that it cannot be read; publish the item again, or retract it"}}
        );
    }

private:
    Log& log_;
    std::shared_ptr<std::atomic<std::int64_t>> last_ =
        std::make_shared<std::atomic<std::int64_t>>(-1);
};

std::set<std::string> open_services(const IqTable& server, const IqTable& account) {
    auto open = server.open();
    open.insert(account.open().begin(), account.open().end());
    return open;
}

}   // namespace

Core::Core(
    asio::io_context& context,
    storage::Store& store,
    const Config& config,
    const Addresses& addresses,
    const IqTable& server_iqs,
    const IqTable& account_iqs,
    Log& log
)
    : strand_(asio::make_strand(context)),
      store_(store),
      config_(config),
      log_(log),
      sessions_(config.limits.resources_per_account_max),
      controller_(
          controller_settings(config, addresses, open_services(server_iqs, account_iqs)), sessions_
      ),
      broker_(broker_settings(config, addresses), controller_, contacts_),
      transfers_(
          [strand = strand_](std::function<void()> work) { asio::post(strand, std::move(work)); },
          controller_,
          controller_.settings().bulk
      ),
      byte_streams_(transfers_, controller_, sessions_, permits_),
      flush_limiter_([this] { asio::post(strand_, [this] { fanout_.flush(); }); }),
      fanout_(
          broker_,
          controller_,
          sessions_,
          flush_limiter_,
          log,
          std::chrono::seconds(config.sessions.ack_seconds_max)
      ),
      in_band_(
          transfers_,
          permits_,
          [this](std::uint64_t id, const xml::Element& iq) { tell_iq(id, iq); }
      ),
      in_band_histories_(
          transfers_,
          controller_,
          broker_,
          store,
          [strand = strand_](std::function<void()> work) { asio::post(strand, std::move(work)); },
          [this](std::uint64_t id, const xml::Element& iq) { tell_iq(id, iq); }
      ),
      catch_up_(strand_, store, broker_, sessions_, fanout_, log),
      offline_(
          strand_,
          store,
          controller_,
          sessions_,
          fanout_,
          log,
          controller_.settings().offline.keep_ms
      ),
      last_items_(
          [strand = strand_](std::function<void()> work) { asio::post(strand, std::move(work)); },
          store,
          controller_,
          broker_,
          interests_,
          fanout_,
          log
      ),
      presence_(
          [strand = strand_](std::function<void()> work) { asio::post(strand, std::move(work)); },
          controller_,
          broker_,
          sessions_,
          fanout_,
          interests_,
          last_items_
      ),
      router_(
          addresses,
          server_iqs,
          account_iqs,
          broker_,
          controller_,
          sessions_,
          fanout_,
          catch_up_,
          offline_,
          presence_,
          senders_,
          config.controller.implicit_login,
          query_bounds(config)
      ),
      pipeline_(std::make_shared<Pipeline>(
          [strand = strand_](std::function<void()> work) { asio::post(strand, std::move(work)); },
          store,
          *this,
          log
      )),
      timer_(strand_),
      process_budget_(std::make_shared<Budget>(config.limits.process_bytes_max)),
      rates_(session_rates(config)),
      login_limits_(login_bounds(config)),
      registration_limits_(registration_bounds(config)),
      sign_in_limits_(sign_in_limits()),
      sign_ins_(sign_in_bounds(config)) {
    controller_.attach(broker_);
    fanout_.attach(left_out_);
    fanout_.attach([this](const SessionPtr& session, const std::string& why) {
        end_hibernating(session, why);
    });
    fanout_.attach([this](
                       const pubsub::Notice& notice, const xml::Jid& account,
                       storage::Revision revision, bool has_heard
                   ) { controller_.notice_went_out(notice, account, revision, has_heard, fanout_); }
    );
    fanout_.attach_end([this](const Session& session) { transfers_.session_ended(session); });
    fanout_.attach_absent_end([this](const xml::Jid& full) { transfers_.address_ended(full); });
    fanout_.attach_account_end([this](const xml::Jid& bare) {
        sign_ins_.end_account(bare.bare_view());
    });
    controller_.attach(&transfers_);
    router_.attach(byte_streams_, in_band_, in_band_histories_, permits_);
    broker_.report_faults(PayloadLog{log_});
    controller_.state_for_admin().schemas.attach(monotonic_ms);
    controller_.attach_clock(now);
    presence_.attach([this](const Session& session, std::function<void()> go_on) {
        SessionWatcher* const watcher = sessions_.watcher();
        if (watcher == nullptr || !watcher->is_untold(session)) return go_on();
        watcher->when_told(session, std::move(go_on));
    });
}

/// An iq of the server's own to that session, if it is there.
void Core::tell_iq(std::uint64_t id, const xml::Element& iq) {
    const SessionPtr session = sessions_.find(id);
    if (!session || !session->is_open()) return;
    fanout_.send(
        session, Outgoing::whole(
                     StanzaKind::Iq,
                     std::make_shared<const std::string>(xml::to_string(iq, xml::ns::client.uri()))
                 )
    );
}

Result<void, std::string> Core::start(
    asio::io_context& context,
    const std::optional<std::string>& policy_text,
    const std::vector<xml::Jid>& administrators
) {
    if (auto scanned = scan(); !scanned)
        return {boost::system::in_place_error, scanned.error().message()};
    store_.start([pipeline = pipeline_](std::vector<storage::FeedEntry> entries) {
        pipeline->on_feed(std::move(entries));
    });
    const auto more_to_come = asio::make_work_guard(context);   // else it would be stopped
    if (membership_ != nullptr) {
        membership_->applied(fanout_.applied());   // the scan's
        membership_->begin();
    }
    if (auto done = bootstrap(context, policy_text, administrators); !done) return done;
    asio::post(strand_, [this] { tick(); });
    return {};
}

/// In a cluster another member may do the same at the same time: what conflicted is looked at
/// again, and is there by then.
Result<void, std::string> Core::bootstrap(
    asio::io_context& context,
    const std::optional<std::string>& policy_text,
    const std::vector<xml::Jid>& administrators
) {
    constexpr int rounds_max = 5;
    PolicyFileFollower policy_file(config_, controller_.state_for_admin().policy, log_);
    for (int round = 0; round < rounds_max; ++round) {
        auto batches = controller_.bootstrap(policy_text, administrators);
        if (!batches) return {boost::system::in_place_error, batches.error()};
        if (policy_text && !config_.policy.file.empty()) {
            auto batch = policy_file.at_start(
                *policy_text, policy_file.taken(*store_.snapshot()),
                {pubsub::Principal::system(), now(), fresh_id()}
            );
            if (batch) batches->push_back(std::move(*batch));
        }
        // Time windows opened and closed while the server was down: no client enters under the old
        // ones.
        if (membership_ == nullptr)
            for (auto& batch : controller_.due(now(), background_batches_max, true))
                batches->push_back(std::move(batch));
        if (batches->empty()) break;
        for (auto& batch : *batches) pipeline_->submit_background(std::move(batch));
        // An administrator who comes as soon as we listen must be one already.
        while (pipeline_->background_in_flight() > 0) context.run_one();
        if (membership_ == nullptr) break;
    }
    return {};
}

void Core::stop(std::function<void()> done) {
    asio::post(strand_, [this, done = std::move(done)]() mutable {
        is_stopped_ = true;
        transfers_.stop();
        // With what is on record of them.
        for (auto& batch : controller_.due_before_change())
            if (pipeline_->has_room()) pipeline_->submit_background(std::move(batch));
        wind_up(std::chrono::steady_clock::now() + stop_seconds_max, std::move(done));
    });
}

void Core::wait_for_commits(
    std::chrono::steady_clock::time_point until, std::function<void()> done
) {
    pipeline_->resume_stalled();
    if (pipeline_->is_idle() || std::chrono::steady_clock::now() >= until) {
        timer_.cancel();
        return done();
    }
    timer_.expires_after(std::chrono::milliseconds(2));
    timer_.async_wait([this, until, done = std::move(done)](boost::system::error_code) mutable {
        wait_for_commits(until, std::move(done));
    });
}

void Core::note_positions() {
    for (auto& batch : catch_up_.take_notes())
        if (pipeline_->has_room()) pipeline_->submit_background(std::move(batch));
}

storage::Result<storage::Revision> Core::scan() {
    auto scanned = store_.scan([this](const storage::KeyChange& change) { apply(change); });
    if (!scanned) return scanned;
    fanout_.applied(*scanned);
    broker_.scan_finished();
    controller_.scan_finished();
    return scanned;
}

void Core::apply(const storage::KeyChange& change) {
    broker_.apply(change);
    controller_.apply(change);
}

void Core::notify(const storage::Committed& committed) {
    if (committed.batch.event == probe_event && committed.ticket != 0 && probe_.sent != TimePoint{})
        probe_.waits.observe(std::chrono::steady_clock::now() - std::exchange(probe_.sent, {}));
    fanout_.applied(std::max(fanout_.applied(), committed.revision));   // after a rebuild
    broker_.notify(committed, fanout_);
    controller_.notify(committed, fanout_);
    presence_.notify(committed);
    notify_files(committed);
    // A block list has no revision.
    if (controller::decode_block_event(committed.batch.event)) transfers_.rights_changed();
    look_at_transfers();
    if (sessions_.watcher()) note_waiting(committed);
    begin_sweep();
}

/// Transfers rest on rights as subscriptions do, and end at once.
void Core::look_at_transfers() {
    if (controller_.revision() == rights_seen_) return;
    rights_seen_ = controller_.revision();
    transfers_.rights_changed();
}

bool Core::deliver(std::chrono::steady_clock::time_point deadline) {
    const bool is_done = fanout_.deliver(deadline);
    if (is_done) delivered_ = fanout_.applied();
    return is_done;
}

void Core::flush() {
    go_on_with_upkeep();
    fanout_.flush();
    // Behind the flush: what a client does once a change is known everywhere comes after the events
    // of it. (Those that wait for room, or for other connections, excepted.)
    if (membership_ != nullptr && delivered_ != 0) membership_->applied(delivered_);
}

void Core::submit_or_defer(storage::Batch batch) {
    if (deferred_.empty() && pipeline_->has_room())
        pipeline_->submit_background(std::move(batch));
    else
        deferred_.push_back(std::move(batch));
}

/// Batches that the store had no room for are tried again: the parts that proposed them do so only
/// once.
void Core::submit_deferred() {
    while (!deferred_.empty() && pipeline_->has_room()) {
        pipeline_->submit_background(std::move(deferred_.front()));
        deferred_.pop_front();
    }
}

/// The audit lies in the order of what happened: a denial before the change that came after it.
void Core::before_change(const storage::Batch& batch) {
    if (batch.is_volatile) return;
    const bool is_on_record =
        std::ranges::any_of(batch.operations, [](const storage::Write& operation) {
            return operation.family == storage::Family::Audit;
        });
    if (!is_on_record) return;
    for (auto& earlier : controller_.due_before_change()) submit_or_defer(std::move(earlier));
}

/// The wall clock may be set; what it says is believed, but not in silence.
void Core::watch_clock() {
    const auto before = clocks_;
    clocks_ = {now(), monotonic_ms()};
    if (before.wall == 0) return;
    const auto passed = static_cast<storage::Millis>(clocks_.steady - before.steady);
    const storage::Millis jump = clocks_.wall - before.wall - passed;
    if (std::abs(jump) < storage::ClockSteps::held_ms) return;
    const std::string text = "the clock was set " + std::string(jump > 0 ? "forward" : "back") +
                             " by " + std::to_string(std::abs(jump) / 1000) + " seconds";
    log_.warn(
        "clock_jump", {{"text", text},
                       {"do",
                        "stamps, expiry and the policy's times follow the clock: see that the "
                        "host's time service is right"}}
    );
    controller_.record_system("clock-jump", text);
    // How long a session has said nothing is no matter of what the clock was set to: leases of
    // publishers neither lapse at once nor last until the clock comes there again.
    sessions_.for_each([&](const SessionPtr& session) {
        if (session->heard != 0) session->heard += jump;
        // Nor is a stream younger than what is registered through it from now on.
        session->since = std::min(session->since, clocks_.wall);
    });
}

/// Rebuilds memory from the store; sessions and requests stay. Batches that were committed without
/// being seen, as a write of unknown outcome that landed, reach subscribers by replay.
storage::Revision Core::rebuild() {
    log_.warn("store_gap", {{"do", "memory is rebuilt from the store"}});
    fanout_.flush();
    const auto told = fanout_.completed();
    broker_.scan_started();
    controller_.forget();
    const auto scanned = scan();
    fanout_.rights_changed();
    needs_rebuild_ = !scanned;   // the next tick tries again
    if (!scanned) {
        log_.error("rebuild_failed", {{"reason", scanned.error().message()}});
        return 0;
    }
    log_.info("rebuilt", {{"revision", std::to_string(*scanned)}});
    catch_up_.on_feed_gap(told);
    presence_.on_feed_gap(told);
    return *scanned;
}

/// Trims, expiry, erasing, sweeps: one round at a time, since work that is not done is due again in
/// the next. True when there is more to do.
bool Core::work_in_background() {
    submit_deferred();
    go_on_with_upkeep();
    if (pipeline_->background_in_flight() != 0 || !upkeep_.empty()) return true;
    if (leads()) look_up_wanted();
    for (auto& batch : controller_.due(now(), background_batches_max, leads()))
        submit_or_defer(std::move(batch));
    for (auto& batch : broker_.due(now(), background_batches_max, leads()))
        upkeep_.push_back(std::move(batch));
    // Retention leaves a quarter of a round to others.
    const bool is_behind = 4 * upkeep_.size() >= 3 * background_batches_max;
    go_on_with_upkeep();
    return is_behind;
}

/// A batch of the upkeep takes as long as many requests do. In front of a request is about as much
/// of it as the requests under way will cause.
void Core::go_on_with_upkeep() {
    constexpr std::size_t least = 4, requests_per_batch = 16;
    while (!upkeep_.empty() && !is_stopped_ && pipeline_->has_room()) {
        const std::size_t background = pipeline_->background_in_flight();
        const std::size_t requests = pipeline_->in_flight() - background;
        if (background >= least + requests / requests_per_batch) return;
        pipeline_->submit_background(std::move(upkeep_.front()));
        upkeep_.pop_front();
    }
}

/// Items that are to expire are read before, where only some subscribers are to hear of it.
void Core::look_up_wanted() {
    auto wanted = broker_.take_wanted();
    if (wanted.empty()) return;
    store_.read([this, wanted = std::move(wanted)](const storage::Snapshot& snapshot) {
        asio::post(strand_, [this, found = broker_.look_up(snapshot, wanted)]() mutable {
            broker_.learn(std::move(found));
        });
    });
}

void Core::tick() {
    if (is_stopped_) return;
    bool is_behind = false;
    try {
        is_behind = do_what_is_due();
    } catch (const std::exception& fault) {   // the clock must go on
        log_.fold(Level::Error, "tick_failed", {{"reason", fault.what()}});
    }
    log_.flush_folded();
    timer_.expires_after(is_behind ? tick_when_behind : tick_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (!error) tick();
    });
}

bool Core::do_what_is_due() {
    if (needs_rebuild_) pipeline_->rebuild();
    const bool may_write = store_.status().writable;   // else all would only be refused
    if (may_write) begin_sweep();
    bool is_behind = (may_write && work_in_background()) || (leads() && broker_.is_sweep_pending());
    if (const auto time = std::chrono::steady_clock::now(); time >= next_look_) {
        next_look_ = time + tick_every;
        watch_clock();
        pipeline_->resume_stalled();
        close_expired();
        end_unresumed();
        fanout_.ask_for_acks(time);
        if (fanout_.tick(time)) {
            is_behind = true;
            next_look_ = time;
        }
        catch_up_.tick();
        offline_.tick();
        router_.tick(time);
        if (SessionWatcher* watcher = sessions_.watcher()) watcher->on_tick(time);
        look_at_transfers();
        transfers_.tick(time);
        in_band_histories_.tick(time);
        presence_.tick(time);
        last_items_.tick();
        if (may_write) note_positions();
        if (may_write) probe(time);
    }
    fanout_.flush();
    return is_behind;
}

/// One at a time: a store that takes long is not asked more often for it.
void Core::probe(TimePoint time) {
    const std::chrono::seconds every(config_.metrics.probe_seconds);
    if (every.count() == 0 || time < probe_.next || !pipeline_->has_room()) return;
    probe_.next = time + every;
    if (probe_.sent != TimePoint{}) return;
    storage::Batch batch;
    batch.put(storage::Family::Control, probe_event, {});
    batch.event = probe_event;
    if (pipeline_->submit_background(std::move(batch))) probe_.sent = time;
}

Load Core::load() const {
    Load load;
    load.in_flight = pipeline_->in_flight();
    load.background = pipeline_->background_in_flight();
    load.deferred = deferred_.size() + upkeep_.size();
    load.replaying = catch_up_.behind();
    load.notifications = fanout_.queued();
    load.queued_bytes = process_budget_->used();
    load.queued_bytes_max = process_budget_->bytes_max();
    load.sent = fanout_.counts();
    sessions_.for_each([&load](const SessionPtr& session) {
        if (session->state == Session::State::Connected)
            ++load.sessions.at(static_cast<std::size_t>(session->transport_kind));
    });
    return load;
}

void Core::submit(
    SessionPtr session,
    std::uint64_t attachment,
    std::vector<Inbound> inbound,
    std::function<void()> taken
) {
    asio::dispatch(
        strand_,
        [this, session = std::move(session), attachment, inbound = std::move(inbound),
         taken = std::move(taken)]() mutable {
            take_all(session, attachment, std::move(inbound), 0, std::move(taken));
            fanout_.flush();
        }
    );
}

void Core::take_all(
    const SessionPtr& session,
    std::uint64_t attachment,
    std::vector<Inbound> inbound,
    std::size_t from,
    std::function<void()> taken
) {
    if (session->attachment != attachment) return taken();
    for (SessionWatcher* const watcher = sessions_.watcher();;) {
        if (watcher != nullptr && watcher->is_untold(*session)) {
            auto rest = std::make_shared<std::vector<Inbound>>(std::move(inbound));
            return watcher->when_told(
                *session,
                [this, session, attachment, rest, from, taken = std::move(taken)]() mutable {
                    take_all(session, attachment, std::move(*rest), from, std::move(taken));
                    fanout_.flush();
                }
            );
        }
        if (from == inbound.size()) break;
        take(session, std::move(inbound[from++]));
    }
    taken = slow_down(session, attachment, std::move(taken));
    if (auto queue = session->queue; queue && !queue->empty()) {
        queue->on_taken = std::move(taken);
        pipeline_->advance(queue);
        if (queue->empty()) session->queue = nullptr;
    } else {
        taken();
    }
}

namespace {

/// In steps, so that it ends with the transport.
void call_after(
    std::shared_ptr<asio::steady_timer> timer,
    std::chrono::nanoseconds pause,
    std::function<bool()> is_over,
    std::function<void()> then
) {
    if (pause.count() <= 0 || is_over()) return then();
    const auto step = std::min<std::chrono::nanoseconds>(pause, slowed_at_once);
    timer->expires_after(step);
    timer->async_wait([timer, left = pause - step, is_over = std::move(is_over),
                       then = std::move(then)](boost::system::error_code) mutable {
        call_after(timer, left, std::move(is_over), std::move(then));
    });
}

}   // namespace

/// A client whose streams in band go beyond bulk.bytes_per_second is not read for as long as that
/// takes: nothing of a stream is lost, and the sender waits.
std::function<void()> Core::slow_down(
    const SessionPtr& session, std::uint64_t attachment, std::function<void()> taken
) {
    const auto pause = in_band_.take_pause(*session);
    if (pause.count() <= 0) return taken;
    return [this, pause, session, attachment, taken = std::move(taken)]() mutable {
        const auto is_over = [session, attachment] {
            return session->is_ended || session->attachment != attachment || !session->transport;
        };
        call_after(std::make_shared<asio::steady_timer>(strand_), pause, is_over, std::move(taken));
    };
}

/// A fault that we do not understand ends the stream that caused it.
void Core::take(const SessionPtr& session, Inbound inbound) {
    try {
        if (inbound.word) return take_word(session, *inbound.word);
        if (is_client_state(inbound.stanza))   // no stanza
            return note_client_state(session, inbound.stanza.name() == "active");
        if (session->management) ++session->management->received;
        router_.take(session, std::move(inbound));
    } catch (const std::exception& fault) {
        log_.error("stanza_failed", {{"jid", session->jid.str()}, {"reason", fault.what()}});
        if (session->transport)
            session->transport->close(
                xml::StreamError{"internal-server-error", "the server has a fault", {}}
            );
    }
}

/// A new stream and one that was resumed are active (XEP-0352 §4, §5).
void Core::note_client_state(const SessionPtr& session, bool is_active) {
    const std::size_t most = config_.sessions.held_presence_max;
    if (is_active)
        fanout_.let_go(session);
    else if (!session->held && most != 0)
        session->held = std::make_unique<HeldPresence>(session->budget, most);
}

void Core::finish(SessionPtr session, std::function<void()> done) {
    asio::post(strand_, [this, session = std::move(session), done = std::move(done)]() mutable {
        // Answers of this turn leave before the end does.
        auto last = [this, done = std::move(done)] { asio::post(strand_, done); };
        fanout_.flush();
        const auto queue = session->queue;
        if (!queue || queue->empty()) return last();
        queue->on_answered.push_back(std::move(last));
        pipeline_->advance(queue);
        fanout_.flush();
    });
}

void Core::api(
    controller::PreparedHttp request,
    pubsub::Principal principal,
    controller::Identity identity,
    std::function<void(controller::HttpResponse)> done
) {
    using Transaction = CallbackTransaction<controller::HttpResponse, controller::HttpResponse>;
    const auto refuse = done;
    auto pending = std::make_unique<Transaction>(
        std::move(request.decide), to_http_error,
        [done = std::move(done)](Transaction::Base::Answer answer) {
            done(
                answer.index() == 0 ? std::get<0>(std::move(answer))
                                    : std::get<1>(std::move(answer))
            );
        }
    );
    const std::string address = principal.address;
    pending->context = {std::move(principal), now(), fresh_id()};
    pending->is_for_all = membership_ != nullptr;
    pending->is_for_cut_off = request.is_for_cut_off;
    auto shared = std::make_shared<std::unique_ptr<Transaction>>(std::move(pending));
    asio::post(strand_, [this, shared, refuse, identity = std::move(identity), address] {
        if (is_cut_off() && !(*shared)->is_for_cut_off)
            return refuse(controller::http_error(503, "cut-off", not_ready().text));
        auto run = [this, shared](const std::optional<xml::StanzaError>&) {
            // The request runs even if enrolment failed; the controller then refuses it for want of
            // an account.
            auto queue = std::make_shared<SenderQueue>(
                senders_.next(), std::string((*shared)->context.actor.jid.bare_view())
            );
            queue->push(std::move(*shared));
            pipeline_->advance(queue);
        };
        // A stream is refused at SASL; here each request is. The refusal is recorded with its
        // method and path where the answer leaves (http::Connection::log).
        const auto admission = controller_.admit(identity);
        if (admission.kind == controller::Admission::Kind::OtherKey)
            return refuse(controller::http_error(
                403, controller::row(controller::Errc::OtherKey).http_code, admission.text
            ));
        // An administrator who was made on the machine is bound to the first certificate, whichever
        // way it comes in. No new account registers by HTTP.
        if (admission.kind == controller::Admission::Kind::Enter &&
            admission.state == controller::AccountState::Enabled)
            enrol(identity, address, run);
        else
            run(std::nullopt);
        fanout_.flush();
    });
}

void Core::commit(storage::Batch batch) {
    asio::post(strand_, [this, batch = std::move(batch)]() mutable {
        if (pipeline_->has_room()) pipeline_->submit_background(std::move(batch));
    });
}

void Core::record_refusal(
    std::string what,
    std::string claimed,
    std::string address,
    std::string condition,
    std::string reason
) {
    asio::post(
        strand_,
        [this, what = std::move(what), claimed = std::move(claimed), address = std::move(address),
         condition = std::move(condition), reason = std::move(reason)] {
            controller_.record_refusal(what, claimed, address, condition, reason);
        }
    );
}

void Core::rebind(
    std::vector<std::pair<xml::Jid, std::string>> wanted, std::function<void()> done
) {
    asio::post(strand_, [this, wanted = std::move(wanted), done = std::move(done)] {
        auto rebinds = controller_.rebind(wanted);
        for (auto& batch : rebinds.batches) pipeline_->submit_background(std::move(batch));
        if (!rebinds.batches.empty()) return;   // looked at again once they are committed
        for (const std::string& problem : rebinds.problems)
            log_.error("rebind_failed", {{"reason", problem}});
        done();
        const std::size_t bound = wanted.size() - rebinds.problems.size();
        if (bound != 0) log_.info("rebind_done", {{"accounts", std::to_string(bound)}});
    });
}

void Core::replace_policy(std::string text, std::function<void(std::string why_not)> done) {
    using Transaction = CallbackTransaction<std::string, std::string>;
    const auto file = std::make_shared<const PolicyFileFollower>(
        config_, controller_.state_for_admin().policy, log_
    );
    const auto taken = std::make_shared<std::optional<std::string>>();   // once it was read
    auto pending = std::make_unique<Transaction>(
        [file, taken,
         text = std::move(text)](const pubsub::Context& context) -> Transaction::Decision {
            if (!*taken)
                return Transaction::Decision::Work{
                    nullptr, [file, taken](const storage::Snapshot& snapshot
                             ) { *taken = file->taken(snapshot); }
                };
            auto batch = file->at_reload(text, **taken, context);
            if (!batch) return std::string();
            return Transaction::Decision::Change{std::move(*batch), {}};
        },
        [](boost::system::error_code error) { return to_stanza_error(error).text; },
        [done = std::move(done)](Transaction::Answer answer) {
            done(std::visit([](const std::string& why_not) { return why_not; }, answer));
        }
    );
    pending->context = {pubsub::Principal::system(), now(), fresh_id()};
    auto shared = std::make_shared<std::unique_ptr<Transaction>>(std::move(pending));
    asio::post(strand_, [this, shared] {
        auto queue = std::make_shared<SenderQueue>(senders_.next(), std::string());
        queue->push(std::move(*shared));
        pipeline_->advance(queue);
    });
}

void Core::record_reload(pubsub::Principal by, bool is_taken, std::string detail) {
    asio::post(strand_, [this, by = std::move(by), is_taken, detail = std::move(detail)] {
        controller_.record_reload(by, is_taken, detail);
    });
}

void Core::add_administrators(std::vector<xml::Jid> administrators) {
    asio::post(strand_, [this, administrators = std::move(administrators)] {
        auto batches = controller_.bootstrap(std::nullopt, administrators);
        if (!batches) return log_.error("administrators", {{"reason", batches.error()}});
        for (auto& batch : *batches) pipeline_->submit_background(std::move(batch));
    });
}

}   // namespace grid::server
