// server/live/hub.hpp: events of all kinds, gathered once a second for all listeners.
#pragma once

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/audit/tail.hpp"
#include "server/core/core.hpp"
#include "server/live/figures.hpp"
#include "server/live/listener.hpp"
#include "storage/store.hpp"

namespace grid::server::live {

/// A round: the core strand gives its figures, the sessions that came and went, and transfers
/// within a bound; the reader pool reads the new records of the audit; the hub's strand makes text
/// of them, once for all listeners. Without a listener there are no rounds, and nothing is noted.
class Hub : public std::enable_shared_from_this<Hub> {
public:
    static constexpr std::size_t listeners_max = 64, listeners_per_account_max = 16;
    /// Of one round.
    static constexpr std::size_t records_max = 200, sessions_max = 50, transfers_max = 100,
                                 accounts_max = 50;
    /// Of the records that a listener missed between two connections.
    static constexpr std::size_t missed_max = 500;

    /// All outlive the run of `context`.
    Hub(boost::asio::io_context& context, Core& core, storage::Store& store);
    /// Once, before the first listener.
    void start();

    // Any thread.
    /// Null: there are too many already. `wake`: see Listener.
    ListenerPtr listen(std::string account, EventWish wish, std::function<void()> wake);
    void leave(const ListenerPtr& listener);

private:
    using Clock = std::chrono::steady_clock;
    struct SessionChange {
        std::uint64_t id = 0;
        std::string jid, address, transport;
        Core::SessionChange what = Core::SessionChange::Opened;
    };
    struct Changes {
        std::vector<SessionChange> listed;
        std::array<std::uint64_t, 4> counts{};   // by Core::SessionChange
    };
    struct Transferring {
        std::vector<bulk::Transfer> running, ended;
        std::uint64_t running_count = 0, ended_count = 0;   // ended: since the round before
    };
    struct Gathered {
        Figures figures;
        Changes changes;
        Transferring transfers;
    };
    using GatheredPtr = std::shared_ptr<Gathered>;
    struct Joining {
        ListenerPtr listener;
        std::optional<controller::audit::Tail> missed;
    };
    using JoiningPtr = std::shared_ptr<std::vector<Joining>>;

    void note(const Session& session, Core::SessionChange what);   // core strand
    GatheredPtr gather();                                          // core strand
    Transferring gather_transfers();
    // Own strand.
    void begin_round();
    void read_audit(const GatheredPtr& gathered);
    void tell(
        const GatheredPtr& gathered,
        const std::optional<controller::audit::Tail>& tail,
        const JoiningPtr& joined
    );
    void tell_state(const Figures& figures);
    void tell_accounts(const Figures& figures, const controller::audit::Tail& tail, bool is_first);
    void tell_sessions(const Changes& changes);
    void tell_transfers(const Transferring& transfers);
    void tell_audit(const controller::audit::Tail& tail);
    void tell_all(EventKind kind, const Event& event);
    void take_in(Joining& joining);
    void end_round();
    void rest();

    boost::asio::strand<boost::asio::io_context::executor_type> strand_;
    boost::asio::steady_timer timer_;
    Core& core_;
    storage::Store& store_;

    std::mutex mutex_;   // held for a lookup
    std::map<std::string, std::size_t, std::less<>> by_account_;
    std::size_t count_ = 0;

    // Core strand.
    bool is_watching_ = false;   // changes are noted
    Changes changes_;
    std::uint64_t ended_seen_ = 0;   // transfers

    // Own strand.
    std::vector<ListenerPtr> listeners_;
    std::vector<ListenerPtr> joining_;
    bool is_in_round_ = false;
    std::string last_record_;
    std::optional<Figures> before_;
    std::array<std::size_t, 3> accounts_before_{};
    bool had_transfers_ = false;
};

}   // namespace grid::server::live
