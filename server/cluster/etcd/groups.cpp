// server/cluster/etcd/groups.cpp: see groups.hpp.
#include "server/cluster/etcd/groups.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

namespace grid::server::cluster {
namespace {

namespace json = boost::json;
using storage::Errc;

constexpr std::uint64_t page_bytes_wanted = 2UL * 1024 * 1024;
constexpr std::uint64_t page_groups_max = 512;

/// The bytes are those that some version of gridd wrote: the last eight are of the hash of the
/// others.
bool is_intact(std::string_view bytes) {
    constexpr std::size_t checksum_bytes = 8;
    if (bytes.size() <= checksum_bytes) return false;
    const std::string_view body = bytes.substr(0, bytes.size() - checksum_bytes);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    ::SHA256(reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data());
    return std::equal(
        bytes.end() - checksum_bytes, bytes.end(), digest.begin(),
        [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; }
    );
}

}   // namespace

std::optional<storage::LogHead> head_among(const std::vector<EtcdRecord>& records) {
    if (records.empty()) return storage::LogHead{};
    auto head = decode_head(records.front().value);
    if (head) head->version = records.front().mod_revision;
    return head;
}

void log_changed(Log& log, std::uint64_t group, const std::string& why) {
    log.fold(
        Level::Error, "etcd_log_changed",
        {{"group", std::to_string(group)},
         {"reason", server::quoted(why)},
         {"do", "see who has certificates for etcd: somebody has changed the cluster's log there"}}
    );
}

std::optional<storage::Logged> logged_of(const EtcdKeys& keys, const EtcdRecord& record) {
    const auto number = keys.number_of(record.key);
    auto group = storage::decode_log_group(record.value);
    if (!number || !group) return std::nullopt;
    return storage::Logged{*number, record.mod_revision, std::move(*group)};
}

json::object GroupPages::request(const EtcdKeys& keys, std::uint64_t after) const {
    return txn_request(
        {}, {ranged(range_request(keys.group(after + 1), keys.groups_end(), limit_ + 1)),
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
    const EtcdKeys& keys, std::uint64_t after, const json::object& answer, std::string& why
) {
    const auto records = records_of(answer, 0), heads = records_of(answer, 1);
    const auto head = heads ? head_among(*heads) : std::nullopt;
    if (!records || !head) {
        why = "the head is not understood";
        return make_error_code(Errc::Corrupt);
    }
    if (head->groups < after) {
        why = "the head has " + std::to_string(head->groups) + " groups, fewer than were read";
        return make_error_code(Errc::Trimmed);
    }
    GroupPage page;
    std::uint64_t written = 0;
    for (const EtcdRecord& record : *records) {
        const std::uint64_t number = after + page.groups.size() + 1;
        if (number > head->groups) break;
        if (keys.number_of(record.key) != number) return make_error_code(Errc::Trimmed);
        const bool is_in_order = record.mod_revision > written &&
                                 (number == head->groups ? record.mod_revision == head->version
                                                         : record.mod_revision < head->version);
        auto logged = logged_of(keys, record);
        if (!logged && is_intact(record.value)) {
            why = "it is of a newer version of gridd";
            return make_error_code(Errc::Corrupt);
        }
        if (!logged || !is_in_order) {
            why = logged ? "it was written again, after those behind it"
                         : "its bytes are not those of a group";
            return make_error_code(Errc::Trimmed);
        }
        written = record.mod_revision;
        page.groups.push_back(std::move(*logged));
    }
    const bool is_whole = after + page.groups.size() == head->groups;
    if (!is_whole && page.groups.size() > 1) page.groups.pop_back();
    if (page.groups.empty() && head->groups > after) return make_error_code(Errc::Trimmed);
    adapt(*records);
    page.is_last = is_whole;
    page.revision = revision_of(answer);
    return page;
}

}   // namespace grid::server::cluster
