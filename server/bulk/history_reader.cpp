// server/bulk/history_reader.cpp: see server/bulk/history_reader.hpp.
#include "server/bulk/history_reader.hpp"

#include "server/clock.hpp"

namespace grid::server::bulk {

HistoryReader::HistoryReader(
    Post post,
    const pubsub::Broker& broker,
    storage::Store& store,
    controller::bulk::HistoryGrant grant
)
    : post_(std::move(post)),
      broker_(broker),
      store_(store),
      grant_(std::move(grant)),
      text_(grant_.request) {}

HistoryReader::PiecePtr HistoryReader::failed(State why, std::string reason) {
    auto piece = std::make_shared<Piece>();
    piece->failure = why;
    piece->reason = std::move(reason);
    return piece;
}

void HistoryReader::next(std::size_t room, Done done) {
    const bool has_more = slice_ && (at_ < slice_->items.size() || slice_->is_end);
    if (has_more)
        read(room, done);
    else
        fetch(room, done);
}

void HistoryReader::fetch(std::size_t room, const Done& done) {
    post_([self = shared_from_this(), room, done] {
        const auto after = self->slice_ ? self->slice_->after : self->grant_.view.after;
        self->slice_ = self->broker_.slice_of_history(
            self->grant_.view, after, slice_items, slice_bytes, now()
        );
        self->at_ = 0;
        if (self->slice_->is_gone)
            return done(failed(State::Denied, "the topic was deleted or purged"));
        self->read(room, done);
    });
}

void HistoryReader::read(std::size_t room, const Done& done) {
    store_.read([self = shared_from_this(), room, done](const storage::Snapshot& snapshot) {
        PiecePtr piece;
        try {
            piece = self->make_piece(snapshot, room);
        } catch (const std::exception& fault) {
            piece = failed(State::Failed, fault.what());
        }
        done(std::move(piece));
    });
}

HistoryReader::PiecePtr HistoryReader::make_piece(
    const storage::Snapshot& snapshot, std::size_t room
) {
    auto piece = std::make_shared<Piece>();
    std::string& out = piece->text;
    out.reserve(room + piece_bytes + piece_bytes / 4);
    out.assign(room, ' ');
    if (!std::exchange(has_begun_, true)) text_.begin(out);
    const auto add = [&](const pubsub::HistorySlice::Item& item, std::string_view payload) {
        text_.add(
            out, {slice_->id_of(item), slice_->publishers[item.publisher], item.cursor, payload,
                  item.time}
        );
        return out.size() < room + piece_bytes;
    };
    const auto behind =
        pubsub::read_history(snapshot, grant_.view, *slice_, at_, broker_.payload_faults(), add);
    if (!behind) return failed(State::Failed, behind.error().text);
    at_ = *behind;
    if (at_ == slice_->items.size() && slice_->is_end) {
        text_.end(out, slice_->cursor);
        piece->is_last = true;
    }
    if (out.size() == room) out.clear();
    return piece;
}

}   // namespace grid::server::bulk
