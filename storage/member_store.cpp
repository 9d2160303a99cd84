// storage/member_store.cpp: see member_store.hpp: the threads, and what other threads ask.
#include "storage/member_store.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace grid::storage {
namespace {

/// Without anything to do the writer looks again after that.
constexpr auto idle_pause = std::chrono::milliseconds(200);
/// Between two looks of the writer lie calls of the log; more is a pause of the process, after
/// which outcomes may have waited.
constexpr auto look_most = std::chrono::seconds(6);
/// Between two syncs of RocksDB's log.
constexpr auto keeper_pause = std::chrono::milliseconds(1'000);
/// Groups that are not in the log for so long stop the store's writes for those that look.
constexpr auto append_patience = std::chrono::seconds(2);
/// A leader that was given up counts as silent for so long, unless it decides something before.
constexpr int silent_times_answer = 3;
/// Between two looks at the room of the log while there is enough.
constexpr auto room_pause = std::chrono::seconds(5);
/// So many times what is kept the database has in use at the most: groups between two trims, their
/// history between two compactions, and what a member that does not follow holds up.
constexpr std::uint64_t room_factor = 3;

}   // namespace

MemberStore::MemberStore(
    const ReplicatedSettings& settings,
    std::shared_ptr<RocksDatabase> database,
    Log& log,
    Peers& peers
)
    : self_(settings.self),
      groups_kept_(settings.groups_kept),
      log_bytes_kept_(settings.log_bytes_kept),
      max_staleness_(settings.max_staleness),
      answer_within_(settings.answer_within),
      log_(log),
      peers_(peers),
      files_(settings.rocks, std::move(database)),
      inbox_(settings.rocks.queue_bytes_max),
      heard_(Clock::now()) {
    status_.self = self_;
}

MemberStore::~MemberStore() {
    inbox_.close();
    log_.stop_following();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_all();
    if (writer_.joinable()) writer_.join();
    if (keeper_.joinable()) keeper_.join();
    log_.stop_following();   // the writer may have begun once more
    // The next start, perhaps as a single node, finds no torn end.
    if (files_.stopped_reason().empty()) files_.database()->sync_log();
    files_.database()->close();
}

void MemberStore::start(FeedHandler handler) {
    assert(!handler_);
    handler_ = std::move(handler);
    writer_ = std::thread([this] { run(); });
    keeper_ = std::thread([this] { keep(); });
    log_.follow(applied_.groups, *this);
}

bool MemberStore::submit(Ticket ticket, Sender sender, Batch batch) {
    assert(handler_);   // the feed begins with start(): no batch before that
    return inbox_.submit({ticket, sender, std::move(batch)});
}

void MemberStore::lead(std::uint64_t groups_least) { inbox_.set_role({true, self_, groups_least}); }

void MemberStore::follow_leader(MemberId leader) { inbox_.set_role({false, leader, 0}); }
void MemberStore::on_peer(MemberId from, std::string message) {
    inbox_.push_message(from, std::move(message));
}
void MemberStore::on_peer_up(MemberId member) { inbox_.push_connected(member); }

void MemberStore::set_obstacle(std::string why, bool refuses) {
    const std::lock_guard lock(mutex_);
    obstacle_ = std::move(why);
    refuses_ = refuses;
}

StoreStatus MemberStore::status() const {
    StoreStatus status = files_.status();
    status.commits = commits_;
    status.groups = groups_;
    status.syncs = syncs_;
    status.queued_bytes = inbox_.queued_bytes();
    const std::lock_guard lock(mutex_);
    status.revision = status_.applied;
    status.store_id = identity_.store_id;
    status.epoch = identity_.epoch;
    if (!status.writable) return status;
    if (lost_ == Lost::Trimmed)
        status.reason = make_error_code(Errc::Trimmed).message();
    else if (lost_ == Lost::OtherHistory)
        status.reason = make_error_code(Errc::OtherHistory).message();
    else
        status.reason = why_not_decided();
    status.writable = status.reason.empty();
    return status;
}

std::string MemberStore::why_not_decided() const {
    const auto now = Clock::now();
    if (now - heard_ > max_staleness_)
        return "the log of the cluster was not heard from: see whether etcd runs";
    if (!obstacle_.empty()) return obstacle_;
    if (failing_since_ && now - *failing_since_ > append_patience)
        return "the log of the cluster takes no changes: " + append_failure_;
    if (!has_leader_) return "no member of the cluster leads yet";
    if (status_.log_room.is_full) return log_full_reason;
    if (unanswered_at_ && now - *unanswered_at_ < silent_times_answer * answer_within_)
        return "the member that leads the cluster did not answer changes: see /readyz there";
    return {};
}

ReplicationStatus MemberStore::replication() const {
    const bool is_writable = files_.status().writable;
    const std::lock_guard lock(mutex_);
    ReplicationStatus status = status_;
    status.log_bytes = sizes_.bytes();
    status.may_lead = lost_ == Lost::No && is_writable;
    status.since_heard =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - heard_);
    return status;
}

