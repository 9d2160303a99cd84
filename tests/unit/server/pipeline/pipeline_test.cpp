// tests/unit/server/pipeline/pipeline_test.cpp: the order of requests when many change the same
// record.
#include "server/pipeline/pipeline.hpp"

#include <boost/asio.hpp>
#include <catch2/catch.hpp>

#include "server/guarded_run.hpp"
#include "server/pipeline/storage_error.hpp"
#include "storage/memory_store.hpp"

namespace pipeline_test {

using namespace grid::server;
using grid::pubsub::Order;
using grid::storage::Family;

namespace {

const std::string key = "k";

Pipeline::Post posts_to(boost::asio::io_context& context) {
    return [&context](std::function<void()> work) { boost::asio::post(context, std::move(work)); };
}

/// Knows the revision of one key, as memory does.
struct Memory final : CommitObserver {
    void apply(const grid::storage::KeyChange& change) override {
        revision = change.record ? change.record->revision : 0;
    }
    void notify(const grid::storage::Committed&) override {}
    bool deliver(std::chrono::steady_clock::time_point) override { return true; }
    void flush() override {}
    grid::storage::Revision rebuild() override { return 0; }
    grid::storage::Revision revision = 0;
};

/// Rewrites the key, if it is as it was when this was decided, or in any case.
struct Change final : Transaction {
    Change(const Memory& m, bool expects, std::string& log, char n)
        : memory(m), is_expecting(expects), answers(log), name(n) {}
    Next decide() override { return Next::Commit; }
    grid::storage::Batch take_batch() override {
        grid::storage::Batch batch;
        if (is_expecting) batch.expect(Family::Control, key, memory.revision);
        batch.put(Family::Control, key, std::string(1, name));
        return batch;
    }
    void read(const grid::storage::Snapshot&) override {}
    void refuse(boost::system::error_code) override { name = 'R'; }
    void answer() override { answers += name; }
    const Memory& memory;
    bool is_expecting;
    std::string& answers;
    char name;
};

}   // namespace

TEST_CASE("who conflicts again and again is decided alone, and the others after it") {
    boost::asio::io_context context;
    grid::storage::MemoryStore::Options options;
    options.run_at_once = false;
    grid::storage::MemoryStore store(options);
    Memory memory;
    Log log(LogSettings{"off", "text"});
    auto pipeline = std::make_shared<Pipeline>(posts_to(context), store, memory, log);
    store.start([&](auto entries) { pipeline->on_feed(std::move(entries)); });
    std::string answers;
    auto busy = std::make_shared<SenderQueue>(1), slow = std::make_shared<SenderQueue>(2);
    // Each is sent when the one before it is answered, ahead of the slow one's next attempt.
    for (int i = 0; i < 20; ++i) busy->push(std::make_unique<Change>(memory, false, answers, 'b'));
    slow->push(std::make_unique<Change>(memory, true, answers, 's'));
    pipeline->advance(busy);   // four before it, and one that is in flight already
    pipeline->advance(slow);
    for (int i = 0; i < 100 && answers.size() < 21; ++i) {
        store.run();
        context.restart();
        context.poll();
    }
    // At the latest then: a turn that a busy machine cuts short lets the slow one in earlier.
    CHECK(answers.find('s') <= 5);
    CHECK(answers.size() == 21);
}

namespace {

/// Takes longer than a turn, or as long as it is told.
struct Slow final : Transaction {
    Slow(std::string& log, char n, std::chrono::microseconds t = std::chrono::milliseconds(2))
        : answers(log), name(n), time(t) {}
    Next decide() override {
        const auto until = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < until) continue;
        return Next::Answer;
    }
    grid::storage::Batch take_batch() override { return {}; }
    void read(const grid::storage::Snapshot&) override {}
    void refuse(boost::system::error_code) override {}
    void answer() override { answers += name; }
    std::string& answers;
    char name;
    std::chrono::microseconds time;
};

/// The pipeline with nothing in the way of its turns.
struct Turns {
    boost::asio::io_context context;
    grid::storage::MemoryStore store{grid::storage::MemoryStore::Options{}};
    Memory memory;
    Log log{LogSettings{"off", "text"}};
    std::shared_ptr<Pipeline> pipeline =
        std::make_shared<Pipeline>(posts_to(context), store, memory, log);
    std::string answers;
};

}   // namespace

