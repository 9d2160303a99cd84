// server/core/core.hpp: the core strand and what lives on it: sessions, broker, controller,
// pipeline.
#pragma once

#include <array>
#include <boost/asio.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controller/bulk/file_question.hpp"
#include "controller/controller.hpp"
#include "controller/rest/rest.hpp"
#include "pubsub/broker.hpp"
#include "server/bulk/byte_streams.hpp"
#include "server/bulk/in_band.hpp"
#include "server/bulk/transfers.hpp"
#include "server/config/config.hpp"
#include "server/core/left_out.hpp"
#include "server/core/login_limits.hpp"
#include "server/core/membership.hpp"
#include "server/core/sign_ins.hpp"
#include "server/delivery/catch_up.hpp"
#include "server/delivery/fanout.hpp"
#include "server/delivery/offline_delivery.hpp"
#include "server/instruments.hpp"
#include "server/log.hpp"
#include "server/pipeline/pipeline.hpp"
#include "server/presence/presence.hpp"
#include "server/presence/roster_contacts.hpp"
#include "server/router/router.hpp"
#include "server/session/registry.hpp"
#include "server/session/resumptions.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// A client that wants to enter the session table.
struct BindRequest {
    controller::IdentityPtr identity = controller::no_identity();
    std::string resource;   // prepared; empty: the server chooses
    std::string address;
    TransportKind transport_kind = TransportKind::StartTls;
    std::shared_ptr<Transport> transport;
    sm::Wishes wishes = {};
};

/// A client that wants to go on with a session that it has the token of.
struct ResumeRequest {
    controller::IdentityPtr identity = controller::no_identity();
    std::string token;
    std::uint32_t handled = 0;   // of the stanzas that it was sent
    std::string address;
    TransportKind transport_kind = TransportKind::StartTls;
    std::shared_ptr<Transport> transport;   // null: the client is at another member of the cluster
    sm::Around around = {};                 // empty: `<resumed/>` stands alone
};

/// A session and the transport that it has from now on.
struct Attached {
    SessionPtr session;
    std::uint64_t number = 0;   // Session::attachment
    std::shared_ptr<Allowance> allowance;
    /// The answer about stream management, where the client wished for that with its resource.
    std::optional<xml::Element> enabled = std::nullopt;
    /// The first and the last message of the account's archive, where the client wished for that.
    std::optional<xml::Element> archive = std::nullopt;
};

using ResumeAnswer = std::variant<Attached, ResumeFailure, xml::StreamError>;

struct Session::Resuming {
    ResumeRequest request;
    std::function<void(ResumeAnswer)> done;
    boost::asio::steady_timer timer;
};

/// Of what streams bring, for metrics. Any thread.
struct StreamCounts {
    DurationHistogram handshake;   // TLS with the vetting of the certificate, where it went well
    Counter stanzas, bytes;        // read from sessions
};

/// The work that waits at the moment, and deliveries since the start; for metrics.
struct Load {
    std::size_t in_flight = 0;    // batches on their way through the store
    std::size_t background = 0;   // of them, those that have no requester
    std::size_t deferred = 0;     // background batches that the store had no room for
    std::size_t replaying = 0;    // sessions that get items from the store
    std::size_t notifications = 0;
    std::size_t queued_bytes = 0, queued_bytes_max = 0;   // for all sessions together
    Fanout::Counts sent;
    std::array<std::size_t, 5> sessions{};   // by TransportKind; not those that hibernate
};

/// Callbacks run on the core strand: the caller posts on to its own. Every public member may be
/// called from any thread unless it says otherwise.
class Core final : public CommitObserver {
public:
    using SaslFailure = std::optional<std::pair<std::string, std::string>>;   // condition, text

    Core(
        boost::asio::io_context& context,
        storage::Store& store,
        const Config& config,
        const Addresses& addresses,
        const IqTable& server_iqs,
        const IqTable& account_iqs,
        Log& log
    );

    /// The server is a member of a cluster. Before `start`.
    void attach(Membership& membership);
    /// Ends all streams with see-other-host, a few at a time, so that their clients go to another
    /// member. Any thread.
    void send_elsewhere();

