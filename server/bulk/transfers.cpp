// server/bulk/transfers.cpp: transfers begin, are looked at again, and end.
#include "server/bulk/transfers.hpp"

#include <algorithm>
#include <numeric>

#include "server/clock.hpp"

namespace grid::server::bulk {

namespace {

constexpr std::size_t transfers_looked_at_once = 64;
constexpr auto transfers_tick_every = std::chrono::milliseconds(500);
/// The end of a certificate's time and of a rule's is no event.
constexpr auto transfers_look_every = std::chrono::seconds(2);
constexpr std::size_t accounts_tidied_at_once = 256;
constexpr auto transfer_burst = std::chrono::milliseconds(250);

std::uint64_t transfer_ms(TokenBucket::Clock::time_point time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count()
    );
}

}   // namespace

/// Used by carriers on their strands; the lock is taken once a turn.
struct Running::Shared {
    explicit Shared(const controller::bulk::Settings& settings)
        : quotas(settings), rate(settings.bytes_per_second, transfer_burst) {}
    std::mutex mutex;
    controller::bulk::Quotas quotas;
    TokenBucket rate;
};

Party party_of(const pubsub::Principal& principal, const controller::Identity& identity) {
    return {principal, identity.path, identity.valid_until};
}

std::chrono::nanoseconds Pace::take(std::uint64_t bytes, TokenBucket::Clock::time_point now) const {
    auto debt = of_server_->take(bytes, now);
    if (of_account_) debt = std::max(debt, of_account_->take(bytes, now));
    return std::max(debt, std::chrono::nanoseconds(0));
}

bool Running::count(std::uint64_t bytes, TokenBucket::Clock::time_point now) {
    bytes_ += bytes;
    {
        const std::lock_guard lock(shared_->mutex);
        if (!shared_->quotas.take(account_, bytes, transfer_ms(now))) is_over_quota_ = true;
    }
    return is_ended_ || is_over_quota_;
}

Running::Taken Running::take(std::uint64_t bytes, TokenBucket::Clock::time_point now) {
    const bool is_over = count(bytes, now);
    return {pace_.take(bytes, now), is_over};
}

Transfers::Transfers(
    Post post, const controller::Controller& controller, const controller::bulk::Settings& settings
)
    : post_(std::move(post)),
      controller_(controller),
      settings_(settings),
      shared_(std::make_shared<Running::Shared>(settings)) {}

void Transfers::begin(Beginning beginning, std::function<void(Begun)> done) {
    post_([this, beginning = std::move(beginning), done = std::move(done)]() mutable {
        done(begin_now(std::move(beginning)));
    });
}

void Transfers::end(const RunningPtr& running, State why, std::string detail) {
    post_([this, running, why, detail = std::move(detail)]() mutable {
        finish(running, why, std::move(detail));
    });
}

/// Why a transfer may not go on, or begin.
std::optional<Transfers::Ending> Transfers::ending_of(const Beginning& beginning) const {
    for (const Party& party : beginning.parties) {
        const std::string name(party.principal.jid.bare_view());
        if (controller_.state(party.principal) != controller::AccountState::Enabled)
            return Ending{State::Disabled, name + " is not enabled"};
        if (party.valid_until != 0 && party.valid_until < now())
            return Ending{State::Revoked, "the certificate of " + name + " has expired"};
        if (revoked_ && !party.path.empty())
            if (auto why = revoked_(party.path); !why.empty())
                return Ending{State::Revoked, std::move(why)};
    }
    if (const auto verdict = beginning.right(); !verdict.allowed)
        return Ending{State::Denied, verdict.rule};
    return std::nullopt;
}

Begun Transfers::refuse(const Transfer& transfer, Refusal refusal) {
    ++counters_.refused;
    Transfer refused = transfer;
    refused.rule = refusal.limit.empty() ? refusal.text : refusal.limit;
    controller_.record_transfer(controller::bulk::refusal_record(refused));
    return refusal;
}

