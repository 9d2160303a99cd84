// server/cluster/files/shared_files_give.cpp: questions of other members about files.
#include <utility>

#include "server/cluster/files/shared_files.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;
using bulk::FileForm;
using files::Extends;
using files::Fetch;
using files::Lack;
using files::Piece;

namespace {

/// Words of one member that the disk is asked about: at most a piece each on the way back.
constexpr std::size_t giving_max = 256;
/// Uploads that this member fetches at one time, so that others can complete them.
constexpr std::size_t fetches_max = 64;

files::Word read_piece(const bulk::FileFolder& folder, const files::Want& want) {
    const auto file = folder.open_to_read(want.id, want.form);
    if (!file) {
        const bool is_there = file.error() != boost::system::errc::no_such_file_or_directory;
        return Lack{want.number, is_there ? Lack::Why::Busy : Lack::Why::NotHere};
    }
    Piece piece{want.number, {}};
    piece.bytes.resize(std::min<std::uint64_t>(want.count, bulk::RemoteFiles::piece_bytes_max));
    std::size_t filled = 0;
    while (filled < piece.bytes.size()) {
        const auto got =
            bulk::read_at(*file, std::span(piece.bytes).subspan(filled), want.from + filled);
        if (!got) return Lack{want.number, Lack::Why::Busy};
        if (*got == 0) break;
        filled += *got;
    }
    piece.bytes.resize(filled);
    return piece;
}

}   // namespace

void SharedFiles::answer(storage::MemberId to, const files::Word& word) {
    links_.send(to, Channel::Files, files::encode(word));
}

void SharedFiles::given(storage::MemberId to, const files::Word& word) {
    const auto found = peers_.find(to);
    if (found == peers_.end()) return;
    if (found->second.giving > 0) --found->second.giving;
    answer(to, word);
}

void SharedFiles::answer(storage::MemberId from, files::Want want) {
    if (store_ == nullptr) return answer(from, Lack{want.number, Lack::Why::NoFiles});
    const auto peer = peers_.find(from);
    if (peer == peers_.end()) return;
    if (peer->second.giving >= giving_max) return answer(from, Lack{want.number, Lack::Why::Busy});
    ++peer->second.giving;
    // The member is at work on the upload that it is to keep.
    if (const auto asked = keeping_.find(want.id); asked != keeping_.end())
        questions_.is_alive(asked->second);
    store_->start([self = shared_from_this(), from, want = std::move(want)] {
        self->run([from, read = read_piece(self->store_->folder(), want)](SharedFiles& on) {
            on.given(from, read);
        });
    });
}

void SharedFiles::answer(storage::MemberId from, files::Keep keep) {
    if (store_ == nullptr)
        return answer(from, files::Kept{keep.number, "it keeps no files", false});
    const auto done = [this, from, number = keep.number](const std::string& why_not) {
        answer(from, files::Kept{number, why_not, true});
    };
    if (const auto ready = ready_.find(keep.id);
        ready != ready_.end() && ready->second == keep.hash)
        return done({});
    if (fetches_.size() >= fetches_max) return done("it fetches too many files at present");
    ready_.erase(keep.id);   // of another upload of the same slot
    Fetch::Wish wish{{keep.id, keep.size, keep.hash}, FileForm::Part, {from}};
    const bool is_begun = starts(
        std::move(wish),
        [this, done, id = keep.id, hash = keep.hash](Fetch::End end, const std::string& why) {
            if (end == Fetch::End::NoRoom) return done("its disk has no room for the file");
            if (end != Fetch::End::Complete) return done(why);
            ready_[id] = hash;
            done({});
        }
    );
    if (!is_begun) done("it is fetching this file already");
}

/// The number of bytes is told when no connection writes any more, where that is asked for.
void SharedFiles::answer(storage::MemberId from, files::Extent extent) {
    if (store_ == nullptr) return answer(from, Extends{extent.number, 0});
    const auto tell = [self = shared_from_this(), from, number = extent.number,
                       id = extent.id](bulk::UploadGate::TurnPtr turn) {
        self->store_->start([self, from, number, id, turn = std::move(turn)] {
            const auto size = self->store_->folder().size_of(id);
            self->run([from, number, size](SharedFiles& on) {
                on.answer(from, Extends{number, size});
            });
        });
    };
    if (!extent.claims) return tell(nullptr);
    store_->gate()->enter(extent.id, nullptr, tell);
}

}   // namespace grid::server::cluster
