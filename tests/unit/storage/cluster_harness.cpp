// tests/unit/storage/cluster_harness.cpp: see cluster_harness.hpp.
#include "cluster_harness.hpp"

#include <algorithm>
#include <stdexcept>

#include "storage/chain.hpp"
#include "storage/rocks_database.hpp"

namespace grid::test {

using std::chrono::milliseconds;

namespace {

/// No notification comes: it takes its time.
void wait(milliseconds time) {
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, time);
}

}   // namespace

LogGroup SharedLog::group(std::uint64_t number) {
    return decode_log_group(groups.at(number - 1).bytes).value();
}

LogHead SharedLog::head() {
    if (groups.empty()) return {};
    const LogGroup last = group(groups.size());
    return {groups.back().version, last.term, last.leader, last.head, groups.size()};
}

std::vector<LogGroup> SharedLog::all() {
    const std::lock_guard lock(mutex);
    std::vector<LogGroup> read;
    for (std::uint64_t number = 1; number <= groups.size(); ++number) read.push_back(group(number));
    return read;
}

Result<LogHead> MemoryLog::head() {
    if (is_cut) return Errc::Unreachable;
    const std::lock_guard lock(shared_->mutex);
    return shared_->head();
}

Result<LogHead> MemoryLog::append(const LogHead& expected, const LogGroup& group) {
    ++appends;
    if (delay_ms > 0) wait(milliseconds(delay_ms));
    if (is_cut) return Errc::UnknownOutcome;
    if (unknown_lost > 0) {
        --unknown_lost;
        return Errc::UnknownOutcome;
    }
    if (refuse_with != Errc::Conflict) return refuse_with.load();
    const std::lock_guard lock(shared_->mutex);
    const LogHead now = shared_->head();
    if (expected.groups < now.groups) {
        const auto& there = shared_->groups.at(expected.groups);
        const LogGroup its = shared_->group(expected.groups + 1);
        const bool is_this =
            its.term == group.term && its.leader == group.leader && its.head == group.head;
        if (!is_this) return Errc::Fenced;
        return LogHead{there.version, its.term, its.leader, its.head, expected.groups + 1};
    }
    if (expected.version != now.version || expected.groups != now.groups) return Errc::Fenced;
    shared_->groups.push_back({shared_->last_version += 3, encode(group)});
    shared_->changed.notify_all();
    if (unknown_made > 0) {
        --unknown_made;
        return Errc::UnknownOutcome;
    }
    return shared_->head();
}

std::optional<std::vector<Logged>> MemoryLog::next(std::uint64_t after) {
    if (after < shared_->trimmed) return std::nullopt;
    std::vector<Logged> read;
    for (std::uint64_t number = after + 1; number <= shared_->groups.size() && read.size() < 7;
         ++number)
        read.push_back({number, shared_->groups[number - 1].version, shared_->group(number)});
    return read;
}

Result<std::vector<Logged>> MemoryLog::read(std::uint64_t after) {
    if (is_cut) return Errc::Unreachable;
    const std::lock_guard lock(shared_->mutex);
    auto read = next(after);
    if (!read) return Errc::Trimmed;
    return std::move(*read);
}

void MemoryLog::follow(std::uint64_t after, LogFollower& follower) {
    stopping_ = false;
    thread_ = std::thread([this, after, &follower] { run(after, follower); });
}

bool MemoryLog::is_behind(std::uint64_t told) {
    const std::lock_guard lock(shared_->mutex);
    return shared_->groups.size() < told;
}

void MemoryLog::run(std::uint64_t after, LogFollower& follower) {
    while (!stopping_) {
        std::unique_lock lock(shared_->mutex);
        shared_->changed.wait_for(lock, milliseconds(20), [&] {
            return stopping_ || (!is_cut && shared_->groups.size() > after);
        });
        if (stopping_) return;
        if (is_cut) continue;
        auto groups = next(after);
        lock.unlock();
        if (!groups) return follower.on_trimmed();
        if (!groups->empty()) {
            after = groups->back().number;
            follower.on_groups(std::move(*groups));
        }
        if (!is_behind(after)) follower.on_heard(after, std::chrono::steady_clock::now());
    }
}

