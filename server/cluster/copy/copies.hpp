// server/cluster/copy/copies.hpp: copies of a store between members: given to those that lack it,
// and fetched.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "server/cluster/copy/files.hpp"
#include "server/cluster/copy/words.hpp"
#include "server/cluster/links.hpp"
#include "server/log.hpp"
#include "storage/checkpoint.hpp"
#include "storage/store.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster {

struct CopySettings {
    std::filesystem::path data;         // `store` in it is copied, or becomes the copy
    std::uint64_t free_bytes_min = 0;   // left on the volume beside a copy
    /// Without a word of the other side a copy ends. To make a checkpoint is part of it.
    std::chrono::milliseconds silence_max{60'000};
};

/// A copy is a checkpoint of the other member's store, the same as a backup: it goes over piece by
/// piece, each of which is asked for, with a hash of each file, into a folder of its own; whole and
/// verified it becomes the store, with its id, epoch and revisions. One copy is given and one
/// fetched at a time. Its disk work has a thread of its own, on which all of it runs; its functions
/// may be called from any other.
class Copies : public std::enable_shared_from_this<Copies> {
public:
    /// Takes away what an earlier process left unfinished, and takes over Channel::Copy: before the
    /// store is opened and the links are started.
    static std::shared_ptr<Copies> make(
        std::shared_ptr<Links> links, CopySettings settings, Log& log
    );
    ~Copies();
    Copies(const Copies&) = delete;
    Copies& operator=(const Copies&) = delete;

    /// From now on others get copies of it, while `is_good` says so: not of a store that lacks
    /// something itself. Until `stop`.
    void serve(storage::Store& store, std::function<bool()> is_good = {});

    using Done = std::function<void(Result<storage::CheckpointFacts, std::string>)>;
    /// While no process has the store open. `done` is called once, on the copies' thread (not when
    /// `stop` comes before); the store may be opened then. The error is for the operator, and the
    /// store is as it was.
    void fetch(storage::MemberId from, Done done);
    /// The same, from whichever member gives one: each that is connected is asked in turn, and
    /// again, until `patience` is over. The error is the last one's.
    void fetch_from_any(std::chrono::milliseconds patience, Done done);

    /// Gives up what is under way, and waits until its disk work ends. Not on the copies' thread.
    void stop();

private:
    using Timer = boost::asio::steady_timer;
    struct Giving {
        Giving(storage::MemberId member, std::uint64_t number, copy::Reader files)
            : to(member), copy(number), reader(std::move(files)) {}
        storage::MemberId to;
        std::uint64_t copy;
        copy::Reader reader;
        unsigned asked = 0;
        std::string unsent;   // a piece for which there was no room
    };
    struct Fetching {
        storage::MemberId from = 0;
        std::uint64_t copy = 0;
        Done done;
        std::optional<copy::Offer> offer = {};
        std::optional<copy::Writer> writer = {};
    };

    /// A search for a member that gives a copy.
    struct Search {
        std::chrono::steady_clock::time_point until;
        Done done;
        std::set<storage::MemberId> asked = {};
        std::string failure = "no other member is connected";
    };

    Copies(std::shared_ptr<Links> links, CopySettings settings, Log& log);
    void run(std::function<void(Copies&)> work);
    bool send(storage::MemberId to, const copy::Word& word);
    void hear(storage::MemberId from, std::string payload);
    void receive(storage::MemberId from, const std::string& payload);
    void member_changed(storage::MemberId member, bool is_up);
    std::filesystem::path checkpoint_folder() const { return settings_.data / "store.checkpoint"; }

    // Of the side that gives.
    void take(storage::MemberId from, const copy::Ask& word);
    void take(storage::MemberId from, const copy::Next& word);
    void take(storage::MemberId from, const copy::Leave& word);
    std::string why_not_given() const;
    Result<copy::Offer, std::string> make_checkpoint(std::uint64_t copy);
    void give();
    void end_giving(const std::string& failure);

    // copies_fetch.cpp: of the side that fetches.
    void take(storage::MemberId from, copy::Offer word);
    void take(storage::MemberId from, const copy::Refusal& word);
    void take(storage::MemberId from, const copy::Piece& word);
    void begin_fetching(storage::MemberId from, Done done);
    void go_on(Search search);
    bool is_fetched(storage::MemberId from, std::uint64_t copy) const;
    std::string begin_writing(const copy::Offer& offer);
    void ask_next();
    void finish_fetching();
    void end_fetching(Result<storage::CheckpointFacts, std::string> result);

    void watch(Timer& timer, void (Copies::*expired)());
    void giving_is_silent();
    void fetching_is_silent();

    const std::shared_ptr<Links> links_;
    const CopySettings settings_;
    Log& log_;
    std::atomic<bool> is_stopped_ = false;
    std::atomic<std::size_t> heard_bytes_ = 0;   // of words that wait for the thread

    // On the thread alone.
    storage::Store* store_ = nullptr;
    std::function<bool()> is_good_;
    std::optional<Giving> giving_;
    std::optional<Fetching> fetching_;

    boost::asio::thread_pool thread_{1};
    Timer giving_timer_, fetching_timer_, room_timer_, search_timer_;
};

}   // namespace grid::server::cluster
