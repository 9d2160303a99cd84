// server/cluster/files/fetch.cpp: see fetch.hpp.
#include "server/cluster/files/fetch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/bulk/upload.hpp"

namespace grid::server::cluster::files {

namespace asio = boost::asio;
using bulk::FileForm;

namespace {

/// Asked for and not written yet: all that a fetch has in memory.
constexpr std::size_t fetched_pieces_max = 4;
/// Others may have taken the room meanwhile.
constexpr std::uint64_t room_looked_every = 16UL * 1024 * 1024;

boost::system::error_code fetch_error(int number) {
    return {number, boost::system::system_category()};
}

boost::system::error_code put_at(
    const bulk::Descriptor& to, std::string_view bytes, std::uint64_t at
) {
    while (!bytes.empty()) {
        const auto put = ::pwrite(to.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return fetch_error(put < 0 ? errno : ENOSPC);
        bytes.remove_prefix(static_cast<std::size_t>(put));
        at += static_cast<std::uint64_t>(put);
    }
    return {};
}

}   // namespace

void Fetch::on_disk(std::function<Error()> work, std::function<void()> then) {
    tools_.store.start([self = shared_from_this(), work = std::move(work), then = std::move(then)] {
        const Error error = work();
        asio::post(self->tools_.strand, [self, error, then] {
            if (self->is_over_) return self->drop();
            if (error) return self->failed_on_disk(error);
            then();
        });
    });
}

void Fetch::failed_on_disk(Error error) {
    end(bulk::is_disk_full(error) ? End::NoRoom : End::Failed, error.message());
}

bool Fetch::has_room(std::uint64_t more) const {
    const std::uint64_t free = tools_.store.folder().free_bytes();
    const std::uint64_t least = tools_.store.free_bytes_min();
    return free >= least && free - least >= more;
}

void Fetch::start() {
    on_disk(
        [this]() -> Error {
            const bulk::FileFolder& folder = tools_.store.folder();
            if (!has_room(wish_.file.size)) return fetch_error(ENOSPC);
            folder.remove(wish_.file.id, FileForm::Copy);
            auto opened = folder.open_to_write(wish_.file.id, FileForm::Copy);
            if (!opened) return opened.error();
            to_ = std::move(*opened);
            return {};
        },
        [this] { next_member(); }
    );
}

void Fetch::give_up() { end(End::Given, "given up"); }

/// Goes on behind what has come: whole, the hash tells whether all of it belongs together.
void Fetch::next_member() {
    ++round_;
    asked_ = 0;
    arrived_.clear();
    next_ = taken_;
    if (member_ == wish_.members.size())
        return end(End::NotThere, why_.empty() ? "no member is connected" : why_);
    ++member_;
    ask_some();
}

void Fetch::ask_some() {
    while (!is_waiting_ && next_ < wish_.file.size &&
           asked_ + arrived_.size() + (is_writing_ ? 1 : 0) < fetched_pieces_max) {
        const auto count =
            std::min<std::uint64_t>(bulk::RemoteFiles::piece_bytes_max, wish_.file.size - next_);
        tools_.questions.ask(
            wish_.members.at(member_ - 1), Want{0, wish_.file.id, wish_.form, next_, count},
            tools_.answer_max,
            [self = shared_from_this(), round = round_, from = next_,
             count](std::optional<Word> answer) {
                if (self->is_over_ || self->round_ != round) return;
                self->take(from, count, std::move(answer));
            }
        );
        next_ += count;
        ++asked_;
    }
}

void Fetch::take(std::uint64_t from, std::uint64_t count, std::optional<Word> answer) {
    --asked_;
    auto* piece = answer ? std::get_if<Piece>(&*answer) : nullptr;
    if (piece == nullptr || piece->bytes.size() != count) {
        why_ = !answer            ? "a member does not answer"
               : piece == nullptr ? "no member that is connected has it"
                                  : "a member has less of it than its size";
        return next_member();
    }
    arrived_.emplace(from, std::move(piece->bytes));
    write_some();
}

void Fetch::write_some() {
    if (is_writing_ || arrived_.empty() || arrived_.begin()->first != taken_) return;
    const auto bytes = std::make_shared<std::string>(std::move(arrived_.begin()->second));
    arrived_.erase(arrived_.begin());
    is_writing_ = true;
    const std::uint64_t at = taken_;
    taken_ += bytes->size();
    on_disk(
        [this, bytes, at]() -> Error {
            const std::uint64_t end = at + bytes->size();
            const bool is_looked = at / room_looked_every != end / room_looked_every;
            if (is_looked && !has_room(0)) return fetch_error(ENOSPC);
            digest_.add(*bytes);
            return put_at(to_, *bytes, at);
        },
        [this, bytes] { written(bytes->size()); }
    );
}

void Fetch::written(std::uint64_t bytes) {
    is_writing_ = false;
    written_ += bytes;
    if (written_ == wish_.file.size) return finish();
    write_some();
    if (wish_.is_paced && !is_waiting_) {
        const auto debt = tools_.rate.take(bytes, TokenBucket::Clock::now());
        if (debt.count() > 0) {
            is_waiting_ = true;
            timer_.expires_after(debt);
            timer_.async_wait([self = shared_from_this()](Error error) {
                self->is_waiting_ = false;
                if (!error && !self->is_over_) self->ask_some();
            });
            return;
        }
    }
    ask_some();
}

void Fetch::finish() {
    const auto found = std::make_shared<std::string>();
    on_disk(
        [this, found]() -> Error {
            *found = digest_.take();
            if (::fsync(to_.get()) != 0) return fetch_error(errno);
            return tools_.store.folder().sync();   // of the name
        },
        [this, found] {
            if (!wish_.file.hash.empty() && *found != wish_.file.hash)
                return end(End::Failed, "the bytes that came have another hash: " + *found);
            end(End::Complete, {});
        }
    );
}

/// Also when work that may have made it ends later.
void Fetch::drop() {
    tools_.store.start([self = shared_from_this()] {
        self->tools_.store.folder().remove(self->wish_.file.id, FileForm::Copy);
    });
}

void Fetch::end(End how, const std::string& why) {
    if (std::exchange(is_over_, true)) return;
    timer_.cancel();
    if (how != End::Complete) drop();
    const Done done = std::exchange(done_, nullptr);
    done(how, why);
}

}   // namespace grid::server::cluster::files
