// tests/unit/server/cluster/copy_test.cpp: a store that goes from one member to another.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>

#include "members.hpp"
#include "server/cluster/copy/copies.hpp"
#include "storage/rocks_store.hpp"

namespace copy_test {

using namespace grid::server::cluster;
using namespace grid::test;
using Catch::Contains;
using grid::storage::CheckpointFacts;
namespace fs = std::filesystem;
namespace storage = grid::storage;

namespace {

using Fetched = grid::Result<CheckpointFacts, std::string>;

/// A store with a feed that is waited for.
class OpenStore {
public:
    explicit OpenStore(const fs::path& data) {
        fs::create_directories(data);
        storage::RocksSettings settings;
        settings.path = (data / "store").string();
        settings.free_bytes_min = 1;
        settings.log = [](storage::LogLevel, std::string_view) {};
        store_ = *storage::open_rocks_store(settings);
        (void)store_->scan([](const storage::KeyChange&) {});
        store_->start([this](std::vector<storage::FeedEntry> entries) { fed_ += entries.size(); });
    }
    storage::Store& operator*() { return *store_; }
    storage::Store* operator->() { return store_.get(); }
    void put(const std::string& key, const std::string& value) {
        storage::Batch batch;
        batch.put(storage::Family::Control, key, value);
        const auto before = fed_.load();
        REQUIRE(store_->submit(1, {}, std::move(batch)));
        REQUIRE(comes_true([&] { return fed_ > before; }));
    }
    std::string value(const std::string& key) {
        const auto found = store_->snapshot()->get(storage::Family::Control, key);
        return found && *found ? (*found)->value : "(none)";
    }

private:
    std::atomic<std::size_t> fed_ = 0;
    std::unique_ptr<storage::Store> store_;
};

/// Members with a data directory each, and links between them that may be cut.
struct Copying : LinkedMembers {
    fs::path data(const std::string& name) const { return files.path(name); }

    /// One more member.
    std::shared_ptr<Copies> join(storage::MemberId id, const std::string& name) {
        auto links = *make_links(io, settings(id, name), log);
        CopySettings wanted;
        wanted.data = data(name);
        fs::create_directories(wanted.data);
        auto made = Copies::make(links, wanted, log);
        all.emplace_back(std::move(links), settings(id, name).self);
        return made;
    }
    void link() {
        meet();
        for (LinkedMember& one : all)
            for (LinkedMember& other : all)
                if (&one != &other)
                    REQUIRE(comes_true([&] { return one.is_up(other.self().name); }));
    }
    static Fetched fetch(Copies& copies, storage::MemberId from) {
        std::promise<Fetched> promise;
        copies.fetch(from, [&](Fetched fetched) { promise.set_value(std::move(fetched)); });
        auto future = promise.get_future();
        REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
        return future.get();
    }
    static std::string why_not(Copies& copies, storage::MemberId from) {
        const auto fetched = fetch(copies, from);
        return fetched ? std::string() : fetched.error();
    }
};

/// The other member, by hand.
struct Scripted : Copying {
    std::shared_ptr<Copies> b;
    std::shared_ptr<Links> a;
    std::mutex mutex;
    std::vector<copy::Word> heard;   // of `b`, by `a`