Begun Transfers::begin_now(Beginning beginning) {
    Transfer& transfer = beginning.transfer;
    transfer.id = ++last_id_;
    if (is_stopped_) return refuse(transfer, {State::Stopped, "the server stops", {}, {}});
    if (auto ending = ending_of(beginning))
        return refuse(transfer, {ending->why, std::move(ending->text), {}, {}});
    const auto time = Clock::now();
    {
        const std::lock_guard lock(shared_->mutex);
        if (auto bound = shared_->quotas.begin(transfer.account, transfer_ms(time)))
            return refuse(
                transfer,
                {State::Quota, std::move(bound->text), std::move(bound->limit), bound->retry_ms}
            );
    }
    transfer.rule = beginning.right().rule;
    transfer.started = now();
    transfer.state = State::Running;
    auto running = std::make_shared<Running>();
    running->shared_ = shared_;
    running->pace_ = pace_of(transfer.account);
    running->id_ = transfer.id;
    running->account_ = transfer.account;
    running->beginning_ = std::move(beginning);
    running->marked_ = running->began_ = time;
    for (const Party& party : running->beginning_.parties)
        for (const std::string& link : party.path) by_link_.emplace(link, running->id_);
    running_.emplace(running->id_, running);
    ++counters_.started;
    controller_.record_transfer(controller::bulk::start_record(running->beginning_.transfer));
    return running;
}

Pace Transfers::pace_of(const std::string& account) {
    Pace pace;
    pace.of_server_ = std::shared_ptr<TokenBucket>(shared_, &shared_->rate);
    pace.of_account_ = rate_of(account);
    return pace;
}

std::shared_ptr<TokenBucket> Transfers::rate_of(const std::string& account) {
    if (settings_.bytes_per_second_per_account == 0) return nullptr;
    if (const auto known = rates_.find(account); known != rates_.end())
        if (auto rate = known->second.lock()) return rate;
    std::erase_if(rates_, [](const auto& known) { return known.second.expired(); });
    auto rate =
        std::make_shared<TokenBucket>(settings_.bytes_per_second_per_account, transfer_burst);
    rates_[account] = rate;
    return rate;
}

void Transfers::finish(const RunningPtr& running, State why, std::string detail) {
    if (running->is_ended_.exchange(true)) return;
    Beginning& beginning = running->beginning_;
    for (const Party& party : beginning.parties)
        for (const std::string& link : party.path) {
            auto [at, end] = by_link_.equal_range(link);
            while (at != end) at = at->second == running->id_ ? by_link_.erase(at) : std::next(at);
        }
    running_.erase(running->id_);
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->quotas.end(running->account_, transfer_ms(Clock::now()));
    }
    // A carrier that stopped since the bytes are used up says no more than that it stopped.
    if (running->is_over_quota_ && why != State::Complete) why = State::Quota;
    Transfer ended = view_of(*running);
    ended.state = why;
    ended.ended = now();
    ended.detail = std::move(detail);
    counters_.ended.at(static_cast<std::size_t>(why)) += 1;
    counters_.bytes.at(static_cast<std::size_t>(ended.kind)) += ended.bytes;
    controller_.record_transfer(controller::bulk::end_record(ended));
    recent_.push_front(std::move(ended));
    if (recent_.size() > settings_.recent_max) recent_.pop_back();
    // The connections and sessions that they hold go with them.
    beginning.right = nullptr;
    beginning.cut = nullptr;
}

void Transfers::cut(const RunningPtr& running, State why, const std::string& text) {
    if (running->is_ended_) return;
    const RunningPtr held = running;   // the caller's may be the table's own
    const auto carrier = held->beginning_.cut;
    finish(held, why, text);
    if (carrier) carrier(why, text);
}

void Transfers::rights_changed() {
    looks_again_ = true;
    if (std::exchange(is_looking_, true)) return;
    looks_again_ = false;
    looked_to_ = 0;
    look_again();
}

/// Every transfer that there is by now, in the order of their ids.
void Transfers::look_again() {
    std::size_t looked = 0;
    auto at = running_.upper_bound(looked_to_);
    while (at != running_.end() && looked++ < transfers_looked_at_once) {
        const RunningPtr running = at->second;
        looked_to_ = at->first;
        if (const auto ending = ending_of(running->beginning_))
            cut(running, ending->why, ending->text);
        at = running_.upper_bound(looked_to_);
    }
    if (at == running_.end() && std::exchange(looks_again_, false)) looked_to_ = 0;
    is_looking_ = running_.upper_bound(looked_to_) != running_.end();
    if (is_looking_) post_([this] { look_again(); });
}