    /// Before anything else, on the calling thread: memory from the store, then policy and
    /// administrators, committed (runs `context` for that). The error is for the operator.
    Result<void, std::string> start(
        boost::asio::io_context& context,
        const std::optional<std::string>& policy_text,
        const std::vector<xml::Jid>& administrators
    );
    /// No more background work; `done` once the delivery positions are in the store, and the
    /// messages that sessions without a transport were sent, within a bound.
    void stop(std::function<void()> done);

    /// At SASL: may this certificate enter? Registers it first where accounts are approved by
    /// themselves.
    void admit(
        controller::IdentityPtr identity, std::string address, std::function<void(SaslFailure)> done
    );
    /// The keys against which a login by password is measured; or whether its password fits. `done`
    /// on any thread.
    void find_keys(
        controller::LoginQuestion question,
        std::string address,
        std::function<void(controller::LoginKeys)> done
    );
    /// Exchanges the tokens of a login (XEP-0484); `done` gets the new one, if any.
    void issue_token(
        controller::IdentityPtr identity,
        controller::TokenWish wish,
        std::string address,
        std::function<void(std::optional<controller::Token>)> done
    );
    /// In-band registration (XEP-0077 §3.1) by a stranger from that address; no value: done.
    void register_stranger(
        std::string username,
        std::string password,
        std::string address,
        std::function<void(std::optional<xml::StanzaError>)> done
    );
    void bind(
        BindRequest request, std::function<void(std::variant<Attached, xml::StanzaError>)> done
    );
    /// The session goes on with that transport, once its earlier requests are answered. The stanzas
    /// that the client lacks are sent to it, behind `<resumed/>`.
    void resume(ResumeRequest request, std::function<void(ResumeAnswer)> done);
    /// One read's worth of stanzas; `taken` when all were decided and more may be read.
    /// `attachment` here and below: the number of the caller's transport. Stanzas of one that was
    /// replaced are dropped.
    void submit(
        SessionPtr session,
        std::uint64_t attachment,
        std::vector<Inbound> inbound,
        std::function<void()> taken
    );
    /// The peer closed its stream: `done` after the answers to what came before.
    void finish(SessionPtr session, std::function<void()> done);
    /// Leaves: `leave` is to be called. Replaced: the session goes on with another transport.
    enum class Detached { Leaves, Hibernates, Replaced };
    /// The transport is about to end: `done` when all that it will ever be given was handed to it.
    /// `is_lost`: the client did not want it to end, and may resume the session if it can.
    void detach(
        SessionPtr session,
        std::uint64_t attachment,
        bool is_lost,
        std::function<void(Detached)> done
    );
    /// The transport is gone. After `detach`.
    void leave(
        SessionPtr session, std::uint64_t attachment, std::string reason, Delivered delivered
    );
    /// After `leave`: everything that was handed over before it was read after all.
    void confirm_delivered(SessionPtr session);

