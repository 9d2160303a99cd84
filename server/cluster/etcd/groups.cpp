// server/cluster/etcd/groups.cpp: see groups.hpp.
#include "server/cluster/etcd/groups.hpp"

#include <algorithm>
#include <utility>

namespace grid::server::cluster {
namespace {

namespace json = boost::json;
using storage::Errc;

constexpr std::uint64_t page_bytes_wanted = 2UL * 1024 * 1024;
constexpr std::uint64_t page_groups_max = 512;

}   // namespace

std::optional<storage::LogHead> head_among(const std::vector<EtcdRecord>& records) {
    if (records.empty()) return storage::LogHead{};
    auto head = decode_head(records.front().value);
    if (head) head->version = records.front().mod_revision;
    return head;
}

std::optional<storage::Logged> logged_of(const EtcdKeys& keys, const EtcdRecord& record) {
    const auto number = keys.number_of(record.key);
    auto group = storage::decode_log_group(record.value);
    if (!number || !group) return std::nullopt;
    return storage::Logged{*number, record.mod_revision, std::move(*group)};
}

json::object GroupPages::request(const EtcdKeys& keys, std::uint64_t after) const {
    return txn_request(
        {}, {ranged(range_request(keys.group(after + 1), keys.groups_end(), limit_)),
             ranged(range_request(keys.head()))}
    );
}

bool GroupPages::is_too_large(const EtcdError& error) {
    if (!error.is(grpc::resource_exhausted) || limit_ <= 1) return false;
    limit_ = std::max<std::uint64_t>(1, limit_ / 2);
    return true;
}

void GroupPages::adapt(const std::vector<EtcdRecord>& records) {
    if (records.empty()) return;
    std::uint64_t bytes = 0;
    for (const EtcdRecord& record : records) bytes += record.value.size();
    const std::uint64_t each = bytes / records.size() + 1;
    // At most twice as many as before: the next groups may be larger.
    limit_ = std::clamp<std::uint64_t>(
        page_bytes_wanted / each, 1, std::min(page_groups_max, 2 * limit_.load())
    );
}

storage::Result<GroupPage> GroupPages::page_of(
    const EtcdKeys& keys, std::uint64_t after, const json::object& answer
) {
    const auto records = records_of(answer, 0), heads = records_of(answer, 1);
    const auto head = heads ? head_among(*heads) : std::nullopt;
    if (!records || !head) return make_error_code(Errc::Corrupt);
    if (head->groups < after) return make_error_code(Errc::Trimmed);
    GroupPage page;
    for (const EtcdRecord& record : *records) {
        auto logged = logged_of(keys, record);
        if (!logged) return make_error_code(Errc::Corrupt);
        if (logged->number != after + page.groups.size() + 1) return make_error_code(Errc::Trimmed);
        page.groups.push_back(std::move(*logged));
    }
    if (page.groups.empty() && head->groups > after) return make_error_code(Errc::Trimmed);
    adapt(*records);
    page.is_last = after + page.groups.size() == head->groups;
    page.revision = revision_of(answer);
    return page;
}

}   // namespace grid::server::cluster
