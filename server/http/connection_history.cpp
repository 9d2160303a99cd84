// server/http/connection_history.cpp: the history of a topic is given while it is read.
#include <array>

#include "server/bulk/history_reader.hpp"
#include "server/clock.hpp"
#include "server/http/carried.hpp"
#include "server/http/connection.hpp"
#include "server/net/from_callback.hpp"

namespace grid::server::http {

namespace {

namespace beast = boost::beast;
using controller::bulk::HistoryGrant;
using controller::bulk::HistoryQuestion;

/// RFC 9112 §7.1: the size of a chunk, written with leading zeros into the room in front of it.
constexpr std::size_t chunk_room = 10;   // eight digits and the end of the line
constexpr std::string_view last_chunk = "0\r\n\r\n";

void frame_chunk(std::string& chunk) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::size_t size = chunk.size() - chunk_room;
    for (std::size_t at = chunk_room - 2; at-- > 0; size >>= 4U) chunk[at] = digits[size & 0xfU];
    chunk[chunk_room - 2] = '\r';
    chunk[chunk_room - 1] = '\n';
    chunk += "\r\n";
}

Answer head_of(const HistoryGrant& grant) {
    Answer answer;
    answer.type = controller::bulk::media_type(grant.request.format);
    answer.headers = "Transfer-Encoding: chunked\r\n";
    answer.is_chunked = true;
    return answer;
}

}   // namespace

asio::awaitable<bool> Connection::serve_history(Parser& parser, const Admitted& request) {
    if (request.method != "GET")
        co_return co_await refuse(
            parser, {405, "method-not-allowed", "a history can be read", "GET, HEAD, OPTIONS",
                     !parser.is_done()}
        );
    if (parser.get().version() < 11)
        co_return co_await refuse(
            parser, {505, "version-not-supported", "a history needs HTTP/1.1", {}, true}
        );
    auto parsed = controller::bulk::parse_history_query(request.query);
    if (!parsed)
        co_return co_await refuse(
            parser, {400, "bad-request", parsed.error(), {}, !parser.is_done()}
        );
    const HistoryQuestion question{std::move(*parsed), file_clients()};
    const auto granted = co_await net::from_callback<HttpBackend::HistoryAnswer>(
        [this, &question](HttpBackend::HistoryDone done) {
            shared_->backend.ask_history(question, std::move(done));
        }
    );
    if (!granted) co_return co_await refuse_file(parser, granted.error());
    if (!is_served()) co_return false;
    Answer answer = head_of(*granted);
    answer.is_head = request.is_head;
    if (request.is_head) co_return co_await answer_file(parser, std::move(answer));
    const bool keeps = stays_after(parser);
    answer.keeps_alive = keeps;
    const auto begun = co_await begin_history(parser, question, *granted);
    if (!begun) co_return begun.error();
    const bool is_sent =
        co_await send(to_bytes(answer, now())) && co_await send_history(*begun, *granted);
    if (!is_sent) stream_.abort();   // before the last chunk: the client sees that it is cut
    co_return is_sent&& keeps;
}

asio::awaitable<Connection::BegunToCarry> Connection::begin_history(
    Parser& parser, const HistoryQuestion& question, const HistoryGrant& grant
) {
    const StartTransfer start = [&](HttpBackend::Cut cut, BegunDone done) {
        shared_->backend.begin_history(question, grant, std::move(cut), std::move(done));
    };
    co_return co_await carry(parser, false, start);
}

asio::awaitable<bool> Connection::send_history(CarriedPtr carried, const HistoryGrant& grant) {
    const auto reader = shared_->backend.read_history(grant);
    for (bool is_last = false; !is_last;) {
        const auto piece =
            co_await net::from_callback<bulk::HistoryReader::PiecePtr>([&reader](auto done) {
                reader->next(chunk_room, done);
            });
        if (carried->is_cut) co_return false;
        if (piece->failure) {
            end_transfer(carried, *piece->failure, piece->reason);
            co_return false;
        }
        is_last = piece->is_last;
        if (piece->text.empty()) continue;
        frame_chunk(piece->text);
        if (is_last) piece->text += last_chunk;
        if (!co_await write_all(piece->text)) {
            end_transfer(carried, bulk::State::Lost);
            co_return false;
        }
        const auto taken =
            carried->running->take(piece->text.size(), bulk::Transfers::Clock::now());
        if (taken.is_over && !is_last) {
            end_transfer(carried, bulk::State::Lost);
            co_return false;
        }
        if (taken.pause.count() > 0) co_await pause(*carried, taken.pause);
    }
    end_transfer(carried, bulk::State::Complete, std::to_string(reader->items()) + " items");
    co_return true;
}

}   // namespace grid::server::http
