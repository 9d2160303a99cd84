// server/cluster/etcd/survey.hpp: which etcds answer at the configured endpoints, and which
// clusters are in them.
#pragma once

#include <string>
#include <vector>

#include "server/cluster/etcd.hpp"

namespace grid::server::cluster {

/// An endpoint that answered, and the id of the cluster of etcds that it belongs to.
struct EtcdPlace {
    std::string url;
    std::string cluster_id;   // hex, as etcdctl shows it
};
/// Asks all endpoints at once, for `timeout` of the settings at most, and not much longer than the
/// first one takes. Those that do not answer are left out.
std::vector<EtcdPlace> etcds_at(const EtcdSettings& settings);
/// For the operator; empty: they are of one etcd.
std::string why_not_one_etcd(const std::vector<EtcdPlace>& places);

/// The names of other clusters, where that of `settings` has no log yet; the first few. Empty, too,
/// where etcd does not answer, or does not show them to this member.
std::vector<std::string> other_clusters(const EtcdSettings& settings, grid::server::Log& log);

}   // namespace grid::server::cluster
