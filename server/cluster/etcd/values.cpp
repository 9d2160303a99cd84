// server/cluster/etcd/values.cpp: see values.hpp.
#include "server/cluster/etcd/values.hpp"

#include <charconv>
#include <utility>

#include "xml/base64.hpp"

namespace grid::server::cluster {
namespace {

namespace json = boost::json;

std::optional<std::uint64_t> decimal_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// Takes ` NAME=NUMBER` off the front of `rest`.
std::optional<std::uint64_t> take_number(std::string_view& rest, std::string_view name) {
    const std::string opening = " " + std::string(name) + "=";
    if (!rest.starts_with(opening)) return std::nullopt;
    rest.remove_prefix(opening.size());
    const std::string_view digits = rest.substr(0, rest.find(' '));
    rest.remove_prefix(digits.size());
    return decimal_of(digits);
}

std::optional<std::string> bytes_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return std::string();
    const json::string* text = value->if_string();
    if (text == nullptr) return std::nullopt;
    return xml::parse_base64(*text);
}

std::string text_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    const json::string* text = value == nullptr ? nullptr : value->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

/// Revisions and leases are int64 in etcd, which refuses any comparison with a greater number.
std::uint64_t int64_in(const json::object& object, std::string_view name) {
    const std::uint64_t number = number_in(object, name);
    return number > INT64_MAX ? 0 : number;
}

std::optional<EtcdRecord> record_of(const json::object& object) {
    auto key = bytes_in(object, "key");
    auto value = bytes_in(object, "value");
    if (!key || !value) return std::nullopt;
    return EtcdRecord{
        std::move(*key), std::move(*value), int64_in(object, "create_revision"),
        int64_in(object, "mod_revision"), int64_in(object, "lease")
    };
}

const json::array* array_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value == nullptr ? nullptr : value->if_array();
}

json::object parsed_object(std::string_view text) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    return error || !value.is_object() ? json::object() : std::move(value.as_object());
}

constexpr std::string_view head_version = "v1";

}   // namespace

std::string EtcdKeys::group(std::uint64_t number) const {
    const std::string digits = std::to_string(number);
    return groups() + std::string(20 - digits.size(), '0') + digits;
}

std::optional<std::uint64_t> EtcdKeys::number_of(std::string_view key) const {
    const std::string opening = groups();
    if (!key.starts_with(opening) || key.size() != opening.size() + 20) return std::nullopt;
    return decimal_of(key.substr(opening.size()));
}

std::string encode_head(const storage::LogHead& head) {
    return std::string(head_version) + " term=" + std::to_string(head.term) +
           " leader=" + std::to_string(head.leader) + " revision=" + std::to_string(head.revision) +
           " groups=" + std::to_string(head.groups);
}

std::optional<storage::LogHead> decode_head(std::string_view text) {
    if (!text.starts_with(head_version)) return std::nullopt;
    text.remove_prefix(head_version.size());
    const auto term = take_number(text, "term");
    const auto leader = take_number(text, "leader");
    const auto revision = take_number(text, "revision");
    const auto groups = take_number(text, "groups");
    if (!term || !leader || !revision || !groups || !text.empty()) return std::nullopt;
    return storage::LogHead{0, *term, *leader, *revision, *groups};
}

namespace {

/// As in JSON of etcd, whose numbers have 53 bits.
json::array ids_of(const std::vector<storage::MemberId>& members) {
    json::array ids;
    for (const storage::MemberId id : members) ids.emplace_back(std::to_string(id));
    return ids;
}

std::optional<std::vector<storage::MemberId>> links_in(const json::object& object) {
    const json::array* ids = array_in(object, "links");
    if (ids == nullptr || ids->size() > told_links_most) return std::nullopt;
    std::vector<storage::MemberId> links;
    for (const json::value& value : *ids) {
        const json::string* text = value.if_string();
        const auto id = text == nullptr ? std::nullopt : decimal_of(*text);
        if (!id) return std::nullopt;
        links.push_back(*id);
    }
    return links;
}

}   // namespace

std::string encode_member(const Member& member) {
    json::object record{
        {"version", 1},
        {"id", std::to_string(member.id)},
        {"name", member.name},
        {"address", member.address},
        {"clients", member.clients},
        {"flushed_group", std::to_string(member.flushed_group)},
        {"is_draining", member.is_draining},
        {"has_group", std::to_string(member.has_group)},
    };
    if (member.max_staleness_ms != 0) record["max_staleness_ms"] = member.max_staleness_ms;
    record["has_open_ports"] = member.has_open_ports;
    if (member.links) record["links"] = ids_of(*member.links);
    if (member.needs_group != needs_no_group)
        record["needs_group"] = std::to_string(member.needs_group);
    if (!member.client_cas.empty()) record["client_cas"] = member.client_cas;
    return json::serialize(record);
}

std::optional<Member> decode_member(std::string_view text) {
    const json::object object = parsed_object(text);
    Member member;
    member.id = number_in(object, "id");
    member.name = text_in(object, "name");
    member.address = text_in(object, "address");
    member.clients = text_in(object, "clients");
    member.flushed_group = number_in(object, "flushed_group");
    member.is_draining = is_set(object, "is_draining");
    member.has_group = number_in(object, "has_group");
    const std::uint64_t staleness = number_in(object, "max_staleness_ms");
    if (staleness <= max_staleness_ms_most)
        member.max_staleness_ms = static_cast<std::uint32_t>(staleness);
    // A record of an earlier version does not say.
    if (object.contains("has_open_ports")) member.has_open_ports = is_set(object, "has_open_ports");
    member.links = links_in(object);
    member.client_cas = text_in(object, "client_cas");
    if (object.contains("needs_group")) member.needs_group = number_in(object, "needs_group");
    if (member.id == 0 || member.name.empty()) return std::nullopt;
    return member;
}