    Scripted() {
        b = join(2, "b");
        a = *make_links(io, settings(1, "a"), log);
        a->on(Channel::Copy, [this](storage::MemberId, const std::string& payload) {
            const std::lock_guard lock(mutex);
            heard.push_back(*copy::decode(payload));
        });
        all.emplace_back(a, settings(1, "a").self);
        link();
    }
    ~Scripted() {
        b->stop();
        halt();
    }
    template <class Kind>
    std::optional<Kind> has_heard() {
        const std::lock_guard lock(mutex);
        for (const copy::Word& word : heard)
            if (const auto* kind = std::get_if<Kind>(&word)) return *kind;
        return std::nullopt;
    }
    void say(const copy::Word& word) { CHECK(a->send(2, Channel::Copy, copy::encode(word))); }
    /// The failure of a copy of which `a` says this; the words have no number yet.
    std::string outcome(copy::Offer offer, const std::vector<copy::Piece>& pieces) {
        {
            const std::lock_guard lock(mutex);
            heard.clear();
        }
        std::promise<Fetched> promise;
        b->fetch(1, [&](Fetched fetched) { promise.set_value(std::move(fetched)); });
        REQUIRE(comes_true([&] { return has_heard<copy::Ask>().has_value(); }));
        offer.number = has_heard<copy::Ask>()->number;
        say(offer);
        for (copy::Piece piece : pieces) {
            piece.number = offer.number;
            say(piece);
        }
        auto future = promise.get_future();
        REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
        const auto fetched = future.get();
        CHECK_FALSE(fs::exists(data("b") / "store.copying"));
        return fetched ? "" : fetched.error();
    }
};

std::string hash_of(const std::string& text) {
    grid::server::bulk::Digest digest;
    digest.add(text);
    return digest.take();
}

copy::Offer offer_of(std::vector<copy::File> files) {
    copy::Offer offer;
    offer.files = std::move(files);
    return offer;
}

copy::Piece piece_of(std::uint64_t file, const std::string& bytes, const std::string& hash) {
    copy::Piece piece;
    piece.file = file;
    piece.bytes = bytes;
    piece.hash = hash;
    return piece;
}

}   // namespace

TEST_CASE_METHOD(Copying, "a member without a store gets a copy of another one's", "[cluster]") {
    const auto a = join(1, "a"), b = join(2, "b");
    link();
    std::string id;
    storage::Revision revision = 0;
    {
        OpenStore of_a(data("a"));
        of_a.put("name", "value");
        for (int i = 0; i < 20; ++i)
            of_a.put("large" + std::to_string(i), std::string(100'000, 'x'));
        a->serve(*of_a);
        const auto fetched = fetch(*b, 1);
        REQUIRE(fetched.has_value());
        id = of_a->status().store_id;
        revision = of_a->status().revision;
        CHECK(fetched->store_id == id);
        CHECK(fetched->revision == revision);
        of_a.put("name", "another");
        CHECK(comes_true([&] { return !fs::exists(data("a") / "store.checkpoint"); }));
        a->stop();
    }
    OpenStore of_b(data("b"));
    CHECK(of_b.value("name") == "value");
    CHECK(of_b.value("large19").size() == 100'000);
    CHECK(of_b->status().store_id == id);
    CHECK(of_b->status().revision == revision);
    CHECK(of_b->status().epoch == 1);
    CHECK_FALSE(fs::exists(data("b") / "store.copying"));
}

TEST_CASE_METHOD(Copying, "a copy takes the place of the store that lagged behind", "[cluster]") {
    const auto a = join(1, "a"), b = join(2, "b");
    link();
    {
        OpenStore(data("b")).put("name", "old");
    }
    OpenStore of_a(data("a"));
    of_a.put("name", "new");
    a->serve(*of_a);
    REQUIRE(fetch(*b, 1).has_value());
    CHECK(OpenStore(data("b")).value("name") == "new");
    CHECK_FALSE(fs::exists(data("b") / "store.copying"));
    a->stop();
}

TEST_CASE_METHOD(Copying, "a copy is given once at a time, and of a good store", "[cluster]") {
    const auto a = join(1, "a"), b = join(2, "b");
    link();
    CHECK_THAT(why_not(*b, 1), Contains("it has no store open"));
    CHECK_THAT(why_not(*b, 7), Contains("not connected"));
    OpenStore of_a(data("a"));
    of_a.put("name", "value");
    std::atomic<bool> is_good = false;
    a->serve(*of_a, [&] { return is_good.load(); });
    CHECK_THAT(why_not(*b, 1), Contains("its own store is not up to date"));
    CHECK_FALSE(fs::exists(data("b") / "store"));
    is_good = true;
    CHECK(why_not(*b, 1).empty());
    a->stop();
}

TEST_CASE_METHOD(Scripted, "one copy is given at a time", "[cluster]") {
    OpenStore of_b(data("b"));
    of_b.put("name", "value");
    b->serve(*of_b);
    const auto c = join(3, "c");
    link();
    say(copy::Ask{17});
    REQUIRE(comes_true([&] { return has_heard<copy::Offer>().has_value(); }));
    CHECK_THAT(why_not(*c, 2), Contains("another member is having a copy"));
    // Without a word of the one that has it, and after its link is gone, it is free.
    say(copy::Leave{17});
    CHECK(comes_true([&] { return why_not(*c, 2).empty(); }));
    say(copy::Ask{18});
    REQUIRE(comes_true([&] { return fs::exists(data("b") / "store.checkpoint"); }));
    a->stop();
    CHECK(comes_true([&] { return !fs::exists(data("b") / "store.checkpoint"); }));
    c->stop();
    b->stop();
}

TEST_CASE_METHOD(Scripted, "more than four pieces are not asked for at once", "[cluster]") {
    OpenStore of_b(data("b"));
    of_b.put("name", "value");
    b->serve(*of_b);
    say(copy::Ask{17});
    REQUIRE(comes_true([&] { return has_heard<copy::Offer>().has_value(); }));
    const auto count = has_heard<copy::Offer>()->files.size();
    REQUIRE(count > 2);   // each is one piece at least, and more are asked for than there are
    for (std::size_t i = 0; i < count + 6; ++i) say(copy::Next{17});
    REQUIRE(comes_true([&] { return has_heard<copy::Refusal>().has_value(); }));
    CHECK_THAT(has_heard<copy::Refusal>()->reason, Contains("asks for too much"));
    b->stop();
}

TEST_CASE_METHOD(Scripted, "a copy that is not as was offered is thrown away", "[cluster]") {
    const auto offered = offer_of({{"CURRENT", 3}});
    CHECK_THAT(
        outcome(offered, {piece_of(0, "abc", hash_of("abd"))}),
        Contains("CURRENT came with another")
    );
    CHECK_THAT(outcome(offered, {piece_of(0, "abcd", {})}), Contains("longer than was offered"));
    CHECK_THAT(
        outcome(offered, {piece_of(0, "ab", hash_of("ab"))}), Contains("not as long as was offered")
    );
    CHECK_THAT(outcome(offered, {piece_of(1, "abc", {})}), Contains("out of order"));
    // The bytes are right, and they are no store.
    CHECK_THAT(
        outcome(offered, {piece_of(0, "abc", hash_of("abc"))}), Contains("the copy cannot be read")
    );
    CHECK_THAT(outcome(offer_of({{"LOG.old", 1}}), {}), Contains("it is no store"));
    CHECK_THAT(
        outcome(offer_of({{"../run", 1}, {"CURRENT", 1}}), {}),
        Contains("no name of a store's file")
    );
    CHECK_THAT(outcome(offer_of({{"CURRENT", 1}, {"CURRENT", 1}}), {}), Contains("not in order"));
    CHECK_THAT(
        outcome(offer_of({{"CURRENT", UINT64_MAX}, {"MANIFEST", 5}}), {}), Contains("bytes free")
    );
    CHECK_FALSE(fs::exists(data("b") / "store"));
}

TEST_CASE_METHOD(Scripted, "a copy whose member goes away is given up", "[cluster]") {
    std::promise<Fetched> promise;
    b->fetch(1, [&](Fetched fetched) { promise.set_value(std::move(fetched)); });
    REQUIRE(comes_true([&] { return has_heard<copy::Ask>().has_value(); }));
    CHECK_THAT(why_not(*b, 1), Contains("is being fetched already"));
    auto offer = offer_of({{"CURRENT", 3}});
    offer.number = has_heard<copy::Ask>()->number;
    say(offer);
    REQUIRE(comes_true([&] { return fs::exists(data("b") / "store.copying"); }));
    a->stop();
    auto future = promise.get_future();
    REQUIRE(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready);
    CHECK_THAT(future.get().error(), Contains("the link to the member was lost"));
    CHECK_FALSE(fs::exists(data("b") / "store.copying"));
}

TEST_CASE_METHOD(Copying, "what a crash left of a copy goes at the next start", "[cluster]") {
    fs::create_directories(data("b") / "store.copying");
    fs::create_directories(data("b") / "store.checkpoint");
    fs::create_directories(data("b") / "store.replaced");   // the copy was not in its place yet
    std::ofstream(data("b") / "store.replaced" / "CURRENT") << "x";
    const auto b = join(2, "b");
    CHECK_FALSE(fs::exists(data("b") / "store.copying"));
    CHECK_FALSE(fs::exists(data("b") / "store.checkpoint"));
    CHECK_FALSE(fs::exists(data("b") / "store.replaced"));
    CHECK(fs::exists(data("b") / "store" / "CURRENT"));
}

TEST_CASE("words about copies read back, and halves of them do not", "[cluster]") {
    auto offer = offer_of({{"CURRENT", 16}, {"MANIFEST-000005", 300'000}});
    offer.number = 5;
    offer.store_id = "an id";
    offer.epoch = 2;
    offer.revision = 77;
    const auto read = copy::decode(copy::encode(offer));
    REQUIRE(read.has_value());
    const auto* again = std::get_if<copy::Offer>(&*read);
    REQUIRE(again != nullptr);
    CHECK(again->files == offer.files);
    CHECK(again->store_id == "an id");
    CHECK(again->revision == 77);
    for (const copy::Word& word :
         {copy::Word(offer), copy::Word(copy::Ask{1}), copy::Word(copy::Next{1}),
          copy::Word(copy::Leave{1}), copy::Word(copy::Refusal{1, "because"}),
          copy::Word(piece_of(3, "bytes", "hash"))}) {
        const std::string bytes = copy::encode(word);
        REQUIRE(copy::decode(bytes).has_value());
        CHECK(copy::decode(bytes)->index() == word.index());
        for (std::size_t size = 0; size < bytes.size(); ++size)
            REQUIRE_FALSE(copy::decode(std::string_view(bytes).substr(0, size)).has_value());
    }
    CHECK_FALSE(copy::decode("\x07"
                             "12345678")
                    .has_value());
}

}   // namespace copy_test
