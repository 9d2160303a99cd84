// tests/unit/server/cluster/etcd_values_test.cpp: keys and values in etcd, and its JSON.
#include "server/cluster/etcd/values.hpp"

#include <catch2/catch.hpp>

#include "server/cluster/etcd/groups.hpp"

namespace etcd_values_test {

using namespace grid::server::cluster;
using grid::storage::LogHead;
namespace json = boost::json;

namespace {

json::object object_of(std::string_view text) { return json::parse(text).as_object(); }

}   // namespace

TEST_CASE("the order of the keys of groups is that of their numbers", "[etcd]") {
    const EtcdKeys keys("east");
    CHECK(keys.group(7) == "/gridd/east/log/00000000000000000007");
    CHECK(keys.group(99) < keys.group(100));
    CHECK(keys.group(UINT64_MAX) < keys.groups_end());
    CHECK(keys.number_of(keys.group(UINT64_MAX)) == UINT64_MAX);
    CHECK_FALSE(keys.number_of("/gridd/east/log/7"));
    CHECK_FALSE(keys.number_of("/gridd/west/log/00000000000000000007"));
    CHECK(keys.members() < keys.member("a"));
    CHECK(keys.member("zz") < keys.members_end());
}

TEST_CASE("a head is read back, and nothing else is taken for one", "[etcd]") {
    const LogHead head{0, 3, UINT64_MAX, 77, 12};
    const std::string text = encode_head(head);
    CHECK(text == "v1 term=3 leader=18446744073709551615 revision=77 groups=12");
    const auto read = decode_head(text);
    REQUIRE(read.has_value());
    CHECK(read->term == 3);
    CHECK(read->leader == UINT64_MAX);
    CHECK(read->revision == 77);
    CHECK(read->groups == 12);
    for (const char* wrong :
         {"", "v1", "v2 term=3 leader=1 revision=77 groups=12", "v1 term=3 leader=1 revision=77",
          "v1 term=3 leader=1 revision=77 groups=12 more=1",
          "v1 term=-3 leader=1 revision=77 groups=12", "v1 term= leader=1 revision=77 groups=12",
          "v1 term=3 leader=18446744073709551616 revision=77 groups=12"})
        CHECK_FALSE(decode_head(wrong).has_value());
}

TEST_CASE("a member is read back, with numbers of 64 bits", "[etcd]") {
    const Member member{UINT64_MAX - 1, "n1", "10.0.0.1:5280", "n1.example:5222", 42, true};
    const auto read = decode_member(encode_member(member));
    REQUIRE(read.has_value());
    CHECK(read->id == member.id);
    CHECK(read->name == "n1");
    CHECK(read->address == member.address);
    CHECK(read->clients == member.clients);
    CHECK(read->flushed_group == 42);
    CHECK(read->is_draining);
    CHECK(read->needs_group == needs_no_group);
    Member starting = member;
    starting.needs_group = 0;
    starting.has_group = 41;
    starting.max_staleness_ms = 9'000;
    starting.has_open_ports = false;
    starting.links = {1, UINT64_MAX - 2};
    starting.client_cas = "0123456789abcdef";
    const auto again = decode_member(encode_member(starting));
    REQUIRE(again.has_value());
    CHECK(again->needs_group == 0);
    CHECK(again->has_group == 41);
    CHECK(again->max_staleness_ms == 9'000);
    CHECK_FALSE(again->has_open_ports);
    CHECK(again->links == starting.links);
    CHECK(again->client_cas == starting.client_cas);
    // Of an earlier version.
    const auto earlier = decode_member(R"({"id":"1","name":"n1"})");
    REQUIRE(earlier.has_value());
    CHECK(earlier->max_staleness_ms == 0);
    CHECK(earlier->has_open_ports);
    CHECK_FALSE(earlier->links.has_value());
    for (const char* wrong : {R"("1")", R"([1])", R"(["x"])"})
        CHECK_FALSE(decode_member(R"({"id":"1","name":"n1","links":)" + std::string(wrong) + "}")
                        ->links.has_value());
    CHECK(decode_leader(encode_leader(member)) == member.id);
    for (const char* wrong : {"", "[]", "{", "{}", R"({"id":"0","name":"n1"})", R"({"id":"1"})"})
        CHECK_FALSE(decode_member(wrong).has_value());
    CHECK(decode_leader("?") == 0);
}

TEST_CASE("revisions and leases that etcd cannot have are none", "[etcd]") {
    const auto revision = [](const char* text) {
        return revision_of(object_of(std::string(R"({"header":{"revision":)") + text + "}}"));
    };
    CHECK(revision(R"("9223372036854775807")") == INT64_MAX);
    for (const char* wrong :
         {R"("9223372036854775808")", R"("18446744073709551615")", R"("-1")", "1e300", "true",
          R"("")"})
        CHECK(revision(wrong) == 0);
    const auto records = records_of(
        object_of(R"({"kvs":[{"key":"aw==","mod_revision":"9223372036854775808","lease":"7"}]})")
    );
    REQUIRE(records.has_value());
    CHECK(records->front().mod_revision == 0);
    CHECK(records->front().lease == 7);
}

TEST_CASE("requests have base64 and numbers as strings", "[etcd]") {
    CHECK(
        json::serialize(equals("k", Compared::ModRevision, UINT64_MAX)) ==
        R"({"key":"aw==","target":"MOD","result":"EQUAL","mod_revision":"18446744073709551615"})"
    );
    CHECK(
        json::serialize(txn_request({}, {ranged(range_request("a", "b", 3))})) ==
        R"({"compare":[],"success":[{"request_range":)"
        R"({"key":"YQ==","range_end":"Yg==","limit":"3"}}],"failure":[]})"
    );
    CHECK(json::serialize(put_request("k", "", 0)) == R"({"key":"aw==","value":""})");
    CHECK(
        json::serialize(watch_request("a", "b", 9, false)) ==
        R"({"create_request":{"key":"YQ==","fragment":true,"range_end":"Yg==",)"
        R"("start_revision":"9","filters":["NODELETE"]}})"
    );
}

TEST_CASE("what etcd leaves out of an answer is 0, false or empty", "[etcd]") {
    const auto empty = object_of(R"({"header":{"revision":"5"}})");
    CHECK(revision_of(empty) == 5);
    CHECK_FALSE(is_set(empty, "succeeded"));
    const auto none = records_of(empty);
    REQUIRE(none.has_value());
    CHECK(none->empty());
    CHECK_FALSE(records_of(empty, 0).has_value());

    const auto found = records_of(object_of(
        R"({"kvs":[{"key":"aw==","mod_revision":"7","create_revision":"6","value":"dg=="}]})"
    ));
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK(found->front().key == "k");
    CHECK(found->front().value == "v");
    CHECK(found->front().mod_revision == 7);
    CHECK(found->front().lease == 0);
    CHECK_FALSE(records_of(object_of(R"({"kvs":[{"key":"not base64"}]})")).has_value());
    CHECK_FALSE(records_of(object_of(R"({"kvs":[7]})")).has_value());
}

TEST_CASE("a message of a watch brings what was put, without what was deleted", "[etcd]") {
    const auto puts = puts_of(object_of(
        R"({"events":[{"type":"DELETE","kv":{"key":"ZA=="}},{"kv":{"key":"aw==","value":"dg=="}}]})"
    ));
    REQUIRE(puts.has_value());
    REQUIRE(puts->size() == 1);
    CHECK(puts->front().key == "k");
    CHECK_FALSE(puts_of(object_of(R"({"events":[{}]})")).has_value());
}

TEST_CASE("a hole in a page of groups is no end of the log", "[etcd]") {
    const EtcdKeys keys("east");
    GroupPages pages;
    std::string why;
    const auto answer = [](std::uint64_t groups) {
        LogHead head;
        head.groups = groups;
        return json::object{
            {"responses",
             json::array{
                 json::object{{"response_range", json::object{}}},
                 json::object{
                     {"response_range",
                      json::object{{"kvs", json::array{put_request("h", encode_head(head))}}}}
                 }
             }}
        };
    };
    const auto end = pages.page_of(keys, 4, answer(4), why);
    REQUIRE(end.has_value());
    CHECK(end->is_last);
    CHECK(end->groups.empty());
    CHECK(pages.page_of(keys, 3, answer(4), why).error() == grid::storage::Errc::Trimmed);
    // The log of another cluster, or one that was restored from an older copy.
    CHECK(pages.page_of(keys, 5, answer(4), why).error() == grid::storage::Errc::Trimmed);
}

TEST_CASE("an endpoint is https, or http on loopback", "[etcd]") {
    const auto endpoint = parse_etcd_endpoint("https://etcd-1.example:2379");
    REQUIRE(endpoint.has_value());
    CHECK(endpoint->host == "etcd-1.example");
    CHECK(endpoint->port == "2379");
    CHECK(endpoint->is_tls);
    CHECK(parse_etcd_endpoint("https://[2001:db8::1]:2379")->host == "2001:db8::1");
    CHECK(endpoint_fault("http://127.0.0.1:2379").empty());
    CHECK(endpoint_fault("http://[::1]:2379").empty());
    CHECK(endpoint_fault("http://localhost:2379").empty());
    for (const char* wrong :
         {"http://10.0.0.1:2379", "http://etcd-1.example:2379", "https://etcd-1.example",
          "https://:2379", "etcd-1.example:2379", "https://etcd-1.example:2379/", "https://a:x"})
        CHECK_FALSE(endpoint_fault(wrong).empty());
}

}   // namespace etcd_values_test