    void api(
        controller::PreparedHttp request,
        pubsub::Principal principal,
        controller::Identity identity,
        std::function<void(controller::HttpResponse)> done
    );
    // Files that clients exchange: core_files.cpp
    using FileAnswer = Result<controller::bulk::FileGrant, controller::bulk::FileRefusal>;
    /// A request by HTTPS about a file. With a hash: all its bytes are there and durable. A wish to
    /// remove is done. `done` on the core strand.
    void ask_file(
        controller::bulk::FileQuestion question,
        std::optional<std::string> hash,
        std::function<void(FileAnswer)> done
    );
    /// On the core strand: a file's record was erased; a slot has become a file, by a client of
    /// this member or of another one. Before the first client.
    struct FileWatch {
        std::function<void(const std::string& id)> removed;
        std::function<void(const controller::bulk::File& file)> completed;
    };
    void watch_files(FileWatch watch) { file_watch_ = std::move(watch); }
    enum class SessionChange { Opened, Closed, Hibernated, Resumed };
    /// `changed`: on the core strand, with each session that enters the table or leaves it, loses
    /// its transport or gets another one. Before the first client.
    void watch_sessions(std::function<void(const Session&, SessionChange)> changed) {
        session_changed_ = std::move(changed);
    }
    /// A batch without a requester, decided against a snapshot of the store.
    void commit(storage::Batch batch);
    /// Says why a path (controller::Identity::path) is revoked, empty if it is not: asked when a
    /// session enters, in the same turn, so that none slips in between a CRL and `revoke`. Set
    /// before the first client connects; any thread may call it.
    using Revoked = std::function<std::string(const std::vector<std::string>&)>;
    void set_revoked(Revoked revoked) {
        revoked_ = std::move(revoked);
        transfers_.set_revoked(revoked_);
    }
    /// Ends the streams that rest on these certificates: entries of controller::Identity::path.
    void revoke(std::vector<std::string> links);
    /// Whether any stream rests on that one; `done` on the core strand.
    void find_certificate(std::string link, std::function<void(bool)> done);
    /// A login or a request by HTTPS was refused that did not prove an account.
    void record_refusal(
        std::string what,
        std::string claimed,
        std::string address,
        std::string condition,
        std::string reason
    );
    // Sign-in to the console by password: core_sign_in.cpp. `done` once, on the core strand.
    using HttpDone = std::function<void(controller::HttpResponse)>;
    void sign_in(SignInRequest request, HttpDone done);
    void sign_out(SignInQuestion question, HttpDone done);
    void show_sign_in(SignInQuestion question, HttpDone done);
    void find_sign_in(SignInQuestion question, std::function<void(SignInAnswer)> done);
    /// Puts this text in force, as policy.file says now; it was parsed before. `done` gets an empty
    /// text when that is durable, else the reason why it is not.
    void replace_policy(std::string text, std::function<void(std::string why_not)> done);
    /// Files were read anew, or that was refused: on record.
    void record_reload(pubsub::Principal by, bool is_taken, std::string detail);
    /// `gridctl admin rebind`: `done` when nothing is left to commit.
    void rebind(std::vector<std::pair<xml::Jid, std::string>> wanted, std::function<void()> done);
    /// Makes these accounts administrators, as `gridctl admin add` asked.
    void add_administrators(std::vector<xml::Jid> administrators);

    /// Of a cluster's members one does the work that time demands. Any thread.
    bool leads() const { return membership_ == nullptr || membership_->leads(); }

    // Of a cluster, whose directory calls these on the core strand: core_other_members.cpp
    /// Sessions that enter from now on have numbers behind that one: no two members have the same.
    /// Before the first client.
    void number_sessions_from(std::uint64_t number) { last_session_ = number; }
    /// Another member says that the session has that resource now: this one ends with <conflict/>.
    void replaced_elsewhere(const SessionPtr& session);
    /// A session that waits to be resumed ends: another one of the account needs its place.
    void give_way(const SessionPtr& session);
    /// A session on another member: it is there from now on, or what it said last has changed.
    void enter_elsewhere(const SessionPtr& session);
    void said_elsewhere(const SessionPtr& session, const Presence::Words& words);
    /// The session logged in or out.
    void set_active_elsewhere(const SessionPtr& session, bool is_active);
    /// The session has ended; messages that it can take no more go where they would have gone
    /// without it.
    void leave_elsewhere(const SessionPtr& session);
    /// A session there has ended, or has given way to one here.
    void ended_elsewhere(const EndOfSession& end);
    /// The session, of the member `before`, is on another one now, which is not this one.
    void moved_elsewhere(const Session& session, storage::MemberId before) {
        catch_up_.moved_elsewhere(session, before);
    }
    /// A session of that account there begins to take its items, and asks in that turn: how far are
    /// they here?
    AccountPlace place_of(const std::string& account, std::uint64_t turn, std::uint64_t id) {
        return catch_up_.place_of(account, turn, id);
    }
    /// Whether stanzas of clients reach it: while its member cannot be reached for longer, they are
    /// dealt with as if it had ended. Null: they do not.
    void reach_elsewhere(const SessionPtr& session, std::shared_ptr<Transport> transport);
    /// Messages that the session, here or elsewhere, has not read, and can read no more.
    void undelivered(const SessionPtr& session, std::vector<Outgoing> messages);
    /// A session of that account there has ended and left these messages unread: which are in the
    /// care of one here? nullopt: that is not known yet.
    std::optional<std::vector<bool>> answer(const UnreadShared& asked) {
        return router_.answer(asked);
    }
    /// A stanza that another member sent here.
    void deliver_here(
        const SessionPtr& target, Outgoing stanza, const std::optional<xml::Element>& head
    );
    void take_elsewhere(const SessionPtr& asker, xml::Element iq, const ForwardedQuery& query);
    void unanswered_elsewhere(const ForwardedQuery& query);
    // A session that another member's client resumes: core_moving.cpp
    /// `done`, perhaps at once: all that the session is; it is frozen until one of the two calls
    /// that follow. Or the reason why it stays as it is.
    void hand_over(const FetchRequest& wanted, std::function<void(FetchAnswer)> done);
    /// The session stays: the other member did not take it, or does not want it any more.
    void stays_here(const SessionPtr& session);
    /// The session went on as `there`, a session elsewhere that does not stand in the table yet.
    /// `sent`: the number of stanzas that went along; `told_to`: the other member had told all up
    /// to there.
    void went_away(
        const SessionPtr& session,
        const SessionPtr& there,
        std::uint64_t sent,
        storage::Revision told_to
    );
    /// A stanza to a session that has moved from here to another member.
    void pass_on(const SessionPtr& target, Outgoing stanza) {
        router_.pass_on(target, std::move(stanza));
    }