TEST_CASE_METHOD(Turns, "found A29: an account has one turn, however many sessions it has") {
    std::vector<std::shared_ptr<SenderQueue>> greedy;
    for (std::uint64_t i = 0; i < 8; ++i) {
        greedy.push_back(std::make_shared<SenderQueue>(i + 1, "greedy@grid.example"));
        greedy.back()->push(std::make_unique<Slow>(answers, 'g'));
        greedy.back()->push(std::make_unique<Slow>(answers, 'g'));
    }
    auto other = std::make_shared<SenderQueue>(9, "other@grid.example");
    other->push(std::make_unique<Slow>(answers, 'o'));
    other->push(std::make_unique<Slow>(answers, 'o'));
    for (const auto& queue : greedy) pipeline->advance(queue);
    pipeline->advance(other);
    CHECK(answers == "go");
    for (int i = 0; i < 100 && answers.size() < 18; ++i) {
        context.restart();
        context.poll_one();
    }
    REQUIRE(answers.size() == 18);
    // Both go on in turns: the other account's second request follows one of the greedy one's.
    CHECK(answers.substr(0, 4) == "gogo");
}

TEST_CASE_METHOD(
    Turns, "a round of many accounts pauses, so that what came meanwhile has its turn"
) {
    std::vector<std::shared_ptr<SenderQueue>> queues;
    for (std::uint64_t i = 0; i < 8; ++i) {
        queues.push_back(std::make_shared<SenderQueue>(i + 1));
        for (char n : {'1', '2', '3'}) queues.back()->push(std::make_unique<Slow>(answers, n));
        pipeline->advance(queues.back());
    }
    REQUIRE(answers == "11111111");
    context.poll_one();   // the slice is over after one account
    CHECK(answers == "111111112");
    pipeline->advance(std::make_shared<SenderQueue>(9));   // as others do meanwhile
    for (int i = 0; i < 100 && answers.size() < 24; ++i) {
        context.restart();
        context.poll_one();
    }
    // No account is passed over, though none of the rounds was complete.
    CHECK(answers == "111111112222222233333333");
}

TEST_CASE_METHOD(Turns, "accounts wait for their turns through the ends of rounds") {
    constexpr std::size_t accounts = 20, requests = 60;
    std::vector<std::shared_ptr<SenderQueue>> queues;
    for (std::uint64_t i = 0; i < accounts; ++i) {
        queues.push_back(std::make_shared<SenderQueue>(i + 1));
        // Rounds end within requests, between them, and at the moment of a turn.
        for (std::size_t n = 0; n < requests; ++n)
            queues.back()->push(
                std::make_unique<Slow>(answers, 'x', std::chrono::microseconds(i * n % 251))
            );
    }
    for (const auto& queue : queues) pipeline->advance(queue);
    const auto other = std::make_shared<SenderQueue>(accounts + 1);
    while (context.poll_one() != 0) {
        other->push(std::make_unique<Slow>(answers, 'o', std::chrono::microseconds(0)));
        pipeline->advance(other);   // as others do meanwhile
    }
    CHECK(std::ranges::count(answers, 'x') == accounts * requests);
    for (const auto& queue : queues) CHECK(queue->empty());
}

TEST_CASE_METHOD(Turns, "queues that waited for room go on a slice at a time") {
    bool has_room = false;
    std::vector<std::shared_ptr<SenderQueue>> queues;
    for (char n : {'1', '2', '3', '4'}) {
        queues.push_back(std::make_shared<SenderQueue>(queues.size() + 1));
        queues.back()->has_room = [&has_room] { return has_room; };
        queues.back()->push(std::make_unique<Slow>(answers, n));
        pipeline->advance(queues.back());
    }
    REQUIRE(answers.empty());
    has_room = true;
    pipeline->resume_stalled();
    CHECK(answers == "1");
    pipeline->resume_stalled(
    );   // as at the end of the feed: it is under way, and goes on by itself
    CHECK(answers == "1");
    for (int i = 0; i < 100 && answers.size() < 4; ++i) {
        const std::size_t before = answers.size();
        context.restart();
        context.poll_one();
        CHECK(answers.size() <= before + 1);
    }
    CHECK(answers == "1234");
}

