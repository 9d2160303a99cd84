// server/http/connection_remote_files.cpp: files whose bytes are on another member of the cluster
// are given from there.
#include <deque>

#include "server/bulk/digest.hpp"
#include "server/bulk/file_store.hpp"
#include "server/clock.hpp"
#include "server/http/carried.hpp"
#include "server/http/connection.hpp"
#include "server/net/from_callback.hpp"

namespace grid::server::http {

using bulk::RemoteFiles;

namespace {

/// Asked for and not sent yet: all the memory of such a download.
constexpr std::size_t pieces_ahead_max = 4;

/// A piece of a file, on its way from another member.
struct ComingPiece {
    std::optional<std::string> bytes;
    std::shared_ptr<net::Called> come = std::make_shared<net::Called>();
};

}   // namespace

/// The part of the file that is still to be sent.
struct Connection::RemoteSource {
    std::shared_ptr<RemoteFiles> remote;
    bulk::KnownFile file;
    Part part;
    std::uint64_t asked = 0;
    std::deque<std::shared_ptr<ComingPiece>> coming;

    void ask_ahead() {
        while (coming.size() < pieces_ahead_max && asked < part.count) {
            const auto count =
                std::min<std::uint64_t>(RemoteFiles::piece_bytes_max, part.count - asked);
            auto piece = std::make_shared<ComingPiece>();
            remote->read(file, part.from + asked, count, [piece](std::optional<std::string> bytes) {
                piece->bytes = std::move(bytes);
                (*piece->come)();
            });
            coming.push_back(std::move(piece));
            asked += count;
        }
    }
};

/// The client hears of a file that cannot be had before the answer begins.
asio::awaitable<bool> Connection::give_remote_file(
    Parser& parser,
    const controller::bulk::File& file,
    Answer answer,
    Part part,
    const CarriedPtr& carried
) {
    RemoteSource source{
        shared_->store->remote_files(), {file.id, file.size, file.hash}, part, 0, {}
    };
    source.ask_ahead();
    co_await net::Called::wait(source.coming.front()->come);
    if (!source.coming.front()->bytes) {
        end_transfer(carried, bulk::State::Failed, "no member that has the file is connected");
        co_return co_await refuse_file(
            parser,
            {503, "not-here", "no member of the cluster that has this file can be reached now"}
        );
    }
    const bool keeps = stays_after(parser);
    answer.keeps_alive = keeps;
    const bool is_sent =
        co_await send(to_bytes(answer, now())) && co_await send_remote_file(source, *carried);
    end_transfer(carried, is_sent ? bulk::State::Complete : bulk::State::Lost);
    if (!is_sent) stream_.abort();   // so that the client sees an end before the last byte
    co_return is_sent&& keeps;
}

/// A whole file's last piece is not sent unless the hash is the file's.
asio::awaitable<bool> Connection::send_remote_file(RemoteSource& source, Carried& carried) {
    bulk::Digest digest;
    std::uint64_t left = source.part.count;
    const bool is_whole = left == source.file.size;
    while (left > 0) {
        source.ask_ahead();
        const auto piece = source.coming.front();
        source.coming.pop_front();
        co_await net::Called::wait(piece->come);
        if (!piece->bytes || carried.is_cut) co_return false;
        left -= piece->bytes->size();
        if (is_whole) digest.add(*piece->bytes);
        if (is_whole && left == 0 && digest.take() != source.file.hash) {
            shared_->log.error(
                "file_unreadable",
                {{"file", source.file.id}, {"reason", "another member has other bytes of it"}}
            );
            co_return false;
        }
        if (!co_await write_all(*piece->bytes)) co_return false;
        const auto taken =
            carried.running->take(piece->bytes->size(), bulk::Transfers::Clock::now());
        if (taken.is_over) co_return false;
        if (taken.pause.count() > 0)
            co_await pause(carried, taken.pause);
        else
            co_await asio::post(strand_, asio::use_awaitable);
    }
    co_return true;
}

}   // namespace grid::server::http
