// server/cluster/etcd/values.hpp: keys and values in etcd, requests to it and answers of it, as
// JSON.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cluster/member.hpp"
#include "storage/log.hpp"

namespace grid::server::cluster {

/// The keys of one cluster. All begin with `/gridd/NAME/`.
class EtcdKeys {
public:
    explicit EtcdKeys(const std::string& cluster) : prefix_("/gridd/" + cluster + "/") {}

    /// The first key behind all of them; '0' follows '/'.
    std::string end() const { return prefix_.substr(0, prefix_.size() - 1) + "0"; }
    std::string head() const { return prefix_ + "head"; }
    std::string leader() const { return prefix_ + "leader"; }
    std::string member(const std::string& name) const { return members() + name; }
    std::string members() const { return prefix_ + "members/"; }
    /// Of a member's number (number_of): there as long as the member is.
    std::string number(std::uint64_t number) const {
        return prefix_ + "numbers/" + std::to_string(number);
    }
    /// The first key behind those of members; '0' follows '/'.
    std::string members_end() const { return prefix_ + "members0"; }
    /// 20 digits, so that the order of the keys is that of the numbers.
    std::string group(std::uint64_t number) const;
    std::string groups_end() const { return prefix_ + "log0"; }
    std::optional<std::uint64_t> number_of(std::string_view key) const;

private:
    std::string groups() const { return prefix_ + "log/"; }

    std::string prefix_;
};

/// The value of `head`, as text for operators; the version is etcd's own.
std::string encode_head(const storage::LogHead& head);
std::optional<storage::LogHead> decode_head(std::string_view text);

/// The value of `members/NAME`: a JSON object.
std::string encode_member(const Member& member);
std::optional<Member> decode_member(std::string_view text);

/// The value of `leader`: a JSON object with the id and the name of a member.
std::string encode_leader(const Member& member);
/// 0: not understood.
storage::MemberId decode_leader(std::string_view text);

// Requests. 64-bit numbers are strings in the JSON of etcd, and bytes are base64.

boost::json::object range_request(const std::string& key);
/// Keys in [key, end) in their order; 0: no limit.
boost::json::object range_request(
    const std::string& key, const std::string& end, std::uint64_t limit
);
/// lease 0: none.
boost::json::object put_request(
    const std::string& key, std::string_view value, std::uint64_t lease = 0
);
boost::json::object delete_request(const std::string& key, const std::string& end = {});

/// The number of a key that a transaction compares; all are 0 where there is no such key.
enum class Compared { ModRevision, CreateRevision, Lease };
boost::json::object equals(const std::string& key, Compared compared, std::uint64_t value);

/// Parts of a transaction.
boost::json::object ranged(boost::json::object range);
boost::json::object putting(boost::json::object put);
boost::json::object deleting(boost::json::object deletion);
boost::json::object txn_request(
    boost::json::array compare, boost::json::array then, boost::json::array otherwise = {}
);

/// Watches [key, end), `key` alone when `end` is empty; from_revision 0: from now on.
boost::json::object watch_request(
    const std::string& key, const std::string& end, std::uint64_t from_revision, bool with_deletions
);

// Answers. Members that are 0, false or empty are left out by etcd.

/// A key with its value.
struct EtcdRecord {
    std::string key, value;
    std::uint64_t create_revision = 0, mod_revision = 0, lease = 0;
};

/// 0 when it is not there or no number.
std::uint64_t number_in(const boost::json::object& object, std::string_view name);
bool is_set(const boost::json::object& object, std::string_view name);
/// Nullptr when it is not there or no object.
const boost::json::object* object_in(const boost::json::object& object, std::string_view name);
/// Of the whole store, at the answer.
std::uint64_t revision_of(const boost::json::object& answer);
/// Of the answer to a range; nullopt when one is not understood.
std::optional<std::vector<EtcdRecord>> records_of(const boost::json::object& range);
/// The answer to the range at this place of a transaction; nullopt when there is none.
std::optional<std::vector<EtcdRecord>> records_of(
    const boost::json::object& transaction, std::size_t place
);
/// The keys that were put, of one message of a watch; nullopt when one is not understood.
std::optional<std::vector<EtcdRecord>> puts_of(const boost::json::object& watched);

}   // namespace grid::server::cluster