void Transfers::revoke(const std::string& link) {
    for (auto at = by_link_.find(link); at != by_link_.end(); at = by_link_.find(link)) {
        const RunningPtr running = running_.at(at->second);
        cut(running, State::Revoked, "the certificate was revoked");
    }
}

void Transfers::session_ended(const Session& session) {
    end_with(session.jid, [&](const Party& party) {
        return party.principal.session == session.id;
    });
}

void Transfers::address_ended(const xml::Jid& full) {
    end_with(full, [&](const Party& party) { return party.principal.jid == full; });
}

void Transfers::end_with(
    const xml::Jid& session, const std::function<bool(const Party&)>& is_its_party
) {
    std::vector<RunningPtr> of_it;
    for (const auto& [id, running] : running_)
        if (std::ranges::any_of(running->beginning_.parties, is_its_party))
            of_it.push_back(running);
    for (const RunningPtr& running : of_it) {
        // The reason may be one of these.
        const auto ending = ending_of(running->beginning_);
        if (ending)
            cut(running, ending->why, ending->text);
        else
            cut(running, State::Ended, "the session " + session.str() + " was ended");
    }
}

std::optional<Transfers::Ending> Transfers::ending_by_time(Running& running, Clock::time_point now)
    const {
    const std::uint64_t bytes = running.bytes_;
    if (bytes - running.marked_bytes_ >= controller::bulk::Settings::idle_bytes) {
        running.marked_bytes_ = bytes;
        running.marked_ = now;
    }
    if (running.is_over_quota_) return Ending{State::Quota, {}};
    if (settings_.seconds_max != 0 &&
        now - running.began_ > std::chrono::seconds(settings_.seconds_max))
        return Ending{State::TooLong, {}};
    if (settings_.idle_seconds_max != 0 &&
        now - running.marked_ > std::chrono::seconds(settings_.idle_seconds_max))
        return Ending{State::Idle, {}};
    return std::nullopt;
}

void Transfers::tick(Clock::time_point now) {
    if (now < next_tick_) return;
    next_tick_ = now + transfers_tick_every;
    std::vector<std::pair<RunningPtr, Ending>> over;
    for (const auto& [id, running] : running_)
        if (auto ending = ending_by_time(*running, now))
            over.emplace_back(running, std::move(*ending));
    for (const auto& [running, ending] : over)
        cut(running, ending.why, std::string(controller::bulk::describe(ending.why)));
    if (now < next_look_) return;
    next_look_ = now + transfers_look_every;
    rights_changed();
    const std::lock_guard lock(shared_->mutex);
    shared_->quotas.tidy(transfer_ms(now), accounts_tidied_at_once);
}

void Transfers::stop() {
    is_stopped_ = true;
    while (!running_.empty()) cut(running_.begin()->second, State::Stopped, "the server stops");
}

Transfer Transfers::view_of(const Running& running) const {
    Transfer view = running.beginning_.transfer;
    view.bytes = running.bytes_;
    return view;
}

std::vector<Transfer> Transfers::running() const { return running(running_.size()); }

std::vector<Transfer> Transfers::running(std::size_t max) const {
    std::vector<Transfer> some;
    for (const auto& [id, running] : running_) {
        if (some.size() == max) break;
        some.push_back(view_of(*running));
    }
    return some;
}

std::vector<Transfer> Transfers::recent(std::size_t max) const {
    const auto count = static_cast<std::ptrdiff_t>(std::min(max, recent_.size()));
    return {recent_.begin(), recent_.begin() + count};
}

std::uint64_t Transfers::ended_count() const {
    return std::accumulate(counters_.ended.begin(), counters_.ended.end(), std::uint64_t{0});
}

std::vector<Transfer> Transfers::recent() const { return {recent_.begin(), recent_.end()}; }

Counters Transfers::counters() const {
    Counters all = counters_;
    for (const auto& [id, running] : running_)
        all.bytes.at(static_cast<std::size_t>(running->beginning_.transfer.kind)) +=
            running->bytes_;
    return all;
}

}   // namespace grid::server::bulk