void MemoryLog::stop_following() {
    {
        const std::lock_guard lock(shared_->mutex);
        stopping_ = true;
        shared_->changed.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

Result<void> MemoryLog::trim(std::uint64_t number) {
    if (is_cut) return Errc::Unreachable;
    const std::lock_guard lock(shared_->mutex);
    shared_->trimmed = std::max(shared_->trimmed, number);
    return {};
}

MemoryNet::MemoryNet() : thread_([this] { run(); }) {}

MemoryNet::~MemoryNet() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    ready_.notify_all();
    thread_.join();
}

void MemoryNet::attach(MemberId member, ReplicatedStore* store) {
    const std::lock_guard lock(mutex_);
    for (const auto& [other, its] : stores_) {
        queue_.push_back({other, member, {}});
        queue_.push_back({member, other, {}});
    }
    stores_[member] = store;
    ready_.notify_all();
}

void MemoryNet::detach(MemberId member) {
    const std::lock_guard calling(delivering_);
    const std::lock_guard lock(mutex_);
    stores_.erase(member);
}

bool MemoryNet::send(MemberId from, MemberId to, std::string message) {
    const std::lock_guard lock(mutex_);
    if (!stores_.contains(to) || down_.contains(std::minmax(from, to))) return false;
    queue_.push_back({from, to, std::move(message)});
    ready_.notify_all();
    return true;
}

void MemoryNet::cut(MemberId a, MemberId b) {
    const std::lock_guard lock(mutex_);
    down_.insert(std::minmax(a, b));
    std::erase_if(queue_, [&](const Item& item) {
        return std::minmax(item.from, item.to) == std::minmax(a, b);
    });
}

void MemoryNet::join(MemberId a, MemberId b) {
    const std::lock_guard lock(mutex_);
    if (down_.erase(std::minmax(a, b)) == 0) return;
    queue_.push_back({a, b, {}});
    queue_.push_back({b, a, {}});
    ready_.notify_all();
}

void MemoryNet::pause(bool is_paused) {
    const std::lock_guard lock(mutex_);
    is_paused_ = is_paused;
    ready_.notify_all();
}

void MemoryNet::run() {
    while (true) {
        std::unique_lock lock(mutex_);
        ready_.wait(lock, [this] { return stopping_ || (!queue_.empty() && !is_paused_); });
        if (stopping_) return;
        lock.unlock();
        const std::lock_guard calling(delivering_);
        lock.lock();
        if (queue_.empty()) continue;
        Item item = std::move(queue_.front());
        queue_.pop_front();
        const auto found = stores_.find(item.to);
        ReplicatedStore* store = found == stores_.end() ? nullptr : found->second;
        lock.unlock();
        if (store == nullptr) continue;
        if (item.message.empty())
            store->on_peer_up(item.from);
        else
            store->on_peer(item.from, std::move(item.message));
    }
}

FeedHandler MemberFeed::handler() {
    return [this](std::vector<FeedEntry> entries) {
        const std::lock_guard lock(mutex_);
        for (FeedEntry& entry : entries) {
            if (std::holds_alternative<Gap>(entry)) ++gaps_;
            if (auto* refused = std::get_if<Refused>(&entry)) {
                const Outcome outcome{refused->error, 0, 0, {}};
                if (!outcomes_.emplace(refused->ticket, outcome).second) ++twice_;
            }
            auto* done = std::get_if<Committed>(&entry);
            if (done == nullptr) continue;
            revisions_.push_back(done->revision);
            if (done->ticket == 0) continue;
            Outcome outcome{{}, done->revision, done->time, std::move(done->batch)};
            if (!outcomes_.emplace(done->ticket, std::move(outcome)).second) ++twice_;
        }
        changed_.notify_all();
    };
}

Outcome MemberFeed::outcome(Ticket ticket) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::minutes(1), [&] {
            return outcomes_.contains(ticket);
        }))
        throw std::runtime_error("no outcome of a batch");
    return outcomes_[ticket];
}

bool MemberFeed::has(Ticket ticket) {
    const std::lock_guard lock(mutex_);
    return outcomes_.contains(ticket);
}

bool MemberFeed::has_within(Ticket ticket, milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return outcomes_.contains(ticket); });
}

std::size_t MemberFeed::answered() {
    const std::lock_guard lock(mutex_);
    return outcomes_.size();
}

std::size_t MemberFeed::twice() {
    const std::lock_guard lock(mutex_);
    return twice_;
}

