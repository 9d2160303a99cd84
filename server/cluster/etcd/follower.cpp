// server/cluster/etcd/follower.cpp: see follower.hpp.
#include "server/cluster/etcd/follower.hpp"

#include <algorithm>
#include <utility>

#include "server/cluster/etcd/guard.hpp"
#include "server/net/deadline.hpp"

namespace grid::server::cluster {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using net::no_throw;
using storage::Errc;
using storage::LogHead;

constexpr auto head_every = 250ms;
/// Of more than a minute: what is older counts for no member.
constexpr std::size_t unheard_most = 256;
/// A watch that tells nothing for so long while the head is ahead of it is given up.
constexpr auto silence_max = 600ms;
constexpr auto pause_after_failure = 200ms;
constexpr auto pause_when_unreadable = 2s;

}   // namespace

EtcdFollower::EtcdFollower(
    const EtcdSettings& settings, Log& log, std::uint64_t after, storage::LogFollower& follower
)
    : settings_(settings),
      keys_(settings.prefix),
      log_(log),
      follower_(follower),
      watch_client_(context_.get_executor(), settings, log),
      head_client_(context_.get_executor(), settings, log),
      told_(after) {
    keep_running(context_, log_, [this] { return watch_log(); });
    keep_running(context_, log_, [this] { return read_heads(0ms); });
    keep_running(context_, log_, [this] { return read_heads(head_every); });
    thread_ = std::thread([this] { context_.run(); });
}

EtcdFollower::~EtcdFollower() {
    context_.stop();
    thread_.join();
}

/// The log has lost what comes next.
void EtcdFollower::give_up() {
    log_.error("etcd_log_trimmed", {{"group", std::to_string(told_ + 1)}});
    has_ended_ = true;
    follower_.on_trimmed();
}

asio::awaitable<void> EtcdFollower::watch_log() {
    asio::steady_timer timer(context_);
    while (!has_ended_) {
        const auto revision = co_await catch_up();
        if (has_ended_) co_return;
        const auto began = EtcdClock::now();
        if (revision) co_await watch_from(*revision + 1);
        stream_.reset();
        if (EtcdClock::now() - began > pause_after_failure) continue;
        timer.expires_after(pause_after_failure);
        co_await timer.async_wait(no_throw);
    }
}

asio::awaitable<std::optional<std::uint64_t>> EtcdFollower::catch_up() {
    for (;;) {
        auto request = pages_.request(keys_, told_);
        const auto answer = co_await watch_client_.call(
            "/v3/kv/txn", std::move(request), EtcdClock::now() + settings_.timeout
        );
        if (!answer && pages_.is_too_large(answer.error())) continue;
        if (!answer) co_return std::nullopt;
        std::string why;
        auto page = pages_.page_of(keys_, told_, *answer, why);
        if (!why.empty()) log_changed(log_, told_ + 1, why);
        if (!page && page.error() == Errc::Trimmed) {
            give_up();
            co_return std::nullopt;
        }
        if (!page) {
            log_.fold(
                Level::Error, "etcd_log_unreadable",
                {{"group", std::to_string(told_ + 1)},
                 {"reason", server::quoted(page.error().message())}}
            );
            asio::steady_timer timer(context_, pause_when_unreadable);
            co_await timer.async_wait(no_throw);
            co_return std::nullopt;
        }
        tell(std::move(page->groups));
        if (page->is_last) co_return page->revision;
    }
}

asio::awaitable<void> EtcdFollower::watch_from(std::uint64_t revision) {
    std::string request =
        json::serialize(watch_request(keys_.head(), keys_.groups_end(), revision, false));
    auto opened = co_await watch_client_.open_stream(
        "/v3/watch", std::move(request), EtcdClock::now() + settings_.timeout
    );
    if (!opened) co_return;
    stream_ = std::move(*opened);
    watched_for_.reset();
    watched_head_ = {};
    for (;;) {
        const auto messages = co_await stream_->next();
        if (!messages) co_return;
        for (const json::object& message : *messages)
            if (!take(message)) co_return;
    }
}

/// A group is one that the head names in the same transaction, which it stands before there; a
/// reading by range finds what anything else is.
bool EtcdFollower::take(const json::object& message) {
    if (is_set(message, "canceled")) return false;   // compacted, or etcd ends
    const auto records = puts_of(message);
    if (!records) return false;
    std::vector<storage::Logged> groups;
    for (const EtcdRecord& record : *records) {
        if (record.key == keys_.head()) watched_head_ = head_among({record}).value_or(LogHead{});
        const auto number = keys_.number_of(record.key);
        if (!number) continue;
        auto logged = logged_of(keys_, record);
        const bool is_named =
            record.mod_revision == watched_head_.version && *number == watched_head_.groups;
        if (!is_named) log_changed(log_, *number, "it was written without the head");
        if (!logged || !is_named || *number != told_ + groups.size() + 1) {
            tell(std::move(groups));
            return false;
        }
        groups.push_back(std::move(*logged));
    }
    return tell(std::move(groups));
}

bool EtcdFollower::tell(std::vector<storage::Logged> groups) {
    if (groups.empty()) return true;
    told_ = groups.back().number;
    follower_.on_groups(std::move(groups));
    hear();
    return true;
}

/// A reading counts from when it was asked for on, once it was told up to its end: others write
/// meanwhile, so that the newest one never is.
void EtcdFollower::hear() {
    if (has_ended_) return;
    std::optional<EtcdClock::time_point> asked;
    std::erase_if(unheard_, [&](const Reading& reading) {
        if (reading.groups > told_) return false;
        asked = std::max(asked.value_or(reading.asked), reading.asked);
        return true;
    });
    if (asked) follower_.on_heard(told_, *asked);
}

void EtcdFollower::note_reading(const Reading& reading) {
    unheard_.push_back(reading);
    if (unheard_.size() > unheard_most) unheard_.pop_front();
    hear();
    if (!watched_for_ || told_ > watched_for_->told || told_ >= watched_for_->groups)
        watched_for_ = reading;
    if (!stream_ || told_ >= watched_for_->groups) return;
    if (reading.asked - watched_for_->asked < silence_max) return;
    stream_->close();
    watch_client_.skip_endpoint();
    watched_for_.reset();
}

asio::awaitable<void> EtcdFollower::read_heads(EtcdClock::duration delay) {
    asio::steady_timer timer(context_, delay);
    co_await timer.async_wait(no_throw);
    while (!has_ended_) {
        const auto asked = EtcdClock::now();
        co_await read_head(asked);
        timer.expires_at(asked + 2 * head_every);
        co_await timer.async_wait(no_throw);
    }
}

asio::awaitable<void> EtcdFollower::read_head(EtcdClock::time_point asked) {
    const std::uint64_t told_at = told_;
    const auto answer = co_await head_client_.call(
        "/v3/kv/range", range_request(keys_.head()), asked + settings_.timeout
    );
    const auto records = answer ? records_of(*answer) : std::nullopt;
    const auto head = records ? head_among(*records) : std::nullopt;
    if (records && !head) log_changed(log_, told_at, "the head is not understood");
    if (head && head->groups < told_at)
        log_changed(log_, told_at, "the head has fewer groups than were read");
    else if (head)
        note_reading({head->groups, told_, asked});
}

}   // namespace grid::server::cluster