std::string encode_leader(const Member& member) {
    return json::serialize(
        json::object{{"version", 1}, {"id", std::to_string(member.id)}, {"name", member.name}}
    );
}

storage::MemberId decode_leader(std::string_view text) {
    return number_in(parsed_object(text), "id");
}

json::object range_request(const std::string& key) {
    return json::object{{"key", xml::to_base64(key)}};
}

json::object range_request(const std::string& key, const std::string& end, std::uint64_t limit) {
    json::object request{{"key", xml::to_base64(key)}, {"range_end", xml::to_base64(end)}};
    if (limit != 0) request["limit"] = std::to_string(limit);
    return request;
}

json::object put_request(const std::string& key, std::string_view value, std::uint64_t lease) {
    json::object request{{"key", xml::to_base64(key)}, {"value", xml::to_base64(value)}};
    if (lease != 0) request["lease"] = std::to_string(lease);
    return request;
}

json::object delete_request(const std::string& key, const std::string& end) {
    json::object request{{"key", xml::to_base64(key)}};
    if (!end.empty()) request["range_end"] = xml::to_base64(end);
    return request;
}

json::object equals(const std::string& key, Compared compared, std::uint64_t value) {
    static constexpr std::pair<const char*, const char*> names[] = {
        {"MOD", "mod_revision"}, {"CREATE", "create_revision"}, {"LEASE", "lease"}
    };
    const auto& [target, field] = names[static_cast<std::size_t>(compared)];
    return json::object{
        {"key", xml::to_base64(key)},
        {"target", target},
        {"result", "EQUAL"},
        {field, std::to_string(value)},
    };
}

json::object ranged(json::object range) {
    return json::object{{"request_range", std::move(range)}};
}

json::object putting(json::object put) { return json::object{{"request_put", std::move(put)}}; }

json::object deleting(json::object deletion) {
    return json::object{{"request_delete_range", std::move(deletion)}};
}

json::object txn_request(json::array compare, json::array then, json::array otherwise) {
    return json::object{
        {"compare", std::move(compare)},
        {"success", std::move(then)},
        {"failure", std::move(otherwise)},
    };
}

json::object watch_request(
    const std::string& key, const std::string& end, std::uint64_t from_revision, bool with_deletions
) {
    // A large change comes in parts instead of being refused by the gateway.
    json::object creation{{"key", xml::to_base64(key)}, {"fragment", true}};
    if (!end.empty()) creation["range_end"] = xml::to_base64(end);
    if (from_revision != 0) creation["start_revision"] = std::to_string(from_revision);
    if (!with_deletions) creation["filters"] = json::array{"NODELETE"};
    return json::object{{"create_request", std::move(creation)}};
}

std::uint64_t number_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return 0;
    if (const json::string* text = value->if_string()) return decimal_of(*text).value_or(0);
    boost::system::error_code error;
    const auto number = value->to_number<std::uint64_t>(error);
    return error ? 0 : number;
}

bool is_set(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

const json::object* object_in(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value == nullptr ? nullptr : value->if_object();
}

std::uint64_t revision_of(const json::object& answer) {
    const json::object* header = object_in(answer, "header");
    return header == nullptr ? 0 : int64_in(*header, "revision");
}

std::optional<std::vector<EtcdRecord>> records_of(const json::object& range) {
    std::vector<EtcdRecord> records;
    const json::array* found = array_in(range, "kvs");
    if (found == nullptr) return records;
    records.reserve(found->size());
    for (const json::value& value : *found) {
        const json::object* object = value.if_object();
        auto record = object == nullptr ? std::nullopt : record_of(*object);
        if (!record) return std::nullopt;
        records.push_back(std::move(*record));
    }
    return records;
}

std::optional<std::vector<EtcdRecord>> records_of(
    const json::object& transaction, std::size_t place
) {
    const json::array* responses = array_in(transaction, "responses");
    if (responses == nullptr || responses->size() <= place) return std::nullopt;
    const json::object* response = (*responses)[place].if_object();
    const json::object* range =
        response == nullptr ? nullptr : object_in(*response, "response_range");
    if (range == nullptr) return std::nullopt;
    return records_of(*range);
}

std::optional<std::vector<EtcdRecord>> puts_of(const json::object& watched) {
    std::vector<EtcdRecord> records;
    const json::array* events = array_in(watched, "events");
    if (events == nullptr) return records;
    for (const json::value& value : *events) {
        const json::object* event = value.if_object();
        if (event == nullptr) return std::nullopt;
        if (text_in(*event, "type") == "DELETE") continue;   // PUT is the default, and left out
        const json::object* object = object_in(*event, "kv");
        auto record = object == nullptr ? std::nullopt : record_of(*object);
        if (!record) return std::nullopt;
        records.push_back(std::move(*record));
    }
    return records;
}

}   // namespace grid::server::cluster
