// server/http/connection_uploads.cpp: files that clients exchange are filled: a part at a time,
// with the next part on its way while one is written.
#include <array>
#include <boost/beast/core/buffers_range.hpp>
#include <cstring>

#include "controller/bulk/quotas.hpp"
#include "server/bulk/file_store.hpp"
#include "server/bulk/upload.hpp"
#include "server/clock.hpp"
#include "server/http/carried.hpp"
#include "server/http/connection.hpp"
#include "server/http/request_form.hpp"
#include "server/net/from_callback.hpp"
#include "server/net/turn.hpp"

namespace grid::server::http {

namespace beast = boost::beast;
using boost::system::error_code;
using net::no_throw;

namespace {

/// Two of them are all the memory of an upload, whatever its size.
constexpr std::size_t piece_bytes = 256UL * 1024;

/// Less than half of the shortest time of a slot.
constexpr auto ask_every = std::chrono::seconds(60);

/// On its way from the socket to the disk. Shared with the pool.
struct Piece {
    std::vector<char> bytes = std::vector<char>(piece_bytes);
    std::size_t size = 0;
    error_code error;
    std::shared_ptr<net::Called> written;   // null: it was not given to the pool yet

    bool is_written() const { return !written || written->is_made(); }
    std::span<const char> content() const { return std::span(bytes).first(size); }
};

/// The answer to an upload that was cut.
Refusal to_cut_refusal(bulk::State why, const std::string& text) {
    Refusal refusal{403, "forbidden", text, {}, true};
    switch (why) {
        case bulk::State::Idle:
        case bulk::State::TooLong:
            refusal.status = 408;
            refusal.code = "too-slow";
            break;
        case bulk::State::Quota:
            refusal.status = 429;
            refusal.code = "too-many-bytes";
            break;
        case bulk::State::Stopped:
            refusal.status = 503;
            refusal.code = "shutting-down";
            break;
        case bulk::State::Lost:
            refusal.status = 409;
            refusal.code = "superseded";
            break;
        case bulk::State::Disabled:
            refusal.code = "account-disabled";
            break;
        case bulk::State::Revoked:
            refusal.status = 401;
            refusal.code = "certificate-required";
            break;
        default:
            break;
    }
    return refusal;
}

bool fits(const UploadPart& part, std::uint64_t there) {
    return part.is_exact ? part.from == there : part.from <= there;
}

Refusal wrong_offset(const controller::bulk::File& file, std::uint64_t there) {
    Refusal refusal{
        409, "wrong-offset", std::to_string(there) + " bytes of this file are there", {}, true
    };
    refusal.headers = upload_headers_of(file, there);
    return refusal;
}

Refusal superseded() {
    return {409, "superseded", "a later connection goes on with this upload", {}, true};
}

}   // namespace

/// An upload by this connection.
struct Connection::Incoming {
    FileQuestion question;
    FileGrant grant;
    UploadPart part;
    std::uint64_t left = 0;   // to be read
    CarriedPtr carried;
    std::shared_ptr<bulk::Upload> upload;
    std::array<std::shared_ptr<Piece>, 2> pieces{
        std::make_shared<Piece>(), std::make_shared<Piece>()
    };
    std::size_t turn_bytes = 0;   // read since others had their turn
    bulk::Transfers::Clock::time_point asked = bulk::Transfers::Clock::now();   // for the grant
    bool is_lost = false;   // the client is gone
    error_code error;       // of the disk
};

/// The file is filled by one connection at a time, so that what is known of it by then stays true.
asio::awaitable<bool> Connection::take_file(
    Parser& parser, const FileQuestion& question, const FileGrant& grant
) {
    if (auto part = upload_part(parser.get(), grant.file.size); !part)
        co_return co_await refuse(parser, part.error());
    if (auto refusal = co_await refuse_offset(parser, grant.file))
        co_return co_await refuse(parser, std::move(*refusal));
    // A later connection with the same certificate is most likely the same client, which has lost
    // this one.
    const auto give_way = [weak = weak_from_this(), strand = strand_] {
        asio::post(strand, [weak] {
            if (const auto self = weak.lock()) self->stream_.abort();
        });
    };
    const auto turn =
        co_await net::from_callback<bulk::UploadGate::TurnPtr>([this, &grant,
                                                                &give_way](auto done) {
            shared_->store->gate()->enter(grant.file.id, give_way, done);
        });
    if (!turn) co_return co_await refuse(parser, superseded());
    co_return co_await take_in_turn(parser, question);
}

/// Before the connection that fills the file gives way: what cannot go on costs it nothing. In a
/// cluster bytes may come from another member first.
asio::awaitable<std::optional<Refusal>> Connection::refuse_offset(
    Parser& parser, const controller::bulk::File& file
) {
    const UploadPart part = *upload_part(parser.get(), file.size);
    if (part.from == 0 || shared_->store->remote_files()) co_return std::nullopt;
    const auto there = co_await shared_->store->run([store = shared_->store, id = file.id] {
        return store->folder().size_of(id);
    });
    if (fits(part, there)) co_return std::nullopt;
    co_return wrong_offset(file, there);
}

asio::awaitable<bool> Connection::take_in_turn(Parser& parser, const FileQuestion& question) {
    // Another connection may have completed it meanwhile.
    auto granted = co_await ask_file(question);
    if (!granted) co_return co_await refuse_file(parser, granted.error());
    Incoming incoming;
    incoming.question = question;
    incoming.grant = std::move(*granted);
    incoming.part = *upload_part(parser.get(), incoming.grant.file.size);
    incoming.left = incoming.part.count;
    const auto begun = co_await begin_transfer(parser, question, incoming.grant);
    if (!begun) co_return begun.error();
    incoming.carried = *begun;
    if (auto refusal = co_await prepare_upload(incoming)) {
        const bool is_fault = refusal->status >= 500;
        end_transfer(
            incoming.carried, is_fault ? bulk::State::Failed : bulk::State::Mismatch, refusal->text
        );
        co_return co_await refuse(parser, std::move(*refusal));
    }
    if (awaits_continue(parser.get()) && buffer_.size() == 0 && incoming.left > 0 &&
        !co_await send("HTTP/1.1 100 Continue\r\n\r\n"))
        incoming.is_lost = true;
    co_await take_body(incoming);
    co_return co_await end_upload(parser, incoming);
}

namespace {

Refusal to_disk_refusal(error_code error) {
    if (bulk::is_disk_full(error))
        return {
            507,
            "insufficient-storage",
            "the server's disk has no room for this file (files.free_bytes_min)",
            {},
            true
        };
    return {500, "internal-server-error", "the file cannot be written", {}, true};
}

}   // namespace

asio::awaitable<std::optional<Refusal>> Connection::prepare_upload(Incoming& incoming) {
    const auto& store = shared_->store;
    const controller::bulk::File& file = incoming.grant.file;
    const UploadPart part = incoming.part;
    incoming.upload =
        std::make_shared<bulk::Upload>(store->folder(), file.id, store->free_bytes_min());
    const auto upload = incoming.upload;
    if (const auto& remote = store->remote_files(); remote && part.from > 0) {
        const auto here =
            co_await store->run([store, id = file.id] { return store->folder().size_of(id); });
        // The client has begun it at another member, and was told that it goes on here.
        if (here < part.from)
            co_await net::from_callback<bool>([&remote, &file, &part](auto done) {
                remote->move_here(file.id, part.from, done);
            });
    }
    const auto there = co_await store->run([upload] { return upload->open(); });
    if (!there) co_return to_disk_refusal(there.error());
    if (!fits(part, *there)) co_return wrong_offset(file, *there);
    error_code error = co_await store->run([upload, part, size = file.size] {
        return upload->begin(part.from, size - part.from);
    });
    while (!error && !upload->is_hashed() && !incoming.carried->is_cut)
        error = co_await store->run([upload] { return upload->hash_some(); });
    if (!error) co_return std::nullopt;
    shared_->log.error("file_unwritable", {{"file", file.id}, {"reason", error.message()}});
    if (bulk::is_disk_full(error))
        co_await store->run([upload] { return upload->discard(), true; });
    co_return to_disk_refusal(error);
}

namespace {

asio::awaitable<void> written(Piece& piece) {
    if (piece.written) co_await net::Called::wait(piece.written);
}

}   // namespace

/// Fills that piece from the connection; false when no more comes. Less than a whole one, where the
/// client sends no more at the moment and the disk has nothing to do.
asio::awaitable<bool> Connection::fill(Incoming& incoming, std::size_t number) {
    Piece& piece = *incoming.pieces.at(number);
    Piece& other = *incoming.pieces.at(1 - number);
    piece.size = 0;
    while (piece.size < piece.bytes.size() && incoming.left > 0) {
        if (incoming.carried->is_cut) co_return false;
        const auto most = std::min<std::uint64_t>(piece.bytes.size() - piece.size, incoming.left);
        const auto into = std::span(piece.bytes).subspan(piece.size, most);
        std::size_t got = 0;
        if (buffer_.size() > 0) {   // read with the head
            got = asio::buffer_copy(asio::buffer(into.data(), into.size()), buffer_.data());
            buffer_.consume(got);
        } else {
            const auto read = stream_.read_now(into);
            if (read.error) co_return false;
            got = read.bytes;
            if (read.would_block && got == 0) {
                if (piece.size > 0) {
                    if (other.is_written()) co_return true;
                    // The client may send nothing for long: what has come goes to the disk first.
                    co_await written(other);
                    continue;
                }
                const auto [error] = co_await stream_.wait_readable();
                if (error) co_return false;
                incoming.turn_bytes = 0;
                continue;
            }
        }
        // Still in the processor's cache, and while another thread writes the piece before.
        incoming.upload->hash(into.first(got));
        piece.size += got;
        incoming.left -= got;
        incoming.turn_bytes += got;
        if (incoming.turn_bytes >= net::Turn::write_bytes_max) {
            incoming.turn_bytes = 0;
            co_await asio::post(strand_, asio::use_awaitable);
        }
    }
    co_return true;
}

/// An upload may take longer than its slot would last.
asio::awaitable<void> Connection::keep_slot(Incoming& incoming) {
    const auto time = bulk::Transfers::Clock::now();
    if (time - incoming.asked < ask_every) co_return;
    incoming.asked = time;
    // A grant that is gone is found by the table of transfers, too.
    co_await ask_file(incoming.question);
}

asio::awaitable<void> Connection::take_body(Incoming& incoming) {
    std::size_t number = 0;
    bool goes_on = !incoming.is_lost;
    while (goes_on && incoming.left > 0) {
        goes_on = co_await fill(incoming, number);
        incoming.is_lost = !goes_on && !incoming.carried->is_cut;
        const auto piece = incoming.pieces.at(number);
        Piece& earlier = *incoming.pieces.at(1 - number);
        co_await written(earlier);
        if (earlier.error || piece->size == 0) break;
        piece->written = std::make_shared<net::Called>();
        shared_->store->start([piece, upload = incoming.upload] {
            piece->error = upload->write(piece->content());
            (*piece->written)();
        });
        const auto taken =
            incoming.carried->running->take(piece->size, bulk::Transfers::Clock::now());
        if (taken.is_over) break;
        co_await pause(*incoming.carried, taken.pause);
        co_await keep_slot(incoming);
        number = 1 - number;
    }
    for (const auto& piece : incoming.pieces) {
        co_await written(*piece);
        if (piece->error) incoming.error = piece->error;
    }
}

asio::awaitable<bool> Connection::end_upload(Parser& parser, Incoming& incoming) {
    const CarriedPtr& carried = incoming.carried;
    if (incoming.error) co_return co_await fail_upload(parser, incoming, incoming.error);
    if (carried->is_cut || (incoming.left > 0 && !incoming.is_lost)) {
        const auto why = carried->is_cut ? carried->why : bulk::State::Quota;
        end_transfer(carried, why);
        std::string text = carried->text;
        if (why == bulk::State::Quota)
            text = controller::bulk::told_bytes_bound(shared_->config.controller.bulk);
        else if (text.empty())
            text = controller::bulk::describe(why);
        co_return co_await refuse(parser, to_cut_refusal(why, text));
    }
    if (incoming.left > 0) {
        end_transfer(carried, bulk::State::Lost);
        co_return false;
    }
    if (incoming.upload->offset() == incoming.grant.file.size)
        co_return co_await complete_upload(parser, incoming);
    end_transfer(carried, bulk::State::Complete, "a part of the file");
    Answer answer;
    answer.status = 204;
    answer.headers = upload_headers_of(incoming.grant.file, incoming.upload->offset());
    const bool keeps = may_stay(parser);
    answer.keeps_alive = keeps;
    co_return co_await send(to_bytes(answer, now())) && keeps;
}

/// Acknowledged means that no loss of one machine takes it away: before the record says that the
/// file is complete, another member has it as well. Where none does, the bytes stay here, and the
/// client may try again.
asio::awaitable<std::optional<Refusal>> Connection::keep_elsewhere(
    const Incoming& incoming, const std::string& hash
) {
    const auto& remote = shared_->store->remote_files();
    const controller::bulk::File& file = incoming.grant.file;
    const bool is_other = !file.hash.empty() && file.hash != hash;   // refused in any case
    if (!remote || is_other) co_return std::nullopt;
    const auto kept =
        co_await net::from_callback<bulk::RemoteFiles::Kept>([&remote, &file, &hash](auto done) {
            remote->keep({file.id, file.size, hash}, done);
        });
    if (!kept.is_failed) co_return std::nullopt;
    Refusal refusal{
        503,
        "not-kept-elsewhere",
        "no other member of the cluster has taken the file: try again, all bytes are here",
        {},
        false
    };
    refusal.headers = "Retry-After: 10\r\n" + upload_headers_of(file, file.size);
    co_return refusal;
}

/// All bytes are durable before their record says so, and the client is told after that.
asio::awaitable<bool> Connection::complete_upload(Parser& parser, Incoming& incoming) {
    const auto& store = shared_->store;
    const auto upload = incoming.upload;
    const auto hash = co_await store->run([upload] { return upload->finish(); });
    if (!hash) co_return co_await fail_upload(parser, incoming, hash.error());
    if (auto refusal = co_await keep_elsewhere(incoming, *hash)) {
        end_transfer(incoming.carried, bulk::State::Failed, refusal->text);
        co_return co_await refuse(parser, std::move(*refusal));
    }
    auto completed =
        co_await net::from_callback<HttpBackend::FileAnswer>([this, &incoming,
                                                              &hash](HttpBackend::FileDone done) {
            shared_->backend.complete_file(incoming.question, *hash, std::move(done));
        });
    if (!completed) {
        const bool is_other = completed.error().status == 422;
        if (is_other) co_await store->run([upload] { return upload->discard(), true; });
        end_transfer(
            incoming.carried, is_other ? bulk::State::Mismatch : bulk::State::Failed,
            completed.error().text
        );
        co_return co_await refuse_file(parser, completed.error());
    }
    // A failure leaves the bytes under the other name, where they are found again.
    const auto named = co_await store->run([store, id = completed->file.id] {
        return store->folder().turn(id, bulk::FileForm::Part, bulk::FileForm::Whole);
    });
    if (named)
        shared_->log.error(
            "file_unwritable", {{"file", completed->file.id}, {"reason", named.message()}}
        );
    end_transfer(incoming.carried, bulk::State::Complete);
    log(parser, 201, {});
    Answer answer;
    answer.status = 201;
    answer.headers =
        file_headers_of(completed->file) + upload_headers_of(completed->file, completed->file.size);
    const bool keeps = may_stay(parser);
    answer.keeps_alive = keeps;
    co_return co_await send(to_bytes(answer, now())) && keeps;
}

asio::awaitable<bool> Connection::fail_upload(
    Parser& parser, Incoming& incoming, error_code error
) {
    const auto upload = incoming.upload;
    shared_->log.error(
        "file_unwritable", {{"file", incoming.grant.file.id}, {"reason", error.message()}}
    );
    co_await shared_->store->run([upload] { return upload->discard(), true; });
    end_transfer(incoming.carried, bulk::State::Failed, error.message());
    co_return co_await refuse(parser, to_disk_refusal(error));
}

}   // namespace grid::server::http
