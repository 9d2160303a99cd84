// server/bulk/transfers.hpp: the table of transfers of bulk data, whatever carries them: quotas,
// progress, audit, and their end as soon as a right, an account or a certificate is gone.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/bulk/quotas.hpp"
#include "controller/bulk/transfer.hpp"
#include "controller/controller.hpp"
#include "server/session/session.hpp"
#include "server/session/token_bucket.hpp"
#include "xml/result.hpp"

namespace grid::server::bulk {

using controller::bulk::Counters;
using controller::bulk::Kind;
using controller::bulk::State;
using controller::bulk::Transfer;

/// An account at an end of a transfer, as it proved who it is. The transfer ends when the account
/// is not enabled any more, or what proved it is revoked or has expired.
struct Party {
    pubsub::Principal principal;
    std::vector<std::string> path;     // of controller::Identity; empty: a password
    storage::Millis valid_until = 0;   // 0: does not expire
};
Party party_of(const pubsub::Principal& principal, const controller::Identity& identity);
inline Party party_of(const Session& session) {
    return party_of(session.principal, *session.identity);
}

/// Why no transfer begins.
struct Refusal {
    /// Denied: the right; Disabled, Revoked: a party; Quota: a bound; Stopped: the server stops.
    State state = State::Denied;
    std::string text;                        // for a person; of Quota with how much, and the option
    std::string limit;                       // of Quota: the configuration's name
    std::optional<std::uint64_t> retry_ms;   // of Quota, where it is known
};

/// The rates of an account and of this server. Any thread.
class Pace {
public:
    /// So many more bytes were moved. So long no more are to be; 0: go on.
    std::chrono::nanoseconds take(std::uint64_t bytes, TokenBucket::Clock::time_point now) const;

private:
    friend class Transfers;

    std::shared_ptr<TokenBucket> of_server_;
    std::shared_ptr<TokenBucket> of_account_;   // null: there is no bound
};

class Running;
using RunningPtr = std::shared_ptr<Running>;
using Begun = Result<RunningPtr, Refusal>;

/// The words with which a carrier begins.
struct Beginning {
    /// Kind, from, to, account, address, what, size, hash. The table fills in the rest.
    Transfer transfer;
    std::vector<Party> parties;
    /// Whether the right is there: asked on the core strand at the beginning, when rights have
    /// changed, and every few seconds. Its rule goes on record.
    std::function<pubsub::Verdict()> right;
    /// Ends the carrier: on the core strand, at most once, and not after the carrier has told the
    /// end itself. It posts on to its own strand.
    std::function<void(State why, const std::string& text)> cut;
};

/// One transfer under way, as its carrier has it. Any thread, except where it says otherwise.
class Running {
public:
    struct Taken {
        std::chrono::nanoseconds pause{0};   // so long no more is to be moved; 0: go on
        bool is_over = false;   // the bytes are used up, or the transfer was cut: move no more
    };
    /// So many more bytes were moved. A call for each turn, not for each byte.
    Taken take(std::uint64_t bytes, TokenBucket::Clock::time_point now);
    /// The same where another member of a cluster has looked at the rate. True: move no more.
    bool count(std::uint64_t bytes, TokenBucket::Clock::time_point now);
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t id() const { return id_; }
    bool is_ended() const { return is_ended_; }

private:
    friend class Transfers;
    struct Shared;   // with the table

    std::shared_ptr<Shared> shared_;
    Pace pace_;
    std::uint64_t id_ = 0;
    std::string account_;
    std::atomic<std::uint64_t> bytes_ = 0;
    std::atomic<bool> is_ended_ = false, is_over_quota_ = false;

    // Core strand.
    Beginning beginning_;
    std::uint64_t marked_bytes_ = 0;   // when it last moved enough not to be idle
    TokenBucket::Clock::time_point marked_, began_;
};

/// A carrier calls `begin` before the first byte, `Running::take` on its way, and `end` once. A cut
/// that crosses its own end does no harm.
class Transfers final : public controller::bulk::Table {
public:
    using Clock = TokenBucket::Clock;
    using Post = std::function<void(std::function<void()>)>;
    using Revoked = std::function<std::string(const std::vector<std::string>&)>;

    /// `post`: to the core strand.
    Transfers(
        Post post,
        const controller::Controller& controller,
        const controller::bulk::Settings& settings
    );
    const controller::bulk::Settings& settings() const { return settings_; }
    /// As Core::set_revoked.
    void set_revoked(Revoked revoked) { revoked_ = std::move(revoked); }

    /// Any thread; `done` on the core strand.
    void begin(Beginning beginning, std::function<void(Begun)> done);
    /// The carrier is done. Any thread; the first call counts.
    void end(const RunningPtr& running, State why, std::string detail = {});

    // Core strand.
    /// Looks at quotas, parties and the right, and begins.
    Begun begin_now(Beginning beginning);
    /// Ends it, and tells the carrier so.
    void cut(const RunningPtr& running, State why, const std::string& text);
    /// Accounts, policy or block lists may have changed: all are looked at again, a slice at a
    /// time.
    void rights_changed();
    /// A certificate was revoked: an entry of Party::path.
    void revoke(const std::string& link);
    /// For bytes that another member of a cluster counts.
    Pace pace_of(const std::string& account);
    bool rests_on(const std::string& link) const { return by_link_.contains(link); }
    /// The session was ended by the server, or for good.
    void session_ended(const Session& session);
    /// The same of a session that is not there any more, by its full address.
    void address_ended(const xml::Jid& full);
    /// A few times a second: limits of time, idle transfers, rights.
    void tick(Clock::time_point now);
    /// No more begin; those that run end.
    void stop();

    std::size_t running_count() const { return running_.size(); }
    /// Since the start.
    std::uint64_t ended_count() const;
    /// At most so many: the oldest of those under way, the newest of those that ended.
    std::vector<Transfer> running(std::size_t max) const;
    std::vector<Transfer> recent(std::size_t max) const;

    // controller::bulk::Table
    std::vector<Transfer> running() const override;
    std::vector<Transfer> recent() const override;
    Counters counters() const override;

private:
    struct Ending {
        State why;
        std::string text;
    };
    std::optional<Ending> ending_of(const Beginning& beginning) const;
    void end_with(const xml::Jid& session, const std::function<bool(const Party&)>& is_its_party);
    std::optional<Ending> ending_by_time(Running& running, Clock::time_point now) const;
    Begun refuse(const Transfer& transfer, Refusal refusal);
    void look_again();
    void finish(const RunningPtr& running, State why, std::string detail);
    std::shared_ptr<TokenBucket> rate_of(const std::string& account);
    Transfer view_of(const Running& running) const;

    Post post_;
    const controller::Controller& controller_;
    const controller::bulk::Settings settings_;
    Revoked revoked_;
    std::shared_ptr<Running::Shared> shared_;
    std::map<std::uint64_t, RunningPtr> running_;
    std::multimap<std::string, std::uint64_t, std::less<>> by_link_;
    std::map<std::string, std::weak_ptr<TokenBucket>, std::less<>> rates_;
    std::deque<Transfer> recent_;   // the newest first
    Counters counters_;
    std::uint64_t last_id_ = 0, looked_to_ = 0;
    bool is_looking_ = false, looks_again_ = false, is_stopped_ = false;
    Clock::time_point next_tick_, next_look_;
};

}   // namespace grid::server::bulk