namespace {

enum class At { Decide, Read, Work, Apply };

/// Throws where it is told to.
struct Faulty final : Transaction {
    Faulty(At where, std::string& log) : at(where), answers(log) {}
    Next decide() override {
        if (at == At::Decide) throw std::out_of_range("decide");
        return at == At::Read ? Next::Read : at == At::Work ? Next::Work : Next::Commit;
    }
    grid::storage::Batch take_batch() override {
        grid::storage::Batch batch;
        batch.put(Family::Control, key, "x");
        return batch;
    }
    void read(const grid::storage::Snapshot&) override { throw std::bad_alloc(); }
    void work(const grid::storage::Snapshot&) override { throw std::runtime_error("work"); }
    void refuse(boost::system::error_code error) override {
        CHECK(error == internal_fault());
        said = 'R';
    }
    void answer() override { answers += said; }
    At at;
    std::string& answers;
    char said = 'f';
};

struct FaultyMemory final : CommitObserver {
    void apply(const grid::storage::KeyChange&) override { throw std::length_error("apply"); }
    void notify(const grid::storage::Committed&) override {}
    bool deliver(std::chrono::steady_clock::time_point) override { return true; }
    void flush() override {}
    grid::storage::Revision rebuild() override { return ++rebuilt, 1; }
    int rebuilt = 0;
};

}   // namespace

TEST_CASE("a fault ends the request that has it, with an answer, and others go on (found A25)") {
    boost::asio::io_context context;
    grid::storage::MemoryStore store;
    FaultyMemory memory;
    Log log(LogSettings{"off", "text"});
    auto pipeline = std::make_shared<Pipeline>(posts_to(context), store, memory, log);
    store.start([&](auto entries) { pipeline->on_feed(std::move(entries)); });
    std::string answers;
    for (const At at : {At::Decide, At::Read, At::Work}) {
        auto queue = std::make_shared<SenderQueue>(1 + static_cast<std::uint64_t>(at));
        queue->push(std::make_unique<Faulty>(at, answers));
        pipeline->advance(queue);
        context.restart();
        context.poll();
    }
    CHECK(answers == "RRR");
    CHECK(memory.rebuilt == 0);
    // A committed batch is answered as done: memory is made anew from the store.
    auto queue = std::make_shared<SenderQueue>(9);
    queue->push(std::make_unique<Faulty>(At::Apply, answers));
    pipeline->advance(queue);
    context.restart();
    context.poll();
    CHECK(answers == "RRRf");
    CHECK(memory.rebuilt == 1);
}

TEST_CASE("an exception out of a handler does not end the loop that runs it (found A25)") {
    boost::asio::io_context context;
    Log log(LogSettings{"off", "text"});
    int done = 0;
    boost::asio::post(context, [] { throw std::bad_alloc(); });
    boost::asio::post(context, [&] { ++done; });
    boost::asio::post(context, [] { throw 7; });
    boost::asio::post(context, [&] { ++done; });
    run_guarded(context, log);
    CHECK(done == 2);
}

TEST_CASE("on_answered is called once, when each request of the queue is answered") {
    boost::asio::io_context context;
    grid::storage::MemoryStore::Options options;
    options.run_at_once = false;
    grid::storage::MemoryStore store(options);
    Memory memory;
    Log log(LogSettings{"off", "text"});
    auto pipeline = std::make_shared<Pipeline>(posts_to(context), store, memory, log);
    store.start([&](auto entries) { pipeline->on_feed(std::move(entries)); });
    SenderIds senders;
    std::string answers;
    auto queue = std::make_shared<SenderQueue>(senders.next());
    const auto run = [&] {
        store.run();
        context.restart();
        context.poll();
    };
    for (const char name : {'a', 'b', 'c'})
        queue->push(std::make_unique<Change>(memory, false, answers, name));
    pipeline->advance(queue);
    queue->on_answered.push_back([&] { answers += '.'; });
    CHECK(answers.empty());
    for (int i = 0; i < 20 && answers.size() < 4; ++i) run();
    CHECK(answers == "abc.");
    queue->push(std::make_unique<Change>(memory, false, answers, 'd'));
    pipeline->advance(queue);
    for (int i = 0; i < 20; ++i) run();
    CHECK(answers == "abc.d");
    CHECK(queue->empty());
}

TEST_CASE("a request is not answered, nor counted as handled, before its batch is durable") {
    boost::asio::io_context context;
    grid::storage::MemoryStore::Options options;
    options.run_at_once = false;   // commits are held up until `run`
    grid::storage::MemoryStore store(options);
    Memory memory;
    Log log(LogSettings{"off", "text"});
    auto pipeline = std::make_shared<Pipeline>(posts_to(context), store, memory, log);
    store.start([&](auto entries) { pipeline->on_feed(std::move(entries)); });
    SenderIds senders;
    std::string answers;
    auto queue = std::make_shared<SenderQueue>(senders.next());
    for (std::uint64_t number = 1; number <= 3; ++number) {
        auto change = std::make_unique<Change>(memory, false, answers, 'a');
        change->stanza = number;
        queue->push(std::move(change));
    }
    pipeline->advance(queue);
    for (int i = 0; i < 20; ++i) {
        context.restart();
        context.poll();
        pipeline->advance(queue);
        REQUIRE(answers.empty());
        REQUIRE(queue->first_unanswered() == 1);
    }
    for (int i = 0; i < 20; ++i) {
        store.run();
        context.restart();
        context.poll();
    }
    CHECK(answers == "aaa");
    CHECK(queue->first_unanswered() == 0);
}

