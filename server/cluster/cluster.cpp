// server/cluster/cluster.cpp: joins, opens the store, follows the roster, and leaves.
#include "server/cluster/cluster.hpp"

#include <algorithm>
#include <random>

#include "server/cluster/etcd/tls.hpp"
#include "server/guarded_run.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;

namespace {

/// At one start.
constexpr int copies_most = 3;

storage::MemberId random_id() {
    std::random_device chance;
    storage::MemberId id = 0;
    while (id == 0) id = (static_cast<storage::MemberId>(chance()) << 32U) | chance();
    return id;
}

}   // namespace

Cluster::Cluster(const Config& config, std::filesystem::path data, Log& log, Waiting waiting)
    : config_(config),
      data_(std::move(data)),
      log_(log),
      tell_waiting_(std::move(waiting)),
      more_to_come_(asio::make_work_guard(context_)),
      timer_(context_),
      heard_at_(Clock::now().time_since_epoch().count()),
      fresh_(Clock::now()),
      followed_(Clock::now()),
      standing_(std::chrono::milliseconds(config.cluster.max_staleness_ms)) {
    self_.id = random_id();
    self_.name = config.cluster.member;
    self_.clients = config.cluster.clients;
    self_.max_staleness_ms = config.cluster.max_staleness_ms;
    self_.has_open_ports = false;
    // Until it takes clients it has no rights to take away, and does not hold up the log.
    self_.flushed_group = serves_nobody;
}

Result<std::unique_ptr<Cluster>, std::string> Cluster::join(
    const Config& config, std::filesystem::path data, Log& log, Waiting waiting
) {
    std::unique_ptr<Cluster> cluster(new Cluster(config, std::move(data), log, std::move(waiting)));
    if (auto opened = cluster->open(); !opened)
        return {boost::system::in_place_error, opened.error()};
    return cluster;
}

EtcdSettings Cluster::etcd_settings() const {
    EtcdSettings settings;
    settings.endpoints = config_.cluster.etcd;
    settings.ca = config_.cluster.etcd_ca;
    settings.certificate = config_.cluster.etcd_certificate;
    settings.key = config_.cluster.etcd_key;
    settings.prefix = config_.cluster.name;
    settings.member = config_.cluster.member;
    settings.tls = etcd_tls_;
    return settings;
}

Result<void, std::string> Cluster::open_links(std::string listen) {
    LinksSettings settings;
    settings.listen = std::move(listen);
    settings.certificate = config_.cluster.certificate;
    settings.key = config_.cluster.key;
    settings.ca = config_.cluster.ca;
    settings.crl = tls::member_crls(config_.cluster, data_);
    settings.cluster = config_.cluster.name;
    settings.self = self_;
    auto links = make_links(context_, settings, log_);
    if (!links) return {boost::system::in_place_error, links.error()};
    {
        const std::lock_guard lock(mutex_);
        links_ = std::move(*links);
    }
    links_->on(Channel::Store, [this](storage::MemberId from, std::string payload) {
        const std::lock_guard lock(mutex_);
        if (store_ != nullptr) store_->on_peer(from, std::move(payload));
    });
    links_->on(Channel::Control, [this](storage::MemberId from, const std::string& payload) {
        take_control(from, payload);
    });
    links_->on_changed([this](const Member& member, bool is_up) { link_changed(member, is_up); });
    return {};
}

void Cluster::link_changed(const Member& member, bool is_up) {
    if (!is_up) return;
    {
        const std::lock_guard lock(mutex_);
        if (store_ != nullptr) store_->on_peer_up(member.id);
    }
    if (const auto asked = acknowledgements_.asked_of(member.id); asked != 0)
        links_->send(member.id, Channel::Control, encode({ControlWord::Kind::WhenApplied, asked}));
    tell_facts_to(member.id);
}