boost::system::error_code MemberStore::reopen() {
    boost::system::error_code error;
    if (!handler_) return reopen_on_writer();
    if (!inbox_.between_groups([&] { error = reopen_on_writer(); }))
        return make_error_code(Errc::Closed);
    return error;
}

boost::system::error_code MemberStore::checkpoint(
    const std::string& directory, const std::function<void()>& at_that_point
) {
    return files_.checkpoint(directory, at_that_point, [this](std::function<void()> work) {
        return inbox_.between_groups(std::move(work));
    });
}

void MemberStore::on_groups(std::vector<Logged> groups) {
    if (groups.empty()) return;
    {
        // Not heard: after a pause of this process they may have waited for it, and be old.
        const std::lock_guard lock(mutex_);
        status_.known_group = std::max(status_.known_group, groups.back().number);
    }
    inbox_.push_groups(std::move(groups));
}

void MemberStore::on_heard(std::uint64_t number, Clock::time_point at) { hear_log(number, at); }

/// An answer tells how the log was at some time after it was asked: this process may have paused
/// since. Answers whose groups this member cannot apply, as on a full disk, do not make it up to
/// date.
void MemberStore::hear_log(std::uint64_t number, Clock::time_point asked) {
    const std::lock_guard lock(mutex_);
    status_.known_group = std::max(status_.known_group, number);
    // With fewer groups than are applied here the log is of an earlier time, or its word is late.
    if (status_.applied_group == number)
        heard_ = std::max(heard_, asked);
    else if (status_.applied_group < number && !unapplied_)
        unapplied_ = {number, asked};
}

void MemberStore::on_trimmed() { inbox_.set_trimmed(); }

void MemberStore::keep() {
    std::unique_lock lock(mutex_);
    while (!stop_.wait_for(lock, keeper_pause, [this] { return stopping_; })) {
        lock.unlock();
        sync();
        look_at_room();
        trim();
        lock.lock();
    }
}

void MemberStore::sync() {
    const ReplicationStatus now = replication();
    if (now.applied_group == now.flushed_group || !files_.stopped_reason().empty()) return;
    if (files_.database()->sync_log()) return;
    ++syncs_;
    const std::lock_guard lock(mutex_);
    status_.flushed_group = now.applied_group;
}

void MemberStore::trim() {
    std::uint64_t surplus = 0;
    {
        const std::lock_guard lock(mutex_);
        surplus = sizes_.take_surplus(groups_kept_, log_bytes_kept_);
    }
    const ReplicationStatus now = replication();
    if (!now.is_leader) return;
    const LogRoom& room = now.log_room;
    const bool is_pressed = room.is_full || room.bytes_in_use > room_factor * log_bytes_kept_;
    const std::uint64_t up_to =
        is_pressed ? std::min<std::uint64_t>(press_up_to_, now.flushed_group)
                   : std::min<std::uint64_t>({trim_up_to_, now.flushed_group, surplus});
    if (up_to > trimmed_ && log_.trim(up_to)) trimmed_ = up_to;
}