    Presence::Words words_of(const Session& session) const { return presence_.words_of(session); }
    /// The stanzas of this turn leave.
    void flush_elsewhere() { fanout_.flush(); }
    /// For sessions elsewhere: bytes on their way to one member.
    std::shared_ptr<Budget> budget_elsewhere(std::size_t bytes_max) const {
        return std::make_shared<Budget>(bytes_max, process_budget_);
    }
    std::size_t outbox_bytes_max() const { return config_.limits.outbox_bytes_max; }

    const Router& router() const { return router_; }
    /// Of bulk data, whatever carries it. Its members say which thread may call them.
    bulk::Transfers& transfers() { return transfers_; }
    /// At the proxy. Core strand: see `post`.
    bulk::ByteStreams& byte_streams() { return byte_streams_; }
    /// Runs the work on the core strand, later. Any thread.
    void post(std::function<void()> work) { boost::asio::post(strand_, std::move(work)); }
    /// Of sessions that sent more than they may. Any thread.
    const FloodCounts& flood_counts() const { return flood_counts_; }
    /// Of what transports were handed. Any thread.
    FlushLimiter& flush_limiter() { return flush_limiter_; }
    StreamCounts& stream_counts() { return stream_counts_; }
    /// Of batches. Any thread.
    const PipelineCounts& pipeline_counts() const { return pipeline_->counts(); }
    /// From the commit of a batch of no meaning, every metrics.probe_seconds, to its place among
    /// the events: what a publish waits for its subscribers. Any thread.
    const DurationHistogram& probes() const { return probe_.waits; }
    /// Core strand.
    Load load() const;
    SessionRegistry& sessions() { return sessions_; }
    controller::Controller& controller() { return controller_; }
    pubsub::Broker& broker() { return broker_; }

