// server/cluster/copy/copies_fetch.cpp: the side that fetches a copy.
#include <numeric>
#include <random>
#include <utility>

#include "server/backup/copying.hpp"
#include "server/cluster/copy/copies.hpp"
#include "server/pki/failure.hpp"

namespace grid::server::cluster {

namespace fs = std::filesystem;
using pki::Failure;

void Copies::fetch(storage::MemberId from, Done done) {
    run([from, done = std::move(done)](Copies& on) { on.begin_fetching(from, done); });
}

void Copies::begin_fetching(storage::MemberId from, Done done) {
    if (fetching_) return done(Failure{"a copy is being fetched already"});
    const std::uint64_t number = std::random_device{}() | 1U;
    fetching_.emplace(Fetching{from, number, std::move(done)});
    watch(fetching_timer_, &Copies::fetching_is_silent);
    if (!send(from, copy::Ask{number})) end_fetching(Failure{"the member is not connected"});
}

bool Copies::is_fetched(storage::MemberId from, std::uint64_t number) const {
    return fetching_ && fetching_->from == from && fetching_->copy == number;
}

void Copies::fetching_is_silent() {
    if (fetching_) end_fetching(Failure{"nothing was heard of the member any more"});
}

void Copies::take(storage::MemberId from, const copy::Refusal& word) {
    if (is_fetched(from, word.number))
        end_fetching(Failure{"the member gives no copy: " + word.reason});
}

void Copies::take(storage::MemberId from, copy::Offer word) {
    if (!is_fetched(from, word.number) || fetching_->offer) return;
    if (auto why = begin_writing(word); !why.empty()) return end_fetching(Failure{std::move(why)});
    fetching_->writer.emplace(copy::unfinished_copy_of(settings_.data), word.files);
    fetching_->offer = std::move(word);
    for (unsigned i = 0; i < copy::pieces_asked_max; ++i) ask_next();
}

/// Empty: there is a folder, and room.
std::string Copies::begin_writing(const copy::Offer& offer) {
    if (auto why = copy::why_no_store(offer.files); !why.empty()) return "what is offered: " + why;
    const fs::path folder = copy::unfinished_copy_of(settings_.data);
    std::error_code error;
    fs::remove_all(folder, error);
    if (!error) fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
    if (error) return folder.string() + ": " + error.message();
    const auto needed = std::accumulate(
        offer.files.begin(), offer.files.end(), settings_.free_bytes_min,
        [](std::uint64_t sum, const copy::File& file) {
            return file.bytes > UINT64_MAX - sum ? UINT64_MAX : sum + file.bytes;
        }
    );
    const auto free = backup::free_bytes_of(folder);
    if (free >= needed) return {};
    return "the volume of " + settings_.data.string() + " has " + std::to_string(free) +
           " bytes free, the copy needs " + std::to_string(needed) +
           " (with storage.free_bytes_min)";
}

void Copies::ask_next() {
    if (fetching_ && !send(fetching_->from, copy::Next{fetching_->copy}))
        end_fetching(Failure{"the link to the member was lost"});
}

void Copies::take(storage::MemberId from, const copy::Piece& word) {
    if (!is_fetched(from, word.number) || !fetching_->writer) return;
    watch(fetching_timer_, &Copies::fetching_is_silent);
    if (auto added = fetching_->writer->add(word); !added)
        return end_fetching(Failure{added.error()});
    if (fetching_->writer->is_at_end()) return finish_fetching();
    ask_next();
}

void Copies::finish_fetching() {
    const copy::Offer& offer = *fetching_->offer;
    storage::RocksSettings made;
    made.path = copy::unfinished_copy_of(settings_.data).string();
    made.open_files_max = copy::checkpoint_files_max;
    const auto facts = storage::look_at_checkpoint(made);
    if (!facts) return end_fetching(Failure{"the copy cannot be read: " + facts.error().message()});
    if (facts->store_id != offer.store_id || facts->epoch != offer.epoch ||
        facts->revision != offer.revision)
        return end_fetching(Failure{"the copy is not of the store that was offered"});
    if (auto placed = copy::put_in_place(settings_.data); !placed)
        return end_fetching(Failure{placed.error()});
    end_fetching(*facts);
}

void Copies::end_fetching(Result<storage::CheckpointFacts, std::string> result) {
    const Fetching ended = std::move(*fetching_);
    fetching_.reset();
    fetching_timer_.cancel();
    send(ended.from, copy::Leave{ended.copy});
    const std::string member = std::to_string(ended.from);
    if (result) {
        log_.info(
            "cluster_copy_fetched",
            {{"member", member}, {"revision", std::to_string(result->revision)}}
        );
    } else {
        copy::clear_unfinished(settings_.data);
        log_.error("cluster_copy_failed", {{"member", member}, {"reason", result.error()}});
    }
    ended.done(std::move(result));
}

}   // namespace grid::server::cluster