std::size_t MemberFeed::gaps() {
    const std::lock_guard lock(mutex_);
    return gaps_;
}

std::vector<Revision> MemberFeed::revisions() {
    const std::lock_guard lock(mutex_);
    return revisions_;
}

Cluster::Cluster(std::size_t members) : members_(members) {
    settings.rocks.clock = [this] { return now.load(); };
    settings.rocks.free_bytes = [](const std::string&) -> Result<std::uint64_t> { return ~0ull; };
    settings.rocks.unicode_version = "15.0";
    settings.rocks.open_files_max = 16;
    settings.rocks.reader_threads = 1;
    settings.rocks.log = [this](LogLevel level, std::string_view text) {
        const std::lock_guard lock(log_mutex_);
        log_ += (level == LogLevel::Error ? "error: " : "") + std::string(text) + "\n";
    };
    for (std::size_t i = 0; i < members; ++i) {
        members_[i].path = directory.path() + "/member" + std::to_string(i);
        if (const auto error = open(i))
            throw std::runtime_error(error.message() + "\n" + log_text());
    }
}

Cluster::~Cluster() {
    for (std::size_t i = 0; i < members_.size(); ++i) close(i);
}

boost::system::error_code Cluster::open(std::size_t number) {
    close(number);
    Member& member = members_[number];
    member.id = ++last_id_;
    member.log = std::make_unique<MemoryLog>(shared);
    member.links.net = &net;
    member.links.self = member.id;
    member.feed = std::make_shared<MemberFeed>();
    settings.self = member.id;
    settings.rocks.path = member.path;
    auto opened = open_replicated_store(settings, *member.log, member.links);
    if (!opened) return opened.error();
    member.store = std::move(*opened);
    member.store->start(member.feed->handler());
    net.attach(member.id, member.store.get());
    return {};
}

void Cluster::close(std::size_t number) {
    Member& member = members_[number];
    if (!member.store) return;
    net.detach(member.id);
    member.store.reset();
}

void Cluster::elect(std::size_t leader, std::optional<std::size_t> unheard) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (!members_[i].store || i == unheard) continue;
        if (i == leader)
            members_[i].store->lead(0);
        else
            members_[i].store->follow_leader(members_[leader].id);
    }
}

void Cluster::wait_until_applied() {
    const bool is_applied = holds_soon([this] {
        std::uint64_t groups = 0;
        {
            const std::lock_guard lock(shared->mutex);
            groups = shared->groups.size();
        }
        return std::ranges::all_of(members_, [&](Member& member) {
            return !member.store || member.store->replication().applied_group >= groups;
        });
    });
    if (!is_applied) throw std::runtime_error("members do not come to the end of the log");
}

std::vector<std::string> Cluster::contents(std::size_t member) {
    std::vector<std::string> lines;
    const auto snapshot = members_[member].store->snapshot();
    for (std::size_t family = 0; family < family_count; ++family) {
        const auto show = [&](std::string_view key, const Record& record) {
            lines.push_back(
                std::to_string(family) + to_hex(key) + "=" + std::string(record.value) + "@" +
                std::to_string(record.revision) + "/" + std::to_string(record.time)
            );
            return true;
        };
        snapshot->scan(static_cast<Family>(family), {}, {}, false, show);
    }
    for (const std::string_view key : {head_key, chain_key, steps_key, group_key, given_key}) {
        const auto found = snapshot->get(Family::Control, key).value();
        if (found)
            lines.push_back(
                to_hex(key) + "=" + to_hex(found->value) + "@" + std::to_string(found->revision) +
                "/" + std::to_string(found->time)
            );
    }
    return lines;
}

std::string Cluster::log_text() {
    const std::lock_guard lock(log_mutex_);
    return log_;
}

Ticket Cluster::submit(std::size_t member, Batch batch, Sender sender) {
    const Ticket ticket = ++last_ticket_;
    if (!members_[member].store->submit(ticket, sender, std::move(batch)))
        throw std::runtime_error("the queue is full");
    return ticket;
}

Outcome Cluster::commit(std::size_t member, Batch batch, Sender sender) {
    return members_[member].feed->outcome(submit(member, std::move(batch), sender));
}

bool holds_soon(const std::function<bool()>& condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) return false;
        wait(milliseconds(2));
    }
    return true;
}

}   // namespace grid::test
