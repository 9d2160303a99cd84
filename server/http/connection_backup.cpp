// server/http/connection_backup.cpp: a backup is given as an archive while it is read.
#include <chrono>

#include "server/backup/archive.hpp"
#include "server/clock.hpp"
#include "server/http/connection.hpp"
#include "server/http/limits.hpp"
#include "server/net/from_callback.hpp"

namespace grid::server::http {

namespace {
/// The right of the administrator is asked for again so many pieces (32 MiB) later, and for a
/// client that reads slowly so much later.
constexpr std::size_t pieces_between_questions = 256;
constexpr auto archive_right_every = std::chrono::seconds(2);
using ArchiveClock = std::chrono::steady_clock;
}   // namespace

asio::awaitable<bool> Connection::send_archive(
    Parser& parser, Answer answer, const Admitted& request
) {
    const std::string name = answer.backup;
    const auto archive =
        co_await net::from_callback<std::shared_ptr<backup::Archive>>([this, &name](auto done) {
            shared_->backend.open_backup(name, std::move(done));
        });
    if (!archive)
        co_return co_await refuse(
            parser, {404, "unknown-backup", "no backup " + name, {}, !parser.is_done()}
        );
    const bool keeps = stays_after(parser);
    answer.keeps_alive = keeps;
    answer.length = archive->bytes();
    answer.headers = "Content-Disposition: attachment; filename=\"" + name + ".tar\"\r\n";
    if (!co_await send(to_bytes(answer, now()))) co_return false;
    if (answer.is_head) co_return keeps;
    const bool is_sent = co_await send_pieces(*archive, name, request);
    if (!is_sent) stream_.abort();   // so that the client sees an end before the last byte
    co_return is_sent&& keeps;
}

asio::awaitable<bool> Connection::send_pieces(
    backup::Archive& archive, const std::string& name, const Admitted& request
) {
    auto asked = ArchiveClock::now();
    for (std::size_t count = 1;; ++count) {
        const auto piece =
            co_await net::from_callback<backup::Archive::PiecePtr>([&archive](auto done) {
                archive.next(std::move(done));
            });
        if (!piece->failure.empty()) {
            shared_->log.error("backup_unreadable", {{"backup", name}, {"reason", piece->failure}});
            co_return false;
        }
        {
            auto watch = watchdog(answer_seconds_max);
            if (!co_await write_all(piece->text)) co_return false;
        }
        if (piece->is_last) co_return true;
        const bool is_early = ArchiveClock::now() - asked < archive_right_every;
        if (is_early && count % pieces_between_questions != 0) continue;
        // The archive itself, and not what tells of it: auditors have a right to that alone.
        if (co_await refused_by_now(request, controller::Act::KeepBackups)) co_return false;
        asked = ArchiveClock::now();
    }
}

}   // namespace grid::server::http