/// Links first: the roster tells their address.
Result<void, std::string> Cluster::open() {
    if (auto opened = open_links(config_.listen.cluster); !opened) return opened;
    self_.address = config_.cluster.address.empty() ? links_->address() : config_.cluster.address;
    log_.info("listening", {{"listener", "cluster"}, {"address", links_->address()}});
    for (const std::string& url : config_.cluster.etcd)
        if (std::string why = endpoint_fault(url); !why.empty())
            return {boost::system::in_place_error, "cluster.etcd: " + why};
    etcd_tls_ = std::make_shared<EtcdTls>(etcd_settings());
    etcd_log_ = make_etcd_log(etcd_settings(), log_);
    auto roster = make_roster(etcd_settings(), self_, log_, tell_waiting_);
    if (!roster) return {boost::system::in_place_error, roster.error()};
    roster_ = std::move(*roster);
    if (auto looked = look_at_etcd(); !looked) return looked;
    self_.id = roster_->id();
    links_->set_id(self_.id);
    known_self_ = self_;
    roster_->resign();   // until this member has all that the log has
    thread_ = std::thread([this] { run_guarded(context_, log_); });
    RosterEvents events;
    events.members = [this](std::vector<Member> members) {
        post([this, members = std::move(members)]() mutable { members_changed(std::move(members)); }
        );
    };
    events.leader = [this](storage::MemberId leader) {
        post([this, leader] { leader_changed(leader); });
    };
    events.elected = [this] { post([this] { elected(); }); };
    events.lost = [this] { post([this] { lost(); }); };
    events.may_stand = [this](const std::vector<Member>& members, bool is_free) {
        return may_stand(members, is_free);
    };
    roster_->start(std::move(events));
    log_.info(
        "cluster_joined",
        {{"cluster", config_.cluster.name}, {"member", self_.name}, {"address", self_.address}}
    );
    return {};
}

Cluster::~Cluster() {
    leave();
    roster_ = nullptr;   // the lease is given back
    etcd_log_ = nullptr;
}

Result<std::function<void()>, std::string> Cluster::prepare_renewal() {
    using Prepared = Result<std::function<void()>, std::string>;
    if (std::string why = etcd_files_fault(etcd_settings()); !why.empty())
        return Prepared(boost::system::in_place_error, std::move(why));
    auto links = links_->prepare_renewal();
    if (!links) return Prepared(boost::system::in_place_error, links.error());
    return Prepared(boost::system::in_place_value, [this, renew = std::move(*links)] {
        renew();
        etcd_tls_->renew();
    });
}

void Cluster::post(std::function<void()> work) { asio::post(context_, std::move(work)); }

bool Cluster::send(storage::MemberId to, std::string message) {
    return links_->send(to, Channel::Store, std::move(message));
}

/// etcd may lose its quorum between two calls.
storage::Result<std::unique_ptr<storage::ReplicatedStore>> Cluster::open_patiently(
    const storage::ReplicatedSettings& settings
) {
    constexpr auto pause = std::chrono::milliseconds(500);
    for (;;) {
        auto store = storage::open_replicated_store(settings, *etcd_log_, *this);
        if (store || store.error() != storage::Errc::Unreachable || !tell_waiting_) return store;
        tell_waiting_("etcd does not answer");
        std::this_thread::sleep_for(pause);
    }
}

/// The remedy where the store and the log are not of one cluster; else empty.
std::string Cluster::other_history(boost::system::error_code error) {
    if (error != storage::Errc::OtherHistory) return {};
    const std::string place = "/gridd/" + config_.cluster.name + "/";
    const auto head = etcd_log_->head();
    if (head && head->groups == 0)
        return " (nothing is below " + place + " in etcd: is cluster.name right?)";
    return " (where this store was restored from a backup, and no member runs, remove the keys "
           "below " +
           place + " in etcd, and the stores of the others)";
}

Result<std::unique_ptr<storage::Store>, std::string> Cluster::open_store(
    storage::RocksSettings settings
) {
    using Opened = Result<std::unique_ptr<storage::Store>, std::string>;
    storage::ReplicatedSettings replicated;
    replicated.rocks = std::move(settings);
    replicated.self = self_.id;
    replicated.groups_kept = config_.cluster.groups_kept;
    replicated.log_bytes_kept = config_.cluster.log_bytes_kept;
    replicated.max_staleness = std::chrono::milliseconds(config_.cluster.max_staleness_ms);
    make_copies(replicated.rocks);
    keep_log_while_starting();
    auto store = open_patiently(replicated);
    // While a large copy was under way the log may have gone on for longer than it is kept.
    for (int copies = 0; copies < copies_most && !store && store.error() == storage::Errc::Trimmed;
         ++copies) {
        keep_log_while_starting();
        if (auto copied = copy_store(replicated.rocks); !copied)
            return Opened(boost::system::in_place_error, copied.error());
        store = open_patiently(replicated);
    }
    if (!store)
        return Opened(
            boost::system::in_place_error,
            "the store in " + replicated.rocks.path +
                " cannot be opened as a member of the cluster " + config_.cluster.name + ": " +
                store.error().message() + other_history(store.error())
        );
    {
        const std::lock_guard lock(mutex_);
        store_ = store->get();
        status_ = store_->replication();
    }
    serve_copies(**store);
    return Opened(std::move(*store));
}

