// server/metrics/collector.cpp: one function for each part that is asked.
#include "server/metrics/collector.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "controller/state.hpp"
#include "server/metrics/process_figures.hpp"

namespace grid::server::metrics {

namespace {

double seconds(storage::Millis time) { return static_cast<double>(time) / 1000; }

std::uint64_t flag(bool is_set) { return is_set ? 1 : 0; }

}   // namespace

void Collector::collect(std::function<void(std::string)> done) const {
    sources_.core.post([this, done = std::move(done)] { done(text()); });
}

std::string Collector::text() const {
    Exposition out;
    const Load load = sources_.core.load();
    write_process(out);
    write_streams(out, load);
    write_broker(out);
    write_delivery(out, load);
    write_controller(out);
    write_transfers(out);
    write_store(out);
    write_cluster(out);
    write_limits(out, load);
    write_log(out);
    return out.take();
}

void Collector::write_process(Exposition& out) const {
    const auto facts = sources_.info.facts();
    out.gauge("gridd_build_info", "Always 1; the version is a label.");
    out.sample(std::uint64_t{1}, {{"version", facts.version}});
    out.gauge(
        "gridd_evaluation", "Whether the evaluation CA is in use.", flag(facts.is_evaluation)
    );
    out.gauge(
        "process_start_time_seconds", "When the process began, as Unix time.",
        seconds(facts.started)
    );
    const ProcessFigures process = process_figures();
    out.counter("process_cpu_seconds_total", "CPU time, user and kernel.");
    out.sample(process.cpu_seconds);
    out.gauge("process_resident_memory_bytes", "Resident memory.", process.resident_bytes);
    if (process.open_files != 0)
        out.gauge("process_open_fds", "Open file descriptors.", process.open_files);
    out.gauge("process_max_fds", "The limit of open file descriptors.", process.open_files_max);
    out.gauge(
        "gridd_certificate_expiry_timestamp_seconds",
        "Until when the server's certificate is valid, as Unix time."
    );
    for (const auto& [use, until] : sources_.certificates())
        out.sample(seconds(until), {{"use", use}});
    out.gauge(
        "gridd_problems", "Faults that an operator should mend: see gridctl status.",
        std::uint64_t{controller::problems_of(facts).size()}
    );
}

void Collector::write_streams(Exposition& out, const Load& load) const {
    out.gauge("gridd_sessions", "Sessions, by transport; those that hibernate have none.");
    for (std::size_t kind = 0; kind < load.sessions.size(); ++kind)
        out.sample(
            std::uint64_t{load.sessions[kind]},
            {{"transport", to_string(static_cast<TransportKind>(kind))}}
        );
    out.sample(std::uint64_t{sources_.core.sessions().hibernating()}, {{"transport", "none"}});
    out.gauge(
        "gridd_stream_connections", "Connections of streams, those before the login included.",
        std::uint64_t{sources_.acceptor.connections()}
    );
    const StreamCounts& streams = sources_.core.stream_counts();
    out.histogram(
        "gridd_tls_handshake_seconds",
        "TLS handshakes of streams that went well, with the vetting of the certificate.",
        streams.handshake.read()
    );
    out.counter(
        "gridd_stanzas_received_total", "Stanzas read from sessions.", streams.stanzas.count()
    );
    out.counter("gridd_bytes_received_total", "Bytes read from sessions.", streams.bytes.count());
    out.counter(
        "gridd_stanzas_sent_total", "Stanzas given to the transports of sessions.",
        load.sent.stanzas
    );
    out.counter(
        "gridd_refusals_total",
        "Logins, registrations and requests by HTTPS that were refused, by condition."
    );
    for (const auto& [refused, count] : sources_.core.controller().refusal_counts())
        out.sample(count, {{"what", refused.first}, {"condition", refused.second}});
}

void Collector::write_broker(Exposition& out) const {
    const pubsub::Broker& broker = sources_.core.broker();
    out.gauge("gridd_nodes", "Nodes of the broker.", std::uint64_t{broker.node_count()});
    out.gauge("gridd_items", "Items that are kept.", std::uint64_t{broker.item_count()});
    out.gauge(
        "gridd_item_index_bytes", "Memory that the index of items takes.",
        std::uint64_t{broker.item_memory_bytes()}
    );
    out.gauge("gridd_subscriptions", "Subscriptions.", std::uint64_t{broker.subscription_count()});
    out.counter(
        "gridd_unreadable_items_total", "Payloads that could not be read from the store.",
        std::uint64_t{broker.payload_faults().count()}
    );
    out.counter("gridd_broker_events_total", "Committed changes at the broker, by kind.");
    for (const auto& [event, count] : broker.event_counts()) out.sample(count, {{"event", event}});
}

void Collector::write_delivery(Exposition& out, const Load& load) const {
    const PipelineCounts& batches = sources_.core.pipeline_counts();
    out.counter(
        "gridd_items_delivered_total", "Items queued for sessions, each session counted.",
        load.sent.items
    );
    out.histogram(
        "gridd_commit_seconds", "From a batch's way to the store until memory follows it.",
        batches.commit.read()
    );
    out.histogram(
        "gridd_fanout_seconds",
        "From then until the events of the batch are queued for all recipients.",
        batches.fan_out.read()
    );
    out.histogram(
        "gridd_probe_seconds",
        "What a batch of the server's own takes from its commit to its place among the events.",
        sources_.core.probes().read()
    );
    out.counter(
        "gridd_conflicts_total", "Requests decided again, since another change came first.",
        batches.conflicts.count()
    );
    out.counter(
        "gridd_commits_refused_total", "Batches that the store refused.", batches.refused.count()
    );
    out.gauge("gridd_batches_in_flight", "Batches on their way.", std::uint64_t{load.in_flight});
    out.gauge(
        "gridd_background_batches", "Background batches on their way, or waiting for room.",
        std::uint64_t{load.background + load.deferred}
    );
    out.gauge(
        "gridd_notifications_queued", "Events that wait to be sent out.",
        std::uint64_t{load.notifications}
    );
    out.gauge(
        "gridd_sessions_replaying", "Sessions that get items from the store.",
        std::uint64_t{load.replaying}
    );
    out.gauge(
        "gridd_queued_bytes", "Bytes queued for all sessions.", std::uint64_t{load.queued_bytes}
    );
    out.gauge(
        "gridd_queued_bytes_max", "The bound of that: limits.process_bytes_max.",
        std::uint64_t{load.queued_bytes_max}
    );
}

void Collector::write_controller(Exposition& out) const {
    using controller::AccountState;
    const controller::State& state = sources_.core.controller().state_for_admin();
    out.gauge("gridd_accounts", "Accounts, by state.");
    for (const auto& [name, account_state] :
         {std::pair("pending", AccountState::Pending), std::pair("enabled", AccountState::Enabled),
          std::pair("disabled", AccountState::Disabled)})
        out.sample(std::uint64_t{state.accounts.count(account_state)}, {{"state", name}});
    out.counter("gridd_policy_decisions_total", "Decisions of the policy about accounts.");
    // Two rights have one word in a policy: bulk data of a topic, and of an account.
    std::map<std::string_view, std::pair<std::uint64_t, std::uint64_t>> by_operation;
    const auto& decided = state.policy.decided();
    for (std::size_t i = 0; i < decided.size(); ++i) {
        const auto right = static_cast<controller::policy::Right>(i);
        auto& [allowed, denied] = by_operation[controller::policy::to_string(right)];
        allowed += decided[i].allowed;
        denied += decided[i].denied;
    }
    for (const auto& [operation, counts] : by_operation) {
        out.sample(counts.first, {{"operation", operation}, {"decision", "allow"}});
        out.sample(counts.second, {{"operation", operation}, {"decision", "deny"}});
    }
    out.gauge(
        "gridd_policy_version", "The version of the policy in force.", state.policy.head().version
    );
    out.gauge(
        "gridd_messages_waiting", "Messages that wait for accounts.",
        std::uint64_t{state.offline.count()}
    );
    out.gauge("gridd_messages_waiting_bytes", "Their bytes.", std::uint64_t{state.offline.bytes()});
    out.gauge(
        "gridd_audit_queued", "Audit records that wait to be committed.",
        std::uint64_t{state.audit.size()}
    );
    out.counter(
        "gridd_audit_dropped_total", "Audit records that found no room.",
        std::uint64_t{state.audit.dropped()}
    );
    write_export(out);
}

/// Where records are handed on; else there is none of them.
void Collector::write_export(Exposition& out) const {
    const auto facts = sources_.info.facts().audit_export;
    if (!facts) return;
    out.gauge(
        "gridd_audit_export_waiting",
        "Audit records that are not handed on to audit.export_to yet.", facts->waiting
    );
    out.gauge(
        "gridd_audit_export_failing_seconds",
        "How long the receiver of audit.export_to has taken no records; 0: it takes them.",
        seconds(facts->troubled_ms)
    );
    out.counter(
        "gridd_audit_export_lost_total", "Audit records that the receiver never got.", facts->lost
    );
}

void Collector::write_transfers(Exposition& out) const {
    namespace bulk = controller::bulk;
    const bulk::Table* table = sources_.core.controller().state_for_admin().transfers;
    if (table == nullptr) return;
    const bulk::Counters& counters = table->counters();
    out.gauge(
        "gridd_transfers_running", "Transfers of bulk data under way.",
        std::uint64_t{table->running().size()}
    );
    out.counter("gridd_transfers_refused_total", "Transfers that were refused.", counters.refused);
    out.counter("gridd_transfers_ended_total", "Transfers that ended, by why.");
    for (std::size_t i = 1; i < bulk::state_count; ++i)
        out.sample(
            std::uint64_t{counters.ended.at(i)},
            {{"state", bulk::to_string(static_cast<bulk::State>(i))}}
        );
    out.counter("gridd_transfer_bytes_total", "Bytes of transfers, by kind.");
    for (std::size_t i = 0; i < bulk::kind_count; ++i)
        out.sample(
            std::uint64_t{counters.bytes.at(i)},
            {{"kind", bulk::to_string(static_cast<bulk::Kind>(i))}}
        );
}

void Collector::write_store(Exposition& out) const {
    const storage::StoreStatus status = sources_.store.status();
    const storage::StoreFigures figures = sources_.store.figures();
    out.gauge("gridd_store_writable", "Whether the store takes writes.", flag(status.writable));
    out.gauge(
        "gridd_store_stalled", "Whether writes wait for tables to be written.",
        flag(figures.is_stalled)
    );
    out.gauge("gridd_store_revision", "The last committed revision.", status.revision);
    out.counter("gridd_store_commits_total", "Committed batches.", status.commits);
    out.counter("gridd_store_groups_total", "Groups of batches.", status.groups);
    out.counter("gridd_store_syncs_total", "Syncs of the write-ahead log.", status.syncs);
    out.gauge(
        "gridd_store_queued_bytes", "Bytes of batches that wait for the writer.",
        status.queued_bytes
    );
    out.gauge("gridd_store_table_bytes", "Tables on disk.", figures.table_bytes);
    out.gauge("gridd_store_buffer_bytes", "Write buffers in memory.", figures.buffer_bytes);
    out.gauge("gridd_store_cache_bytes", "Blocks of tables in memory.", figures.cache_bytes);
    out.gauge(
        "gridd_store_compaction_pending_bytes", "Bytes that compactions have to rewrite.",
        figures.compaction_bytes
    );
    out.gauge("gridd_store_free_bytes", "Free space of the data volume.", figures.free_bytes);
}

/// Of a member of a cluster; else there is none of them.
void Collector::write_cluster(Exposition& out) const {
    const controller::ClusterControl* cluster = sources_.info.cluster();
    if (cluster == nullptr) return;
    const controller::ClusterView view = cluster->view();
    out.gauge("gridd_cluster_leader", "Whether this member leads.", flag(view.is_leader));
    out.gauge(
        "gridd_cluster_leader_known", "Whether this member knows of a leader.",
        flag(!view.leader.empty())
    );
    out.gauge(
        "gridd_cluster_cut_off",
        "Whether requests are refused, as etcd was not heard for too long.", flag(view.is_cut_off)
    );
    out.gauge("gridd_cluster_draining", "Whether this member is drained.", flag(view.is_draining));
    out.gauge(
        "gridd_cluster_staleness_seconds", "Since this member heard from etcd.",
        static_cast<double>(view.heard_ms) / 1000
    );
    out.gauge("gridd_cluster_members", "Members that the cluster knows.", view.members.size());
    out.gauge(
        "gridd_cluster_links", "Members to which there is a connection.",
        static_cast<std::size_t>(
            std::ranges::count_if(view.members, &controller::MemberView::is_linked)
        )
    );
    out.gauge("gridd_cluster_applied_revision", "Applied from the log.", view.applied);
    out.gauge(
        "gridd_cluster_lag_groups", "Groups of the log that are known and not applied.",
        view.known_group > view.applied_group ? view.known_group - view.applied_group : 0
    );
    out.gauge(
        "gridd_cluster_waiting_answers", "Answers that wait until all members applied a change.",
        view.waiting
    );
    out.gauge(
        "gridd_cluster_log_bytes", "Of the log's groups that are kept, since the start.",
        view.log_bytes
    );
    out.gauge("gridd_cluster_etcd_bytes", "Of etcd's database.", view.etcd_bytes);
    out.gauge(
        "gridd_cluster_etcd_used_bytes", "Of etcd's database, in use.", view.etcd_bytes_in_use
    );
    out.gauge(
        "gridd_cluster_etcd_full", "Whether etcd has reached its quota and takes no changes.",
        flag(view.is_etcd_full)
    );
    out.counter(
        "gridd_cluster_leader_changes_total", "Changes of the leader.", view.leader_changes
    );
    out.counter("gridd_cluster_forwarded_total", "Batches sent to the leader.", view.forwarded);
    out.counter(
        "gridd_cluster_submitted_again_total", "Batches submitted again after a change of leader.",
        view.submitted_again
    );
    out.gauge(
        "gridd_cluster_files_missing", "Files that are complete and not on this member yet.",
        view.files_missing
    );
    out.gauge(
        "gridd_cluster_files_missing_bytes", "Bytes of these files.", view.files_missing_bytes
    );
    out.counter(
        "gridd_cluster_files_fetched_total", "Files fetched from other members.", view.files_fetched
    );
    out.counter(
        "gridd_cluster_files_fetched_bytes_total", "Bytes of these files.", view.files_fetched_bytes
    );
}

void Collector::write_limits(Exposition& out, const Load& load) const {
    const FloodCounts& floods = sources_.core.flood_counts();
    out.counter("gridd_limit_hits_total", "How often a limit was reached.");
    out.sample(floods.slowed.load(), {{"limit", "rate_slowed"}});
    out.sample(floods.cut.load(), {{"limit", "flood_cut"}});
    out.sample(load.sent.slow_closed, {{"limit", "outbox_bytes"}});
}

void Collector::write_log(Exposition& out) const {
    out.counter("gridd_log_events_total", "Events told to the log, by name and level.");
    for (const auto& [what, level, count] : sources_.log.counts())
        out.sample(count, {{"event", what}, {"level", level_name(level)}});
}

}   // namespace grid::server::metrics
