// server/cluster/files/shared_files.hpp: files that clients exchange, on all members of a cluster.
#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/bulk/file_store.hpp"
#include "server/bulk/remote_files.hpp"
#include "server/cluster/files/fetch.hpp"
#include "server/cluster/files/questions.hpp"
#include "server/cluster/links.hpp"
#include "server/cluster/member.hpp"
#include "server/log.hpp"
#include "server/session/token_bucket.hpp"

namespace grid::server::cluster {

struct SharedFilesSettings {
    std::size_t bytes_per_second = 0;   // cluster.files_bytes_per_second
    bool keeps_uploads = true;          // cluster.uploads = "elsewhere"
    /// For a piece; for how far an upload is; for the next piece of a file that is to be kept.
    std::chrono::milliseconds answer_max{5'000}, extent_max{1'500}, keep_silence_max{15'000};
    /// All records are gone through so often: changes that were not heard of are found then.
    std::chrono::milliseconds look_every{60'000};
    /// A file that no member gave, or for which there was no room, is tried again.
    std::chrono::milliseconds again_after{5'000}, room_again_after{30'000};
};

/// The records of files are in the store, their bytes are with the member that took the upload.
/// Each member fetches what it lacks over Channel::Files: what a client asks for first, and what it
/// gives a client meanwhile comes straight from the other member. An upload is not complete before
/// another member has it. Any thread; its work is on a strand of its own, and on the file store's
/// pool.
class SharedFiles final : public bulk::RemoteFiles,
                          public std::enable_shared_from_this<SharedFiles> {
public:
    /// Before Links::start; `links` and `log` outlive it. The member keeps no files until `start`.
    static std::shared_ptr<SharedFiles> make(
        boost::asio::io_context& context, Links& links, SharedFilesSettings settings, Log& log
    );
    SharedFiles(
        boost::asio::io_context& context, Links& links, SharedFilesSettings settings, Log& log
    );

    /// Some files that are complete, by id from behind `after`, and where to go on; nullopt: that
    /// were all.
    using Listed =
        std::function<void(std::vector<bulk::KnownFile> some, std::optional<std::string> next)>;
    using List = std::function<void(std::string after, Listed done)>;
    /// `store` outlives the run of the context.
    void start(bulk::FileStore& store, List list);
    /// Others that have a lease.
    void set_members(std::vector<Member> members);
    /// The record of the file says so since now, whichever member took the upload.
    void completed(bulk::KnownFile file);
    /// The record of the file was erased; so are its bytes, by the file store.
    void removed(std::string id);
    /// After the run of the context.
    void stop();

    struct Figures {
        std::uint64_t missing = 0, missing_bytes = 0;   // files that are complete, and not here
        std::uint64_t fetched = 0, fetched_bytes = 0;   // since the start
    };
    Figures figures() const;

    // bulk::RemoteFiles
    void read(const bulk::KnownFile& file, std::uint64_t from, std::size_t count, ReadDone done)
        override;
    void keep(const bulk::KnownFile& file, std::function<void(Kept)> done) override;
    void extent(const std::string& id, std::function<void(std::uint64_t)> done) override;
    void move_here(const std::string& id, std::uint64_t offset, std::function<void(bool)> done)
        override;

private:
    using Clock = std::chrono::steady_clock;
    using Timer = boost::asio::steady_timer;
    using FetchPtr = std::shared_ptr<files::Fetch>;
    struct Peer {
        Member is;
        std::size_t giving = 0;   // words of it that the disk is asked about
    };
    struct Missing {
        std::uint64_t size = 0;
        std::string hash;
        Clock::time_point not_before;
        std::uint64_t round = 0;      // of looking at all records: the last one that had it
        bool is_looked_for = false;   // it is not here under another name
    };
    /// Of a file that is complete: its bytes on this disk.
    enum class Here { Whole, BeingFilled, No };

    void attach();
    void run(std::function<void(SharedFiles&)> work);
    void hear(storage::MemberId from, std::string payload);
    void take(storage::MemberId from, files::Word word);
    void link_changed(const Member& member, bool is_up);
    /// Members with a connection, one of them at random first, `first` before all.
    std::vector<storage::MemberId> linked(storage::MemberId first = 0);
    files::FetchTools tools();
    bool starts(files::Fetch::Wish wish, files::Fetch::Done done);
    std::string name_of(storage::MemberId member) const;

    // shared_files_give.cpp: words of others
    void answer(storage::MemberId to, const files::Word& word);
    void answer(storage::MemberId from, files::Want want);
    void answer(storage::MemberId from, files::Keep keep);
    void answer(storage::MemberId from, files::Extent extent);
    void given(storage::MemberId to, const files::Word& word);

    // shared_files_ask.cpp: bulk::RemoteFiles
    struct Reading;
    void read_from_next(std::shared_ptr<Reading> reading);
    struct Keeping;
    void keep_with_next(std::shared_ptr<Keeping> keeping);
    void ask_extents(
        const std::string& id,
        bool claims,
        std::function<void(storage::MemberId member, std::uint64_t bytes)> done
    );
    void move_from(
        storage::MemberId member,
        std::uint64_t bytes,
        const std::string& id,
        std::function<void(bool)> done
    );

    // shared_files_missing.cpp: files that are complete and not here
    void look_at_all(std::string after);
    void looked_at_all();
    void look(std::vector<bulk::KnownFile> some, std::function<void()> then);
    void found(const bulk::KnownFile& file, Here here);
    Missing& add_missing(const bulk::KnownFile& file, std::chrono::milliseconds after);
    void drop_missing(const std::string& id);
    void work();
    struct Next {
        bulk::KnownFile file;
        bool is_looked_for = false, is_paced = false;
    };
    std::optional<Next> next_missing();
    void fetch(const Next& next);
    void fetched(const bulk::KnownFile& file, files::Fetch::End end, const std::string& why);
    void place(const bulk::KnownFile& file);
    void work_after(Clock::duration time);

    Links& links_;
    const SharedFilesSettings settings_;
    Log& log_;
    files::Questions::Strand strand_;
    std::atomic<bool> is_stopped_ = false;
    std::atomic<std::size_t> heard_bytes_ = 0;   // of words that wait for the strand
    std::atomic<std::uint64_t> missing_count_ = 0, missing_bytes_ = 0, fetched_ = 0,
                               fetched_bytes_ = 0;

    // On the strand alone.
    bulk::FileStore* store_ = nullptr;
    List list_;
    std::map<storage::MemberId, Peer> peers_;   // with a connection
    std::vector<Member> members_;
    files::Questions questions_;
    TokenBucket rate_;
    std::map<std::string, FetchPtr> fetches_;   // by id
    std::map<std::string, std::string>
        ready_;   // hashes of copies of uploads that are not complete
    std::map<std::string, std::uint64_t> keeping_;   // questions of uploads that others are to keep
    std::map<std::string, storage::MemberId> givers_;   // members that gave a piece of it
    std::map<std::string, Missing> missing_;
    std::set<std::string> busy_;       // of `missing_`: the disk is asked about it
    std::deque<std::string> wanted_;   // by clients
    std::string cursor_;               // in `missing_`
    std::size_t fetching_ = 0;         // of `missing_`
    std::uint64_t round_ = 0;
    bool is_full_told_ = false;
    Clock::time_point no_room_until_, next_due_;
    Timer look_timer_, work_timer_;
};

}   // namespace grid::server::cluster
