// server/cluster/cluster.hpp: this server as a member of a cluster: its parts, in the order of
// their lives.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "controller/ports.hpp"
#include "server/cluster/control.hpp"
#include "server/cluster/etcd.hpp"
#include "server/cluster/freshness.hpp"
#include "server/cluster/links.hpp"
#include "server/cluster/standing.hpp"
#include "server/config/config.hpp"
#include "server/core/membership.hpp"
#include "server/log.hpp"
#include "storage/replicated_store.hpp"

namespace grid::server::cluster {

class Copies;

/// The others wait for that member: it serves, and follows.
inline bool is_counted(const Member& member) { return member.flushed_group != serves_nobody; }
/// A member that is drained, starts, or cannot follow takes none.
inline bool takes_clients(const Member& member) {
    return !member.is_draining && member.has_open_ports && is_counted(member);
}

/// Links, the roster and the log, on a thread of their own, so that a busy core holds up no other
/// member. The store that it opens ends before it does.
class Cluster final : public Membership, public controller::ClusterControl, private storage::Peers {
public:
    /// Opens the port for other members and makes this one known to them. The error is for the
    /// operator.
    /// `waiting`: told while it waits for an etcd, or a member, that is to come.
    static Result<std::unique_ptr<Cluster>, std::string> join(
        const Config& config, std::filesystem::path data, Log& log, Waiting waiting
    );
    /// Leaves when it ends, also where a start fails: declared behind what the callbacks refer to.
    struct Leaving {
        explicit Leaving(Cluster* joined) : cluster(joined) {}
        ~Leaving() {
            if (cluster != nullptr) cluster->leave();
        }
        Leaving(const Leaving&) = delete;
        Cluster* cluster;
    };
    ~Cluster() override;
    Cluster(const Cluster&) = delete;

    /// The member's store, with all that the log has; a copy of another member's where its files
    /// are too old. Blocks.
    Result<std::unique_ptr<storage::Store>, std::string> open_store(storage::RocksSettings settings
    );
    /// The store is about to end: hands the lead to another member, if there is one. No callback
    /// runs afterwards. The lease is given back at the end of its life.
    void leave();

    /// Certificates and lists of the links, and the files for etcd, are read anew. The step cannot
    /// fail and puts them in force. Any thread; blocks on the disk. The error is for the operator.
    Result<std::function<void()>, std::string> prepare_renewal();
    /// Until when this member's certificate is valid. Any thread.
    storage::Millis certificate_expires() const { return links_->valid_until(); }
    /// Faults of revocation lists, a sentence each. Any thread.
    std::vector<std::string> problems() const { return links_->problems(); }

    /// The CAs of clients that this member trusts (tls.client_ca) are those of the file from now
    /// on: others compare them with their own. Any thread; blocks on the disk.
    void tell_client_cas(const std::string& file);

    /// Whether the other members wait for this one, so that it may take requests. Any thread.
    bool is_waited_for() const { return is_waited_for_; }
    /// The ports are open: clients of others may be sent here.
    void open_to_clients();

    /// The audit is exported by the leader: it tells the others how far it came, by the numbers of
    /// records. Any thread.
    void tell_exported(std::uint64_t number);
    /// The number that the leader told last, this member or another one; 0: none.
    std::uint64_t exported() const { return exported_; }

    /// Not started before `begin`: who wants to hear of its channels says so first.
    Links& links() { return *links_; }
    const Member& self() const { return known_self_; }

    /// While this member leaves: so many sessions and transfers are still here. nullopt: it stays,
    /// for now or for good. Any thread.
    void tell_leaving(std::optional<std::uint64_t> left);

    // Set before `begin`. On the cluster's thread.
    std::function<void()> on_drain;   // streams are to go elsewhere
    std::function<void()> on_leave;   // draining: the server is to stop when nothing is left
    /// The log goes on behind what was trimmed: a restart copies the store of another member.
    std::function<void()> on_needs_copy;
    std::function<void(const std::vector<Member>&)> on_members;   // others that have a lease
    std::function<void(storage::MemberId)> on_member_lost;        // its lease is gone
    std::function<void(bool)> on_lead;
    /// Adds what other parts know of this member, on any thread.
    std::function<void(controller::ClusterView&)> on_view;