    // CommitObserver (core strand)
    void before_change(const storage::Batch& batch) override;
    void apply(const storage::KeyChange& change) override;
    void notify(const storage::Committed& committed) override;
    bool deliver(std::chrono::steady_clock::time_point deadline) override;
    void flush() override;
    storage::Revision rebuild() override;
    bool is_for_all(const storage::Committed& committed) override;
    void when_everywhere(storage::Revision revision, std::function<void(bool)> done) override;

private:
    storage::Result<storage::Revision> scan();
    Result<void, std::string> bootstrap(
        boost::asio::io_context& context,
        const std::optional<std::string>& policy_text,
        const std::vector<xml::Jid>& administrators
    );
    // In a cluster: core_membership.cpp
    bool is_cut_off() const { return membership_ != nullptr && membership_->is_cut_off(); }
    /// The refusal of a request while this member is cut off.
    std::optional<xml::StanzaError> refuse_when_cut_off(const xml::Element& stanza) const;
    /// A new stream of a member that drains is ended at once. True: it was.
    bool send_elsewhere(const SessionPtr& session);
    void send_some_elsewhere();
    bool work_in_background();
    /// Proposes what waits of the broker's upkeep, little at a time.
    void go_on_with_upkeep();
    void submit_or_defer(storage::Batch batch);
    void submit_deferred();
    void probe(std::chrono::steady_clock::time_point time);
    void watch_clock();
    void look_up_wanted();
    /// Removes subscriptions that are no longer allowed, a slice at a time
    /// (server/core/core_sweep.cpp).
    void sweep();
    void begin_sweep();
    void end_sweep();
    void tick();
    /// True when there is more to do.
    bool do_what_is_due();
    void note_client_state(const SessionPtr& session, bool is_active);
    /// Stanzas from `from` on: a presence is to be known to other members before what follows it.
    void take_all(
        const SessionPtr& session,
        std::uint64_t attachment,
        std::vector<Inbound> inbound,
        std::size_t from,
        std::function<void()> taken
    );
    void take(const SessionPtr& session, Inbound inbound);
    std::function<void()> slow_down(
        const SessionPtr& session, std::uint64_t attachment, std::function<void()> taken
    );
    void note_positions();
    /// Ends the sessions that hibernate, a slice at a time, then waits for all that is to be
    /// committed.
    void wind_up(std::chrono::steady_clock::time_point until, std::function<void()> done);
    void wait_for_answers(std::chrono::steady_clock::time_point until, std::function<void()> done);
    void wait_for_commits(std::chrono::steady_clock::time_point until, std::function<void()> done);
    void close_expired();
    void revoke_some(std::shared_ptr<const std::vector<std::string>> links, std::size_t from);
    void end_stream(const SessionPtr& session, const std::string& why);
    void look_at_transfers();
    void notify_files(const storage::Committed& committed);
    /// Commits the records that must exist before this certificate may do anything; `done` gets the
    /// error when that failed.
    void enrol(
        const controller::Identity& identity,
        const std::string& address,
        std::function<void(std::optional<xml::StanzaError>)> done
    );
    /// A request that belongs to no session yet, in the pipeline.
    void run_before_login(
        pubsub::PreparedRequest prepared,
        pubsub::Principal actor,
        std::function<void(std::optional<xml::StanzaError>)> done
    );
    void enter(
        BindRequest request, std::function<void(std::variant<Attached, xml::StanzaError>)>& done
    );
    /// Why that certificate may not enter; empty: it may.
    std::string refusal_of(const controller::Identity& identity);
    void make_room_for(const xml::Jid& full);
    void replaced_by_bind(const SessionPtr& replaced);
    std::shared_ptr<Allowance> allowance_of(const Session& session);
    void end_session(const SessionPtr& session, const std::string& reason, Delivered delivered);

    void tell_end(const Session& session);
    /// A message that another member put to wait may be for a session here.
    void note_waiting(const storage::Committed& committed);

    // Stream management: core_management.cpp
    void take_word(const SessionPtr& session, const sm::Word& word);
    void enable(const SessionPtr& session, const sm::Enable& enable);
    /// From now on its stanzas are counted; returns `<enabled/>`.
    xml::Element manage(const SessionPtr& session, const sm::Enable& enable);
    void take_ack(const SessionPtr& session, std::uint32_t handled);
    void answer_request(const SessionPtr& session);

    // Sign-in: core_sign_in.cpp
    void finish_sign_in(SignInRequest request, const controller::LoginKeys& keys, HttpDone done);
    void refuse_sign_in(
        const SignInRequest& request, controller::HttpResponse response, const HttpDone& done
    );
    controller::HttpResponse begin_sign_in(
        const SignInRequest& request, const controller::administration::SignedIn& who
    );
    /// Null: nobody is signed in by that token any more.
    const SignIns::SignIn* signed_in(const std::string& token, bool is_use);
    /// The refusal of a question whose token is none, or that lacks what a page of ours sends.
    std::variant<controller::HttpResponse, const SignIns::SignIn*> check_sign_in(
        const SignInQuestion& question
    );

