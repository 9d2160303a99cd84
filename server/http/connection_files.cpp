// server/http/connection_files.cpp: files that clients exchange are given and removed.
#include <algorithm>
#include <array>

#include "server/bulk/file_store.hpp"
#include "server/clock.hpp"
#include "server/http/carried.hpp"
#include "server/http/connection.hpp"
#include "server/net/from_callback.hpp"
#include "server/net/turn.hpp"

namespace grid::server::http {

namespace beast = boost::beast;
using controller::bulk::FileRefusal;
using controller::bulk::FileWish;
using net::no_throw;

namespace {

/// So often a transfer that was slowed down looks whether it was cut.
constexpr auto pause_at_once = std::chrono::milliseconds(250);
constexpr std::uint64_t ms_of_second = 1000;

FileWish wish_of(const std::string& method) {
    if (method == "GET") return FileWish::Read;
    return method == "DELETE" ? FileWish::Remove : FileWish::Write;
}

std::string content_range(const Part& part, std::uint64_t size) {
    return "Content-Range: bytes " + std::to_string(part.from) + "-" +
           std::to_string(part.from + part.count - 1) + "/" + std::to_string(size) + "\r\n";
}

}   // namespace

FileRefusal to_file_refusal(const bulk::Refusal& refusal) {
    switch (refusal.state) {
        case bulk::State::Quota:
            return {
                429,
                refusal.limit.find("bytes") == std::string::npos ? "too-many-transfers"
                                                                 : "too-many-bytes",
                refusal.text,
                refusal.retry_ms ? (*refusal.retry_ms + ms_of_second - 1) / ms_of_second : 30
            };
        case bulk::State::Stopped:
            return {503, "shutting-down", refusal.text};
        case bulk::State::Disabled:
            return {403, "account-disabled", refusal.text};
        case bulk::State::Revoked:
            return {401, "certificate-required", refusal.text};
        default:
            return {403, "forbidden", "the policy does not allow it"};
    }
}

std::vector<controller::bulk::FileClient> Connection::file_clients() const {
    std::vector<controller::bulk::FileClient> clients;
    for (const xml::Jid& jid : presented_.identities) {
        auto& client = clients.emplace_back();
        client.identity = tls::to_identity(presented_, jid);
        client.principal.jid = jid;
        client.principal.origin = pubsub::Origin::Http;
        client.principal.address = peer_;
        client.principal.issuer = controller::authorities_text(client.identity);
        client.principal.is_mapped = presented_.is_mapped;
    }
    return clients;
}

asio::awaitable<HttpBackend::FileAnswer> Connection::ask_file(const FileQuestion& question) {
    co_return co_await net::from_callback<HttpBackend::FileAnswer>(
        [this, question](HttpBackend::FileDone done) {
            shared_->backend.ask_file(question, std::move(done));
        }
    );
}

asio::awaitable<bool> Connection::serve_file(Parser& parser, const Admitted& request) {
    const auto path = parse_file_path(request.path);
    const FileWish wish = wish_of(request.method);
    if (wish == FileWish::Write)
        if (auto refusal = check_upload(parser.get()))
            co_return co_await refuse(parser, std::move(*refusal));
    FileQuestion question{wish, path ? path->id : "", path ? path->name : std::nullopt, {}};
    question.clients = file_clients();
    if (wish != FileWish::Read) question.precondition = precondition_of(parser.get());
    auto granted = co_await ask_file(question);
    if (!granted) co_return co_await refuse_file(parser, granted.error());
    if (!is_served()) co_return false;
    if (wish == FileWish::Write) co_return co_await take_file(parser, question, *granted);
    if (wish == FileWish::Remove) co_return co_await remove_file(parser);
    co_return co_await give_file(parser, question, *granted, request.is_head);
}

/// Refusals by the policy are on record already, with the file and the rule.
asio::awaitable<bool> Connection::refuse_file(Parser& parser, FileRefusal refusal) {
    const bool is_body_unread = !parser.is_done();
    Refusal http{refusal.status, refusal.code, refusal.text, {}, is_body_unread};
    if (refusal.status == 429 || refusal.status == 503)
        http.headers = "Retry-After: " + std::to_string(refusal.retry_seconds) + "\r\n";
    if (refusal.code != "forbidden") co_return co_await refuse(parser, std::move(http));
    Answer answer = to_answer(http);
    answer.is_head = parser.get().method() == beast::http::verb::head;
    co_return co_await answer_file(parser, std::move(answer));
}

asio::awaitable<bool> Connection::answer_file(Parser& parser, Answer answer) {
    const bool keeps = stays_after(parser);
    answer.keeps_alive = keeps;
    co_return co_await send(to_bytes(answer, now())) && keeps;
}

asio::awaitable<bool> Connection::remove_file(Parser& parser) {
    log(parser, 204, {});
    Answer answer;
    answer.status = 204;
    co_return co_await answer_file(parser, std::move(answer));
}

/// To its owner alone: how far an upload has come.
asio::awaitable<bool> Connection::show_upload(
    Parser& parser, const controller::bulk::File& file, bool is_head
) {
    auto offset = co_await shared_->store->run([store = shared_->store, id = file.id] {
        return store->folder().size_of(id);
    });
    // An upload that goes on here goes on where it stopped on another member.
    if (const auto& remote = shared_->store->remote_files())
        offset = std::max(
            offset, co_await net::from_callback<std::uint64_t>([&remote, &file](auto done) {
                remote->extent(file.id, done);
            })
        );
    Answer answer;
    answer.status = 204;
    if (!is_head)
        answer = to_answer(Refusal{
            409,
            "not-complete",
            "of this file " + std::to_string(offset) + " of " + std::to_string(file.size) +
                " bytes are there",
            {}
        });
    answer.headers = upload_headers_of(file, offset);
    co_return co_await answer_file(parser, std::move(answer));
}

asio::awaitable<bool> Connection::give_file(
    Parser& parser, const FileQuestion& question, const FileGrant& grant, bool is_head
) {
    const controller::bulk::File& file = grant.file;
    if (!file.is_complete) co_return co_await show_upload(parser, file, is_head);
    Selection selected = select(parser.get(), file.size, file_tag(file));
    // RFC 9110 §14.2: ranges are for GET.
    if (is_head && (selected.status == 206 || selected.status == 416))
        selected = {200, {0, file.size}};
    Answer answer;
    answer.status = selected.status;
    answer.is_head = is_head;
    if (selected.status == 416)
        answer = to_answer(Refusal{416, "range-not-satisfiable", "the file ends before it", {}});
    if (selected.status == 412)
        answer = to_answer(Refusal{412, "precondition-failed", "If-Match names another file", {}});
    answer.headers = file_headers_of(file);
    if (selected.status == 416)
        answer.headers += "Content-Range: bytes */" + std::to_string(file.size) + "\r\n";
    if (selected.status >= 300) co_return co_await answer_file(parser, std::move(answer));
    if (selected.status == 206) answer.headers += content_range(selected.part, file.size);
    answer.type = file.media_type;
    answer.length = selected.part.count;
    if (is_head) co_return co_await answer_file(parser, std::move(answer));

    const auto begun = co_await begin_transfer(parser, question, grant);
    if (!begun) co_return begun.error();
    const CarriedPtr& carried = *begun;
    auto bytes = co_await shared_->store->run([store = shared_->store, id = file.id] {
        return store->folder().open_to_read(id);
    });
    if (!bytes && shared_->store->remote_files() &&
        bytes.error() == boost::system::errc::no_such_file_or_directory)
        co_return co_await give_remote_file(
            parser, file, std::move(answer), selected.part, carried
        );
    if (!bytes) {
        shared_->log.error(
            "file_unreadable", {{"file", file.id}, {"reason", bytes.error().message()}}
        );
        end_transfer(carried, bulk::State::Failed, "the file cannot be read");
        co_return co_await refuse_file(
            parser, {500, "internal-server-error", "the file's bytes cannot be read"}
        );
    }
    const bool keeps = stays_after(parser);
    answer.keeps_alive = keeps;
    const bool is_sent = co_await send(to_bytes(answer, now())) &&
                         co_await send_part(*bytes, selected.part, *carried);
    end_transfer(carried, is_sent ? bulk::State::Complete : bulk::State::Lost);
    if (!is_sent) stream_.abort();   // so that the client sees an end before the last byte
    co_return is_sent&& keeps;
}

asio::awaitable<Connection::BegunToCarry> Connection::carry(
    Parser& parser, bool is_told_why, const StartTransfer& start
) {
    const auto carried = std::make_shared<Carried>();
    // On the core strand, which may hold it for longer than the connection lives.
    const auto cut = [weak = weak_from_this(), strand = strand_, carried,
                      is_told_why](bulk::State why, const std::string& text) {
        asio::post(strand, [weak, carried, is_told_why, why, text] {
            const auto self = weak.lock();
            if (!self || carried->is_over) return;
            carried->is_cut = true;
            carried->why = why;
            carried->text = text;
            if (is_told_why)
                self->stream_.cancel();
            else
                self->stream_.abort();
        });
    };
    const auto begun =
        co_await net::from_callback<std::shared_ptr<bulk::Begun>>([&start, &cut](auto done) {
            start(cut, [done](bulk::Begun made) {
                done(std::make_shared<bulk::Begun>(std::move(made)));
            });
        });
    if (!*begun) {
        const bool goes_on = co_await refuse_file(parser, to_file_refusal(begun->error()));
        co_return BegunToCarry(boost::system::in_place_error, goes_on);
    }
    carried->running = **begun;
    co_return BegunToCarry(boost::system::in_place_value, carried);
}

asio::awaitable<Connection::BegunToCarry> Connection::begin_transfer(
    Parser& parser, const FileQuestion& question, const FileGrant& grant
) {
    const StartTransfer start = [&](HttpBackend::Cut cut, BegunDone done) {
        shared_->backend.begin_transfer(question, grant, std::move(cut), std::move(done));
    };
    co_return co_await carry(parser, question.wish != FileWish::Read, start);
}

void Connection::end_transfer(const CarriedPtr& carried, bulk::State why, std::string detail) {
    carried->is_over = true;
    shared_->backend.end_transfer(carried->running, why, std::move(detail));
}

asio::awaitable<void> Connection::pause(Carried& carried, std::chrono::nanoseconds time) {
    while (time.count() > 0 && !carried.is_cut) {
        const auto step = std::min<std::chrono::nanoseconds>(time, pause_at_once);
        asio::steady_timer timer(strand_, step);
        co_await timer.async_wait(no_throw);
        time -= step;
    }
}

asio::awaitable<bool> Connection::write_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto now = stream_.write_now(bytes);
        if (now.error) co_return false;
        bytes.remove_prefix(now.bytes);
        if (bytes.empty()) break;
        const auto [error] = co_await stream_.wait_writable();
        if (error) co_return false;
    }
    co_return true;
}

/// In turns: a piece is what one connection writes at once. Bytes that are in the system's memory
/// are read without a change of threads; for the rest the pool waits.
asio::awaitable<bool> Connection::send_part(
    const bulk::Descriptor& file, Part part, Carried& carried
) {
    std::vector<char> piece(net::Turn::write_bytes_max);
    while (part.count > 0) {
        const auto into = std::span(piece).first(std::min<std::uint64_t>(piece.size(), part.count));
        std::size_t size = bulk::read_without_waiting(file, into, part.from);
        if (size == 0) {
            const auto read = co_await shared_->store->run([&file, into, at = part.from] {
                return bulk::read_at(file, into, at);
            });
            size = read ? *read : 0;
        }
        if (size == 0 || carried.is_cut) co_return false;
        if (!co_await write_all({piece.data(), size})) co_return false;
        part.from += size;
        part.count -= size;
        const auto taken = carried.running->take(size, bulk::Transfers::Clock::now());
        if (taken.is_over) co_return false;
        if (taken.pause.count() > 0)
            co_await pause(carried, taken.pause);
        else
            co_await asio::post(strand_, asio::use_awaitable);
    }
    co_return true;
}

}   // namespace grid::server::http