/// Whether it is full is asked often while it is: writes go on when it is not.
void MemberStore::look_at_room() {
    bool is_full = false;
    {
        const std::lock_guard lock(mutex_);
        is_full = status_.log_room.is_full;
    }
    const auto now = Clock::now();
    if (!is_full && now - looked_at_room_ < room_pause) return;
    looked_at_room_ = now;
    const auto room = log_.room();
    if (!room) return;
    const std::lock_guard lock(mutex_);
    status_.log_room = *room;
}

void MemberStore::note_full() {
    const std::lock_guard lock(mutex_);
    status_.log_room.is_full = true;
}

void MemberStore::note_size(std::uint64_t number, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    sizes_.add(number, bytes);
}

void MemberStore::run() {
    while (true) {
        auto content = inbox_.take(due_, backlog_.empty());
        if (!content) break;
        due_ = Clock::now() + idle_pause;
        step(std::move(*content));
    }
    end();
}

void MemberStore::look_again_in(std::chrono::milliseconds pause) {
    due_ = std::min(due_, Clock::now() + pause);
}

void MemberStore::step(MemberInbox::Content content) {
    if (content.role) take_role(*content.role);
    for (Logged& logged : content.groups) {
        seen_ = std::max(seen_, logged.number);
        backlog_.push_back(std::move(logged));
    }
    apply_backlog();
    is_unfollowed_ = is_unfollowed_ || content.is_trimmed;
    if (is_unfollowed_) follow_again();
    for (const MemberId member : content.connected)
        if (member == applied_.leader) {
            wants_stream_ = true;
            stream_at_ = Clock::now();
            note_unanswered(false);
        }
    for (const auto& [from, message] : content.messages) hear(from, message);
    take_in(std::move(content.submissions));
    if (in_flight_)
        try_append();
    else if (standing_ == Standing::Beginning)
        begin_leading();
    else if (standing_ == Standing::Leading)
        decide_group();
    else
        forward();
    if (standing_ == Standing::Leading && !origins_.send_refusals(peers_))
        look_again_in(std::chrono::milliseconds(50));
    tell_all(own_.take_refused(applied_.revision));
    give_up_late();
    publish();
}

/// The log may be silent, no member lead, or the leader not be reached: in each case a client has
/// an answer. A log that is slow and goes on is waited for.
void MemberStore::give_up_late() {
    const auto now = Clock::now();
    const bool has_outcomes = std::exchange(outcomes_, own_.outcomes()) != own_.outcomes();
    const bool goes_on = own_.size() == 0 || has_outcomes;
    if (has_outcomes) note_unanswered(false);
    if (goes_on || now - std::exchange(looked_at_, now) > look_most) progress_at_ = now;
    if (now - progress_at_ < answer_within_) return;
    std::string why;
    {
        const std::lock_guard lock(mutex_);
        why = why_not_decided();
    }
    if (why.empty()) why = "the cluster decides no changes at present";
    auto given_up = own_.give_up(now - answer_within_, Errc::Unreachable, why);
    const bool has_silent_leader = role_.leader != 0 && role_.leader != self_;
    if (!given_up.empty() && has_silent_leader) note_unanswered(true);
    tell_all(std::move(given_up));
}

void MemberStore::note_unanswered(bool is_unanswered) {
    const std::lock_guard lock(mutex_);
    unanswered_at_ = is_unanswered ? std::optional(Clock::now()) : std::nullopt;
}

void MemberStore::take_role(MemberInbox::Role role) {
    if (role.leader != role_.leader) note_unanswered(false);
    role_ = role;
    if (!role.leads) {
        if (standing_ != Standing::Following) step_down();
        return;
    }
    if (standing_ == Standing::Leading) return;
    tried_term_ = 0;
    begin_in(std::chrono::milliseconds(0));
}