void Cluster::leave() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        store_ = nullptr;
    }
    leads_ = false;
    roster_->resign();
    stop_copies();
    links_->stop();
    context_.stop();
    thread_.join();
    on_leave = nullptr;
    on_members = nullptr;   // of parts that end before this one
    on_member_lost = nullptr;
    on_lead = nullptr;
    on_view = nullptr;
}

/// From now on the store feeds the core, so that this member may lead.
void Cluster::begin() {
    post([this] {
        has_begun_ = true;
        std::vector<Member> others;
        {
            const std::lock_guard lock(mutex_);
            others = members_;
            if (store_ != nullptr) store_->follow_leader(leader_);
            self_.flushed_group = self_.has_group = status_.flushed_group;
        }
        self_.needs_group = needs_no_group;
        standing_.begin();
        log_short_at_ = Clock::now();
        roster_->update(self_);
        links_->start();
        are_links_started_ = true;
        links_->set_members(others);
        if (on_members) on_members(others);
        stand_or_not();
        tick();
    });
}

void Cluster::open_to_clients() {
    post([this] {
        self_.has_open_ports = true;
        roster_->update(self_);
    });
}

void Cluster::members_changed(std::vector<Member> members) {
    see_own_record(members);
    std::erase_if(members, [this](const Member& member) { return member.id == self_.id; });
    std::vector<Member> gone;
    std::shared_ptr<Links> links;
    {
        const std::lock_guard lock(mutex_);
        for (const Member& before : members_)
            if (std::ranges::find(members, before.id, &Member::id) == members.end())
                gone.push_back(before);
        for (const Member& now : members)
            if (std::ranges::find(members_, now.id, &Member::id) == members_.end())
                log_.info("cluster_member_there", {{"member", now.name}, {"address", now.address}});
        members_ = members;
        links = links_;
    }
    if (are_links_started_) links->set_members(members);
    if (has_begun_ && on_members) on_members(members);
    lead_or_wait();
    for (const Member& member : gone) let_depart(member);
    acknowledgements_.members_changed(waited_for());
    waiting_ = acknowledgements_.size();
    for (const Member& member : gone) {
        log_.warn("cluster_member_gone", {{"member", member.name}, {"address", member.address}});
        std::erase_if(asks_, [&](const auto& ask) { return ask.first == member.id; });
        {
            const std::lock_guard lock(mutex_);
            facts_.erase(member.id);
        }
        if (has_begun_ && on_member_lost) on_member_lost(member.id);
    }
}

void Cluster::leader_changed(storage::MemberId leader) {
    const std::lock_guard lock(mutex_);
    leader_ = leader;
    if (store_ != nullptr && leader != self_.id) store_->follow_leader(leader);
}

void Cluster::elected() {
    {
        const std::lock_guard lock(mutex_);
        leader_ = self_.id;
    }
    groups_least_ = most_groups();
    const std::lock_guard lock(mutex_);
    if (store_ != nullptr) store_->lead(groups_least_);
}

/// A member that had more groups than the log may be gone for good.
void Cluster::lead_or_wait() {
    const std::uint64_t most = most_groups();
    if (leads_ || most >= groups_least_) return;
    groups_least_ = most;
    const std::lock_guard lock(mutex_);
    if (store_ != nullptr && leader_ == self_.id) store_->lead(most);
}

std::uint64_t Cluster::most_groups() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t most = 0;
    for (const Member& member : members_) most = std::max(most, member.has_group);
    return most;
}

void Cluster::lost() {
    log_.error(
        "cluster_lease_lost",
        {{"do", "for the others this member was gone: see that it and etcd reach each other"}}
    );
    standing_.lost();
    is_waited_for_ = standing_.is_in() && !is_short_told_;
    const std::lock_guard lock(mutex_);
    if (leader_ == self_.id) leader_ = 0;
    if (store_ == nullptr) return;
    store_->follow_leader(leader_);
    // All that was acknowledged here: an etcd of an earlier time may come next.
    if (has_begun_)
        self_.has_group = std::max(self_.has_group, store_->replication().applied_group);
    roster_->update(self_);
}