    // Membership
    void begin() override;
    bool leads() const override { return leads_; }
    /// As an administrator asked; any thread.
    bool is_draining() const { return is_draining_; }
    /// The others know that this member is drained, and one of them takes clients: of members that
    /// leave at once the last one stays. Any thread.
    bool may_leave() const { return may_leave_; }
    bool is_cut_off() const override;
    std::optional<std::string> sent_elsewhere() const override;
    void applied(storage::Revision revision) override;
    bool acknowledges_everywhere() const override {
        return config_.cluster.acknowledge == "everywhere";
    }
    void when_everywhere(storage::Revision revision, std::function<void(bool)> done) override;

    // controller::ClusterControl
    controller::ClusterView view() const override;
    Result<void, std::string> ask(Wish wish, const std::string& member) override;

private:
    using Clock = std::chrono::steady_clock;

    /// Another member's, as it told them.
    struct Facts {
        std::optional<std::int64_t> clock_ahead_ms;
        std::optional<std::uint64_t> free_bytes;
        bool may_lead = true;
        std::optional<std::uint64_t> leaving;
    };

    Cluster(const Config& config, std::filesystem::path data, Log& log, Waiting waiting);
    Result<void, std::string> open();
    Result<void, std::string> open_links(std::string listen);
    EtcdSettings etcd_settings() const;
    storage::Result<std::unique_ptr<storage::ReplicatedStore>> open_patiently(
        const storage::ReplicatedSettings& settings
    );
    std::string other_history(boost::system::error_code error);
    bool send(storage::MemberId to, std::string message) override;

    // On the cluster's thread.
    void post(std::function<void()> work);
    void link_changed(const Member& member, bool is_up);
    void members_changed(std::vector<Member> members);
    void leader_changed(storage::MemberId leader);
    void elected();
    void lost();
    void take_control(storage::MemberId from, const std::string& payload);
    void follow_wish(Wish wish);
    void set_draining(bool is_draining);
    void stand_or_not();
    const Member* last_of_drained() const;
    void note_others();
    void note_log_end();
    bool may_stand(const std::vector<Member>& members, bool is_free);
    // cluster_reach.cpp
    void note_links();
    void record_links(const std::vector<storage::MemberId>& up);
    void note_revocation();
    void note_obstacle(const std::vector<LinkStatus>& links);
    std::string leader_failure(const std::vector<LinkStatus>& links);
    void hand_on_lead();
    const Member* better_linked(const std::vector<Member>& others) const;
    std::size_t counted_links(const std::vector<Member>& others) const;
    bool reaches_enough(const std::vector<Member>& others, bool is_free);
    void take_ask(storage::MemberId from, storage::Revision revision);
    void tick();
    void note_fitness(bool may_lead);
    void look(const storage::ReplicationStatus& status);
    void make_known(const storage::ReplicationStatus& status);
    void answer_asks();
    void ask_others(std::uint64_t number);
    // cluster_advice.cpp
    Result<void, std::string> look_at_etcd();
    void note_no_link(const std::vector<LinkStatus>& links);
    std::vector<std::string> warnings() const;
    // cluster_facts.cpp
    void take_fact(storage::MemberId from, const ControlWord& word);
    void tell_facts();
    void tell_facts_to(storage::MemberId member);
    void tell_all(const ControlWord& word);
    std::uint64_t free_bytes() const;
    std::string why_not_leading(const Member* member) const;
    controller::MemberView view_of(
        const Member& member,
        const storage::ReplicationStatus& status,
        const std::vector<LinkStatus>& links
    ) const;
    // cluster_standing.cpp
    void look_at_standing(const storage::ReplicationStatus& status);
    void see_own_record(const std::vector<Member>& members);
    std::vector<Member> waited_for() const;
    void let_depart(const Member& member);
    void forget_departed();
    void give_up_waiting();
    std::uint64_t most_groups() const;
    void lead_or_wait();
    std::uint64_t group_needed_by_all();
    void keep_log_while_starting();
    std::string name_of(storage::MemberId member) const;
    // cluster_copy.cpp
    void make_copies(const storage::RocksSettings& settings);
    Result<void, std::string> copy_store(const storage::RocksSettings& settings);
    std::vector<Member> linked() const;
    std::string fetch_from(const Member& member);
    void serve_copies(storage::Store& store);
    void stop_copies();

