// server/cluster/etcd/groups.hpp: pages of groups, read from etcd by range.
#pragma once

#include <atomic>
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "server/cluster/etcd/client.hpp"
#include "server/cluster/etcd/values.hpp"
#include "storage/log.hpp"

namespace grid::server::cluster {

/// The head as etcd has it: {} when there is no record; nullopt: not understood.
std::optional<storage::LogHead> head_among(const std::vector<EtcdRecord>& records);

/// The content of one page.
struct GroupPage {
    std::vector<storage::Logged> groups;
    bool is_last = false;         // no group behind them, at `revision`
    std::uint64_t revision = 0;   // of the whole of etcd
};

/// Reads the groups behind a number together with the head, in one transaction: so that a log
/// whose groups are all trimmed is told from one that has ended. How many groups make a page
/// follows their size. Any thread.
class GroupPages {
public:
    boost::json::object request(const EtcdKeys& keys, std::uint64_t after) const;
    /// True: the page was too large for etcd's gateway; the next request is for less.
    bool is_too_large(const EtcdError& error);
    /// Keys behind the head are no part of the log. Errors: Errc::Trimmed: there is a hole behind
    /// `after`, the log ends before it, or the next group is not the one that was written.
    /// Errc::Corrupt: not understood. `why`: for the operator, where somebody has changed the log.
    /// A group is taken when the next one was written after it: so one that was written again is
    /// found.
    storage::Result<GroupPage> page_of(
        const EtcdKeys& keys,
        std::uint64_t after,
        const boost::json::object& answer,
        std::string& why
    );

private:
    void adapt(const std::vector<EtcdRecord>& records);

    std::atomic<std::uint64_t> limit_{4};
};

/// For the operator: that group is not the one that was written.
void log_changed(Log& log, std::uint64_t group, const std::string& why);

/// nullopt: not understood.
std::optional<storage::Logged> logged_of(const EtcdKeys& keys, const EtcdRecord& record);

}   // namespace grid::server::cluster
