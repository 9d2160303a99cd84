// server/cluster/files/fetch.hpp: one file that comes from another member, piece by piece.
#pragma once

#include <boost/asio.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/bulk/digest.hpp"
#include "server/bulk/file_store.hpp"
#include "server/bulk/remote_files.hpp"
#include "server/cluster/files/questions.hpp"
#include "server/session/token_bucket.hpp"

namespace grid::server::cluster::files {

/// The parts that all fetches of a member share, which outlive them.
struct FetchTools {
    Questions::Strand strand;
    bulk::FileStore& store;
    Questions& questions;
    TokenBucket& rate;
    std::chrono::milliseconds answer_max;
};

/// The bytes of the file are asked for a few pieces at a time, and written in their order to the
/// file's copy here; from the next member where one has none of it any more. Whole, they are
/// synced, and their hash is that of the file. On one strand; disk work on the store's pool.
class Fetch : public std::enable_shared_from_this<Fetch> {
public:
    struct Wish {
        bulk::KnownFile file;   // an empty hash is not looked at
        bulk::FileForm form = bulk::FileForm::Whole;
        std::vector<storage::MemberId> members;   // in the order in which they are asked
        bool is_paced = false;                    // by FetchTools::rate
    };
    enum class End { Complete, NotThere, NoRoom, Failed, Given };
    /// `why`: for the log, but with Complete.
    using Done = std::function<void(End end, const std::string& why)>;

    Fetch(FetchTools tools, Wish wish, Done done)
        : tools_(std::move(tools)),
          wish_(std::move(wish)),
          done_(std::move(done)),
          timer_(tools_.strand) {}

    void start();
    /// The end is `Given`, and nothing of the copy is left.
    void give_up();
    const bulk::KnownFile& file() const { return wish_.file; }

private:
    using Error = boost::system::error_code;
    /// Work on the pool, whose error is looked at on the strand.
    void on_disk(std::function<Error()> work, std::function<void()> then);
    void failed_on_disk(Error error);
    bool has_room(std::uint64_t more) const;
    void next_member();
    void ask_some();
    void take(std::uint64_t from, std::uint64_t count, std::optional<Word> answer);
    void write_some();
    void written(std::uint64_t bytes);
    void finish();
    void drop();
    void end(End end, const std::string& why);

    const FetchTools tools_;
    const Wish wish_;
    Done done_;
    boost::asio::steady_timer timer_;
    bulk::Descriptor to_;      // the pool's
    bulk::Digest digest_;      // the pool's
    std::size_t member_ = 0;   // the place behind that of the one that is asked
    unsigned round_ = 0;       // answers of an earlier one are passed over
    unsigned asked_ = 0;       // pieces that have not come
    std::uint64_t next_ = 0, taken_ = 0, written_ = 0;
    std::map<std::uint64_t, std::string> arrived_;
    bool is_writing_ = false, is_waiting_ = false, is_over_ = false;
    std::string why_;   // the last member gave nothing
};

}   // namespace grid::server::cluster::files