    const Config& config_;
    const std::filesystem::path data_;
    Log& log_;
    const Waiting tell_waiting_;
    std::shared_ptr<EtcdTls> etcd_tls_;
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> more_to_come_;
    boost::asio::steady_timer timer_;
    Member self_;   // as others know it; the cluster's thread, once that runs
    std::unique_ptr<storage::Log> etcd_log_;
    std::unique_ptr<Roster> roster_;
    std::shared_ptr<Copies> copies_;
    std::thread thread_;

    mutable std::mutex
        mutex_;   // of what follows, down to `status_`; `links_` stays as it is after `begin`
    storage::ReplicatedStore* store_ = nullptr;
    std::shared_ptr<Links> links_;
    std::vector<Member> members_;   // others, of live leases
    storage::MemberId leader_ = 0;
    Member known_self_;   // never changes once this member is known
    storage::ReplicationStatus status_;
    std::map<storage::MemberId, Facts> facts_;
    std::vector<storage::MemberId> linked_;         // now, in their order
    std::optional<Clock::time_point> free_since_;   // no member leads
    std::string client_cas_;                        // Member::client_cas of this one
    std::string no_link_;                           // controller::ClusterView::no_link

    /// Earlier, a connection could come before all that its channels are for have said so.
    std::atomic<bool> are_links_started_ = false;
    std::atomic<bool> leads_ = false, is_draining_ = false, may_lead_ = true;
    std::atomic<bool> is_needed_ = false;   // no other member takes clients
    std::atomic<bool> is_drain_recorded_ = false, may_leave_ = false;
    std::atomic<std::uint64_t> exported_ = 0;
    std::atomic<std::uint64_t> leaving_ = 0;   // as ControlWord::Kind::Leaving
    std::atomic<bool> is_waited_for_ = false, has_seen_members_ = false;
    std::atomic<std::uint64_t> log_kept_from_ = needs_no_group;   // as others see it
    std::atomic<Clock::rep> heard_at_;   // from the log and from etcd, the older one
    std::atomic<storage::Revision> applied_ = 0;
    std::atomic<bool> has_asks_ = false;
    std::atomic<std::size_t> waiting_ = 0;

    /// A member without a lease, that may take requests for a little longer.
    struct Departed {
        Member member;
        Clock::time_point until;
    };

    // The cluster's thread alone.
    Freshness fresh_;      // by the log and the lease
    Freshness followed_;   // by the log alone
    Standing standing_;
    bool is_counted_ = true;   // the record says that this member is waited for
    std::vector<Departed> departed_;
    bool is_cut_off_told_ = false, is_copy_told_ = false, has_begun_ = false;
    storage::MemberId leader_told_ = 0;
    std::vector<storage::MemberId> links_seen_;   // at the last look
    Clock::time_point links_since_;               // they are those
    storage::MemberId unlinked_leader_ = 0;       // that no link leads to, since
    Clock::time_point unlinked_since_;
    std::optional<Clock::time_point> alone_since_;   // no link to any other member
    std::string alone_told_;                         // as the log was told, at
    Clock::time_point alone_told_at_{};
    std::string obstacle_;      // as the store was told
    bool is_revoked_ = false;   // by its own cluster.crl
    Clock::time_point looked_at_revocation_{};
    std::optional<Clock::time_point> outdone_since_;   // another member is linked to more
    Clock::time_point handed_on_at_{}, yields_until_{};
    bool is_standing_ = false;
    bool is_log_short_ = false, is_short_told_ = false;   // another member has more groups
    std::uint64_t groups_least_ = 0;                      // with which this member was to lead
    Clock::time_point log_short_at_;                      // when none had, the last time
    Clock::time_point unfit_at_;        // when its store took no writes, the last time
    Clock::time_point known_at_;        // when the member was made known last
    Clock::time_point facts_told_at_;   // to all others
    std::vector<std::pair<storage::MemberId, storage::Revision>> asks_;
    Acknowledgements acknowledgements_;
};

}   // namespace grid::server::cluster