namespace {

/// Every answer waits for other members, who say when they have followed.
struct Members final : CommitObserver {
    void apply(const grid::storage::KeyChange&) override {}
    void notify(const grid::storage::Committed&) override {}
    bool deliver(std::chrono::steady_clock::time_point) override { return true; }
    void flush() override { ++flushed; }
    grid::storage::Revision rebuild() override { return 0; }
    bool is_for_all(const grid::storage::Committed&) override { return true; }
    void when_everywhere(grid::storage::Revision, std::function<void(bool)> done) override {
        asked.push_back(std::move(done));
    }
    std::vector<std::function<void(bool)>> asked;
    int flushed = 0;
};

struct Clustered {
    Clustered() {
        store.start([this](auto entries) { pipeline->on_feed(std::move(entries)); });
    }
    void push(const std::shared_ptr<SenderQueue>& queue, char name) {
        auto change = std::make_unique<Change>(memory, false, answers, name);
        change->order = Order::Pipelined;
        queue->push(std::move(change));
        pipeline->advance(queue);
    }
    /// The batches that are queued are one group. On a busy machine a turn may end before a batch
    /// is decided, which is queued by the next one.
    void runs() {
        do {
            store.run();
            context.restart();
        } while (context.poll() > 0);
    }
    static grid::storage::MemoryStore::Options queues() {
        grid::storage::MemoryStore::Options options;
        options.run_at_once = false;
        return options;
    }
    boost::asio::io_context context;
    grid::storage::MemoryStore store{queues()};
    Memory memory;
    Members members;
    Log log{LogSettings{"off", "text"}};
    std::shared_ptr<Pipeline> pipeline =
        std::make_shared<Pipeline>(posts_to(context), store, members, log);
    std::string answers;
};

}   // namespace

TEST_CASE_METHOD(Clustered, "answers that wait for other members come in order, one word for all") {
    const auto one = std::make_shared<SenderQueue>(1), other = std::make_shared<SenderQueue>(2);
    for (char name : {'a', 'b', 'c'}) push(one, name);
    push(other, 'x');
    runs();
    CHECK(answers.empty());
    REQUIRE(members.asked.size() == 1);   // of all that one turn followed
    push(one, 'd');
    runs();
    REQUIRE(members.asked.size() == 2);
    members.asked[0](true);
    const int flushed = members.flushed;
    runs();
    CHECK(answers == "abcx");
    CHECK(members.flushed == flushed + 1);
    members.asked[1](true);
    runs();
    CHECK(answers == "abcxd");
    CHECK(one->empty());
    // A later word includes those before it, which may come behind it.
    push(one, 'e');
    runs();
    push(other, 'y');
    runs();
    members.asked[3](true);
    runs();
    CHECK(answers == "abcxdey");
    members.asked[2](true);
    runs();
    CHECK(answers == "abcxdey");
}

TEST_CASE_METHOD(Clustered, "an answer is an error where the word of the others does not come") {
    const auto queue = std::make_shared<SenderQueue>(1);
    push(queue, 'a');
    runs();
    REQUIRE(members.asked.size() == 1);
    push(queue, 'b');
    runs();
    REQUIRE(members.asked.size() == 2);
    members.asked[0](false);
    runs();
    CHECK(answers == "R");
    members.asked[1](true);
    runs();
    CHECK(answers == "Rb");
}

TEST_CASE_METHOD(Clustered, "a sender whose answers wait for a member that stalls is bounded") {
    const auto queue = std::make_shared<SenderQueue>(1), other = std::make_shared<SenderQueue>(2);
    for (std::size_t i = 0; i < 3 * sender_batches_max; ++i) {
        push(queue, 'q');
        runs();
    }
    CHECK_FALSE(queue->all_decided());
    CHECK(members.asked.size() == sender_batches_max);
    push(other, 'o');   // others go on
    runs();
    CHECK(members.asked.size() == sender_batches_max + 1);
    for (std::size_t i = 0; i < members.asked.size(); ++i) {
        members.asked[i](true);
        runs();
    }
    CHECK(queue->empty());
    CHECK(std::ranges::count(answers, 'q') == 3 * sender_batches_max);
}

}   // namespace pipeline_test