bool Cluster::is_cut_off() const {
    if (config_.cluster.when_stale != "refuse") return false;
    if (!is_waited_for_) return true;
    const auto since = Clock::now().time_since_epoch().count() - heard_at_;
    return Clock::duration(since) > std::chrono::milliseconds(config_.cluster.max_staleness_ms);
}

/// Each in its turn, so that the clients of one member come to all others.
std::optional<std::string> Cluster::sent_elsewhere() const {
    if (!is_draining_ || is_needed_) return std::nullopt;
    static std::atomic<std::size_t> turn = 0;
    const std::lock_guard lock(mutex_);
    std::vector<std::string> places;
    for (const Member& member : members_)
        if (takes_clients(member) && !member.clients.empty()) places.push_back(member.clients);
    if (places.empty()) {
        const Member* last = last_of_drained();
        return last != nullptr ? last->clients : std::string();
    }
    return places[turn++ % places.size()];
}

void Cluster::applied(storage::Revision revision) {
    applied_ = revision;
    if (has_asks_) post([this] { answer_asks(); });
}

/// Two for each member are kept, the least and the greatest: the answers to these are answers to
/// those between.
void Cluster::take_ask(storage::MemberId from, storage::Revision revision) {
    const auto is_of = [from](const auto& ask) { return ask.first == from; };
    const auto last = std::find_if(asks_.rbegin(), asks_.rend(), is_of);
    if (last != asks_.rend() && last->second == revision) return;
    if (std::ranges::count_if(asks_, is_of) > 1)
        last->second = std::max(last->second, revision);
    else
        asks_.emplace_back(from, revision);
    has_asks_ = true;
    answer_asks();
}

void Cluster::answer_asks() {
    const storage::Revision now = applied_;
    std::erase_if(asks_, [&](const auto& ask) {
        if (ask.second > now) return false;
        links_->send(ask.first, Channel::Control, encode({ControlWord::Kind::Applied, now}));
        return true;
    });
    has_asks_ = !asks_.empty();
}

/// The members that are waited for are read behind the commit: one that this member has not heard
/// of yet may serve already, with what it knew before.
void Cluster::when_everywhere(storage::Revision revision, std::function<void(bool)> done) {
    post([this, revision, done = std::move(done)]() mutable {
        std::uint64_t group = 0;
        {
            const std::lock_guard lock(mutex_);
            if (store_ != nullptr) group = store_->replication().applied_group;
        }
        const auto number = acknowledgements_.wait(revision, group, std::move(done));
        waiting_ = acknowledgements_.size();
        roster_->look_again([this, number] { post([this, number] { ask_others(number); }); });
    });
}

/// The answers up to that number waited already when the members were read.
void Cluster::ask_others(std::uint64_t number) {
    const std::vector<Member> others = waited_for();
    const auto asked = acknowledgements_.members_read(number, others);
    waiting_ = acknowledgements_.size();
    for (const auto& [member, revision] : asked)
        links_->send(member, Channel::Control, encode({ControlWord::Kind::WhenApplied, revision}));
}

void Cluster::take_control(storage::MemberId from, const std::string& payload) {
    const auto word = decode_control(payload);
    if (!word)
        return log_.warn(
            "cluster_word_unknown",
            {{"member", name_of(from)}, {"do", "its gridd may be a newer one: upgrade this one"}}
        );
    switch (word->kind) {
        case ControlWord::Kind::WhenApplied:
            return take_ask(from, word->number);
        case ControlWord::Kind::Applied:
            acknowledgements_.applied(from, word->number);
            waiting_ = acknowledgements_.size();
            return;
        case ControlWord::Kind::Wish:
            if (word->number <= static_cast<std::uint64_t>(Wish::Leave))
                follow_wish(static_cast<Wish>(word->number));
            return;
        default:
            return take_fact(from, *word);
    }
}

std::string Cluster::name_of(storage::MemberId member) const {
    if (member == self_.id) return self_.name;
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(members_, member, &Member::id);
    return found == members_.end() ? std::string() : found->name;
}

}   // namespace grid::server::cluster
