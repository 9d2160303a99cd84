// server/cluster/cluster_advice.cpp: faults of a cluster that operators should mend: endpoints of
// two etcds, a new name, no link to any member, members that trust other CAs for clients.
#include <algorithm>
#include <map>

#include "server/cluster/cluster.hpp"
#include "server/cluster/etcd/survey.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/pem_file.hpp"

namespace grid::server::cluster {

namespace {

/// A start takes that long until its links stand.
constexpr auto alone_for = std::chrono::seconds(3);
/// The reasons may change with each try.
constexpr auto alone_told_every = std::chrono::seconds(10);

std::string listed(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return all;
}

}   // namespace

std::string why_no_link(const std::vector<LinkStatus>& links) {
    if (links.empty()) return {};
    std::string all;
    for (const LinkStatus& link : links) {
        if (link.is_up) return {};
        all += (all.empty() ? "" : "; ") + link.member.name + " (" + link.member.address +
               "): " + (link.failure.empty() ? "it has not connected" : link.failure);
    }
    return "no connection to any other member of the cluster: " + all;
}

/// Once etcd answers, and before anything but the record of this member is written.
Result<void, std::string> Cluster::look_at_etcd() {
    if (std::string why = why_not_one_etcd(etcds_at(etcd_settings())); !why.empty())
        return {boost::system::in_place_error, "cluster.etcd: " + why};
    const std::string& name = config_.cluster.name;
    const auto others = other_clusters(etcd_settings(), log_);
    if (!others.empty())
        log_.warn(
            "cluster_name_new",
            {{"cluster", name},
             {"others", listed(others)},
             {"do",
              "a new grid is made under this name, beside those. If this member was to join one of "
              "them: end it, correct cluster.name, and remove its data directory and the keys "
              "below /gridd/" +
                  name + "/ in etcd"}}
        );
    return {};
}

/// On the cluster's thread.
void Cluster::note_no_link(const std::vector<LinkStatus>& links) {
    const auto now = Clock::now();
    std::string why = why_no_link(links);
    if (why.empty())
        alone_since_.reset();
    else if (!alone_since_)
        alone_since_ = now;
    if (alone_since_ && now < *alone_since_ + alone_for) return;
    {
        const std::lock_guard lock(mutex_);
        no_link_ = why;
    }
    if (why.empty()) {
        alone_told_.clear();
        return;
    }
    if (why == alone_told_ || (!alone_told_.empty() && now < alone_told_at_ + alone_told_every))
        return;
    alone_told_ = why;
    alone_told_at_ = now;
    log_.error(
        "cluster_no_link",
        {{"reason", why},
         {"do",
          "see listen.cluster, cluster.address, cluster.ca and the certificates of both sides, "
          "and the network between them"}}
    );
}

void Cluster::tell_client_cas(const std::string& file) {
    const auto read = tls::read_certificates(file);
    if (!read) return;   // said by those who trust them
    std::string mark = tls::fingerprint_of_all(*read);
    {
        const std::lock_guard lock(mutex_);
        client_cas_ = mark;
    }
    post([this, mark = std::move(mark)] {
        self_.client_cas = mark;
        roster_->update(self_);
    });
}

/// Under the lock.
std::vector<std::string> Cluster::warnings() const {
    std::vector<std::string> others;
    for (const Member& member : members_)
        if (!member.client_cas.empty() && !client_cas_.empty() && member.client_cas != client_cas_)
            others.push_back(member.name);
    std::ranges::sort(others);
    if (others.empty()) return {};
    return {
        "other CAs are trusted for clients at " + listed(others) + " than at " + self_.name +
        ": a client that one member lets in another one refuses; give all members the same "
        "tls.client_ca"
    };
}

}   // namespace grid::server::cluster
