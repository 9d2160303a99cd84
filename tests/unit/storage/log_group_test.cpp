// tests/unit/storage/log_group_test.cpp: groups of the log and messages between stores as bytes.
#include "storage/log_group.hpp"

#include <catch2/catch.hpp>

#include "storage/batch_codec.hpp"
#include "storage/store_messages.hpp"

namespace log_group_test {

using namespace grid::storage;

namespace {

Batch some_batch() {
    Batch batch;
    batch.put(Family::Control, "nKey", std::string("va\0lue", 6));
    batch.put_at_revision(Family::Payload, "p" + std::string(8, '\0') + "x", 1, "payload");
    batch.operations.back().also_revision_at = 2;
    batch.erase(Family::Index, "iGone").cut("a", "b").expect(Family::Audit, "key", 77);
    batch.event = "event";
    return batch;
}

LogGroup some_group() {
    LogGroup group{7, 0xfeed, 41, 44, 1'700'000'000'123, {}, {}, "0123456789abcdef", 3, {}};
    group.link = {5, 600, {}};
    group.link.hash.fill('\x8f');
    group.steps.add({40, 1'600'000'000'000});
    group.entries.push_back({1, 2, 3, 42, 1'700'000'000'122, some_batch()});
    Batch soft;
    soft.is_volatile = true;
    group.entries.push_back({~0UL, ~0UL, ~0UL, 44, -5, std::move(soft)});
    return group;
}

void check_same(const Batch& read, const Batch& written, bool with_expectations) {
    CHECK(read.event == written.event);
    CHECK(read.is_volatile == written.is_volatile);
    REQUIRE(read.operations.size() == written.operations.size());
    for (std::size_t i = 0; i < read.operations.size(); ++i) {
        const Write &a = read.operations[i], &b = written.operations[i];
        CHECK(a.family == b.family);
        CHECK(a.erase == b.erase);
        CHECK(a.key == b.key);
        CHECK(a.value == b.value);
        CHECK(a.revision_at == b.revision_at);
        CHECK(a.also_revision_at == b.also_revision_at);
    }
    REQUIRE(read.expectations.size() == (with_expectations ? written.expectations.size() : 0));
    for (std::size_t i = 0; i < read.expectations.size(); ++i) {
        CHECK(read.expectations[i].family == written.expectations[i].family);
        CHECK(read.expectations[i].key == written.expectations[i].key);
        CHECK(read.expectations[i].revision == written.expectations[i].revision);
    }
}

}   // namespace

TEST_CASE("a group is read as it was written, but for expectations", "[log]") {
    const LogGroup group = some_group();
    const auto read = decode_log_group(encode(group));
    REQUIRE(read);
    CHECK(read->term == group.term);
    CHECK(read->leader == group.leader);
    CHECK(read->before == group.before);
    CHECK(read->head == group.head);
    CHECK(read->time == group.time);
    CHECK(read->link == group.link);
    CHECK(read->steps == group.steps);
    CHECK(read->store_id == group.store_id);
    CHECK(read->epoch == group.epoch);
    REQUIRE(read->entries.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        const LogEntry &a = read->entries[i], &b = group.entries[i];
        CHECK(a.origin == b.origin);
        CHECK(a.number == b.number);
        CHECK(a.ticket == b.ticket);
        CHECK(a.revision == b.revision);
        CHECK(a.time == b.time);
        check_same(a.batch, b.batch, false);
    }
}

TEST_CASE("a group that is cut off, longer or damaged anywhere is no group", "[log]") {
    const std::string bytes = encode(some_group());
    for (std::size_t size = 0; size < bytes.size(); ++size)
        REQUIRE_FALSE(decode_log_group(std::string_view(bytes).substr(0, size)));
    CHECK_FALSE(decode_log_group(bytes + "x"));
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            REQUIRE_FALSE(decode_log_group(damaged));
        }
}

TEST_CASE("a group whose revisions do not rise from head to head is no group", "[log]") {
    LogGroup group = some_group();
    group.before = 42;
    CHECK_FALSE(decode_log_group(encode(group)));
    group = some_group();
    group.head = 45;
    CHECK_FALSE(decode_log_group(encode(group)));
    group = some_group();
    std::swap(group.entries[0].revision, group.entries[1].revision);
    CHECK_FALSE(decode_log_group(encode(group)));
    group = some_group();
    group.entries.clear();
    CHECK_FALSE(decode_log_group(encode(group)));
    group.before = group.head;
    CHECK(decode_log_group(encode(group)));
}

TEST_CASE("a damaged batch is refused or is within the bounds of batches", "[log]") {
    Encoder out;
    encode(out, some_batch(), Expectations::With);
    const std::string bytes = out.take();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        Decoder in(std::string_view(bytes).substr(0, size));
        Batch batch;
        CHECK_FALSE(decode(in, batch));
    }
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            std::string damaged = bytes;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
            Decoder in(damaged);
            Batch batch;
            if (!decode(in, batch)) continue;
            CHECK(batch.operations.size() <= batch_operations_max);
            for (const Write& one : batch.operations) {
                CHECK(static_cast<std::size_t>(one.family) < family_count);
                CHECK(
                    (one.revision_at < 0 ||
                     static_cast<std::size_t>(one.revision_at) + 8 <= one.key.size())
                );
            }
        }
}

TEST_CASE("messages between stores are read as they were written, and whole", "[log]") {
    BatchesMessage batches{1, 2, 3, 4, {}};
    batches.batches.push_back({5, 6, {7, 8}, some_batch()});
    batches.batches.push_back({9, 10, {~0UL, ~0UL}, {}});
    RefusalsMessage refusals{1, {{2, Errc::Conflict, "detail", 3}, {4, Errc::OtherHistory, "", 5}}};
    for (const StoreMessage& message :
         {StoreMessage(batches), StoreMessage(refusals), StoreMessage(LostMessage{1, 2})}) {
        const std::string bytes = encode(message);
        const auto read = decode_store_message(bytes);
        REQUIRE(read);
        REQUIRE(read->index() == message.index());
        CHECK(encode(*read) == bytes);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            REQUIRE_FALSE(decode_store_message(std::string_view(bytes).substr(0, size)));
        CHECK_FALSE(decode_store_message(bytes + "x"));
    }
    const auto read = decode_store_message(encode(StoreMessage(batches)));
    check_same(std::get<BatchesMessage>(*read).batches.at(0).batch, some_batch(), true);
}

}   // namespace log_group_test
