// controller/rest/cluster_routes.cpp: the cluster by REST: its members, and what they are asked.
#include <array>

#include "controller/administration/cluster_acts.hpp"
#include "controller/rest/call.hpp"

namespace grid::controller::rest {

namespace {

using Wish = ClusterControl::Wish;

template <class Number>
json::value number_or_null(const std::optional<Number>& number) {
    return number ? json::value(*number) : json::value(nullptr);
}

json::object member_json(const MemberView& member) {
    json::value expires(nullptr);
    if (member.certificate_expires != 0) expires = time_text(member.certificate_expires);
    return {
        {"name", member.name},
        {"address", member.address},
        {"clients", member.clients},
        {"self", member.is_self},
        {"leader", member.is_leader},
        {"draining", member.is_draining},
        {"linked", member.is_linked},
        {"link_failure", member.link_failure},
        {"flushed_group", member.flushed_group},
        {"certificate_expires", std::move(expires)},
        {"clock_ahead_ms", number_or_null(member.clock_ahead_ms)},
        {"free_bytes", number_or_null(member.free_bytes)},
        {"may_lead", member.may_lead},
        {"client_cas", member.client_cas},
        {"leaving", number_or_null(member.leaving)}
    };
}

HttpDecision show_cluster(const Call& call) {
    const ClusterControl* cluster = call.server.cluster();
    if (cluster == nullptr)
        return refuse({Errc::WrongState, "this server is no member of a cluster", {}});
    const ClusterView view = cluster->view();
    json::array members;
    for (const MemberView& member : view.members) members.push_back(member_json(member));
    return ok(
        {{"name", view.name},
         {"member", view.member},
         {"leader", view.leader.empty() ? json::value() : json::value(view.leader)},
         {"is_leader", view.is_leader},
         {"draining", view.is_draining},
         {"cut_off", view.is_cut_off},
         {"needs_copy", view.needs_copy},
         {"term", view.term},
         {"applied", view.applied},
         {"applied_group", view.applied_group},
         {"known_group", view.known_group},
         {"flushed_group", view.flushed_group},
         {"heard_ms", view.heard_ms},
         {"leader_changes", view.leader_changes},
         {"forwarded", view.forwarded},
         {"submitted_again", view.submitted_again},
         {"waiting_answers", view.waiting},
         {"log_bytes", view.log_bytes},
         {"etcd",
          json::object{
              {"bytes", view.etcd_bytes},
              {"bytes_in_use", view.etcd_bytes_in_use},
              {"full", view.is_etcd_full}
          }},
         {"files_missing", view.files_missing},
         {"files_missing_bytes", view.files_missing_bytes},
         {"files_fetched", view.files_fetched},
         {"files_fetched_bytes", view.files_fetched_bytes},
         {"warnings", to_json(view.warnings)},
         {"members", std::move(members)}}
    );
}

HttpDecision ask(const Call& call, Wish wish) {
    const std::string& name = call.request.in_path("name");
    const auto asked = administration::ask_member(call, call.server, wish, name);
    return asked ? ok({{"asked", name}}, 202) : refuse(asked.error());
}

HttpDecision drain(const Call& call) { return ask(call, Wish::Drain); }
HttpDecision join(const Call& call) { return ask(call, Wish::Join); }
HttpDecision promote(const Call& call) { return ask(call, Wish::Promote); }
HttpDecision leave(const Call& call) { return ask(call, Wish::Leave); }

}   // namespace

std::span<const Route> cluster_routes() {
    static const std::array routes{
        Route{"GET", "cluster", {}, {}, show_cluster, Act::ReadCluster},
        Route{"POST", "cluster/members/{name}/drain", {}, {}, drain, Act::ManageCluster},
        Route{"POST", "cluster/members/{name}/join", {}, {}, join, Act::ManageCluster},
        Route{"POST", "cluster/members/{name}/promote", {}, {}, promote, Act::ManageCluster},
        Route{"POST", "cluster/members/{name}/leave", {}, {}, leave, Act::ManageCluster},
    };
    return routes;
}

}   // namespace grid::controller::rest