    // Resumption: core_resumption.cpp
    bool hibernate(const SessionPtr& session);
    void end_hibernating(const SessionPtr& session, const std::string& why);
    void end_unresumed();
    std::variant<SessionPtr, ResumeFailure, xml::StreamError> find_resumable(
        const ResumeRequest& request
    );
    void take_over(
        const SessionPtr& session, ResumeRequest request, std::function<void(ResumeAnswer)> done
    );
    void refuse_resuming(const SessionPtr& session, const std::string& condition);
    void attach_again(const SessionPtr& session);
    void go_on(
        const SessionPtr& session,
        ResumeRequest& request,
        const std::function<void(ResumeAnswer)>& done
    );
    std::optional<ResumeFailure> refuse_resuming_of(const ResumeRequest& request);
    // To or from another member of a cluster: core_moving.cpp
    void let_move(const SessionPtr& session, const std::shared_ptr<Session::Resuming>& resuming);
    HandedOver handed_over(const SessionPtr& session);
    SessionPtr find_elsewhere(const ResumeRequest& request) const;
    struct Arriving;
    void fetch(
        const SessionPtr& away, ResumeRequest request, std::function<void(ResumeAnswer)> done
    );
    void arrive(const std::shared_ptr<Arriving>& coming);
    std::optional<ResumeFailure> refuse_arrival(const Arriving& coming);
    SessionPtr make_arrived(Arriving& coming);
    void complete_arrival(const std::shared_ptr<Arriving>& coming);
    std::shared_ptr<Budget> account_budget(const xml::Jid& bare);
    std::shared_ptr<RateBuckets> account_rate(const xml::Jid& bare);
    void part_with_rate(const Session& session);
    void tell_iq(std::uint64_t id, const xml::Element& iq);

    net::Strand strand_;
    storage::Store& store_;
    const Config& config_;
    Log& log_;
    SessionRegistry sessions_;
    Resumptions resumptions_;
    controller::Controller controller_;
    Interests interests_;
    RosterContacts contacts_{controller_, sessions_, interests_};
    pubsub::Broker broker_;
    bulk::Transfers transfers_;
    std::uint64_t rights_seen_ = 0;   // the controller's revision when transfers were looked at
    bulk::Permits permits_{controller_};
    bulk::ByteStreams byte_streams_;
    FileWatch file_watch_;
    std::function<void(const Session&, SessionChange)> session_changed_ = [](const Session&,
                                                                             SessionChange) {};
    FlushLimiter flush_limiter_;
    Fanout fanout_;
    bulk::InBand in_band_;
    bulk::InBandHistories in_band_histories_;
    CatchUp catch_up_;
    OfflineDelivery offline_;
    LastItems last_items_;
    LeftOut left_out_{catch_up_, last_items_};
    SenderIds senders_;
    Presence presence_;
    Router router_;
    std::shared_ptr<Pipeline> pipeline_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<Budget> process_budget_;
    const Rates rates_;
    PartedRates parted_rates_;
    FloodCounts flood_counts_;
    StreamCounts stream_counts_;
    struct {
        std::chrono::steady_clock::time_point next, sent;   // sent: zero while none is under way
        DurationHistogram waits;
    } probe_;
    LoginLimits login_limits_, registration_limits_, sign_in_limits_;
    SignIns sign_ins_;
    std::uint64_t last_session_ = 0;
    std::deque<storage::Batch> deferred_;   // background work that the store had no room for
    std::deque<storage::Batch> upkeep_;     // of the broker, not proposed to the store yet
    std::chrono::steady_clock::time_point next_look_;
    Revoked revoked_;
    /// The two clocks when they were last looked at.
    struct {
        storage::Millis wall = 0;
        std::uint64_t steady = 0;
    } clocks_;
    bool needs_rebuild_ = false;
    bool is_stopped_ = false;
    Membership* membership_ = nullptr;
    storage::Revision delivered_ = 0;   // up to there events have gone to their sessions
    std::uint64_t rights_told_ = 0;   // the controller's revision when `is_for_all` was asked last
    struct Sweep {
        bool is_posted = false;   // a slice is
        std::chrono::steady_clock::time_point began;
        std::chrono::steady_clock::duration longest{};   // slice
        std::size_t slices = 0, removed = 0;
    } sweep_;
};

}   // namespace grid::server