void MemberStore::take_in(std::vector<Submission> submissions) {
    if (submissions.empty()) return;
    std::vector<FeedEntry> refused;
    std::string stopped = files_.look_for_failure();
    const std::string barred = stopped.empty() ? why_refused() : std::string();
    if (stopped.empty()) stopped = barred;
    if (stopped.empty() && is_lost()) stopped = make_error_code(Errc::WritesStopped).message();
    // The log would carry it, and this member could neither apply it nor answer.
    const std::string full = stopped.empty() ? files_.reason_without_space() : std::string();
    const Errc why = !barred.empty() ? Errc::Unreachable
                     : full.empty()  ? Errc::WritesStopped
                                     : Errc::NoSpace;
    for (Submission& one : submissions) {
        const std::size_t bytes = one.batch.bytes();
        const bool is_too_large =
            one.batch.operations.size() > batch_operations_max || bytes > batch_bytes_max;
        if (stopped.empty() && full.empty() && !is_too_large) {
            own_.add(one.ticket, one.sender, std::move(one.batch), Clock::now());
            continue;
        }
        const auto error = make_error_code(is_too_large ? Errc::TooLarge : why);
        const bool is_barred = !barred.empty() && !is_too_large;
        refused.emplace_back(Refused{one.ticket, error, is_barred ? barred : error.message()});
        inbox_.release(bytes);
    }
    tell(std::move(refused));
}

/// Of changes that are made at this member; empty: they are taken.
std::string MemberStore::why_refused() const {
    const std::lock_guard lock(mutex_);
    return refuses_ ? obstacle_ : std::string();
}

void MemberStore::tell(std::vector<FeedEntry> entries) {
    if (handler_ && !entries.empty()) handler_(std::move(entries));
}

void MemberStore::tell_all(std::vector<Refused> refused) {
    std::vector<FeedEntry> entries(
        std::make_move_iterator(refused.begin()), std::make_move_iterator(refused.end())
    );
    tell(std::move(entries));
    if (const std::size_t released = own_.take_released(); released > 0) inbox_.release(released);
}

void MemberStore::publish() {
    const std::lock_guard lock(mutex_);
    status_.leader = role_.leader;
    has_leader_ = role_.leader != 0 && role_.leader == applied_.leader &&
                  (role_.leader != self_ || standing_ == Standing::Leading);
    status_.term = applied_.term;
    status_.is_leader = standing_ == Standing::Leading;
    status_.applied = applied_.revision;
    status_.applied_group = applied_.groups;
    status_.known_group = std::max(status_.known_group, applied_.groups);
    status_.submitted_again = own_.sent_again();
    if (!in_flight_) failing_since_.reset();
    if (!unapplied_ || applied_.groups < unapplied_->number) return;
    heard_ = std::max(heard_, unapplied_->asked);
    unapplied_.reset();
}

void MemberStore::end() {
    constexpr const char* why = "the store is shutting down";
    tell_all(own_.close(Errc::Closed, why));
    tell(refuse_all(inbox_.take_rest(), Errc::Closed, why));
}

boost::system::error_code MemberStore::reopen_on_writer() {
    auto opened = files_.open_again(RocksDatabase::Mode::Member);
    if (!opened) return opened.error();
    const auto applied = (*opened)->applied_group();
    if (!applied) return applied.error();
    if (standing_ != Standing::Following) step_down();
    adopt(std::move(*opened), *applied);
    if (role_.leads) begin_in(std::chrono::milliseconds(0));
    std::vector<FeedEntry> entries;
    entries.emplace_back(Gap{});
    tell(std::move(entries));
    return {};
}

Result<std::unique_ptr<ReplicatedStore>> open_replicated_store(
    const ReplicatedSettings& settings, Log& log, Peers& peers
) {
    ReplicatedSettings complete = settings;
    complete.rocks = with_defaults(settings.rocks);
    auto database = RocksDatabase::open(complete.rocks, RocksDatabase::Mode::Member);
    if (!database) return database.error();
    auto store = std::make_unique<MemberStore>(complete, std::move(*database), log, peers);
    if (const auto error = store->join_log()) return error;
    return std::unique_ptr<ReplicatedStore>(std::move(store));
}

}   // namespace grid::storage
