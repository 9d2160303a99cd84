// server/bulk/in_band_histories.cpp: see server/bulk/in_band_histories.hpp.
#include "server/bulk/in_band_histories.hpp"

#include <algorithm>
#include <vector>

#include "controller/gi/history.hpp"
#include "controller/state.hpp"
#include "server/clock.hpp"
#include "xml/base64.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::bulk {

using controller::bulk::HistoryOffer;
using controller::bulk::Offer;

struct InBandHistories::Stream {
    enum class Step { Offered, Opening, Sending, Closing };
    Step step = Step::Offered;
    std::uint64_t session = 0;
    xml::Jid from, to;
    std::string sid;
    RunningPtr running;
    std::shared_ptr<HistoryReader> reader;
    std::string text;   // that was read, and from `at` on was not sent
    std::size_t at = 0;
    bool is_reading = false, is_read = false;   // a piece is on its way; the last one was there
    std::size_t block = block_bytes;
    std::size_t packets = 0;      // that wait for their answers
    std::uint16_t sequence = 0;   // of the next one; begins anew behind 65535 (XEP-0047 §2.2)
    Clock::time_point not_before;
};

namespace {

xml::StanzaError no_stream_here() {
    return xml::item_not_found("no in-band stream of this id is open between you and this server");
}

xml::StanzaError stream_refusal(const Refusal& refusal) {
    if (refusal.state == State::Quota) return xml::resource_constraint(refusal.text);
    return xml::forbidden(
        refusal.text.empty() ? "the policy of this grid does not allow it" : refusal.text
    );
}

}   // namespace

InBandHistories::InBandHistories(
    Transfers& transfers,
    controller::Controller& controller,
    const pubsub::Broker& broker,
    storage::Store& store,
    Post post,
    Tell tell
)
    : transfers_(transfers),
      controller_(controller),
      broker_(broker),
      store_(store),
      post_(std::move(post)),
      tell_(std::move(tell)) {}

std::optional<xml::StanzaError> InBandHistories::prepare(
    const Session& session, const xml::Jid& from, const HistoryOffer& offer
) {
    const auto& request = offer.request;
    const pubsub::Context context{session.principal, now(), {}};
    auto right = controller::gi::right_to_history(
        controller_.state_for_admin(), context, request.wish, "bulk-start"
    );
    if (!right) return right.error();
    const Begun begun = begin(session, offer, right->rule);
    if (!begun) return stream_refusal(begun.error());
    auto stream = std::make_shared<Stream>();
    stream->session = session.id;
    stream->from = from;
    stream->to = session.jid;
    stream->sid = request.sid;
    stream->running = *begun;
    stream->reader = std::make_shared<HistoryReader>(
        post_, broker_, store_,
        controller::bulk::HistoryGrant{request, std::move(right->view), 0, std::move(right->rule)}
    );
    streams_.emplace(Key{session.id, request.sid}, std::move(stream));
    return std::nullopt;
}

Begun InBandHistories::begin(const Session& session, const HistoryOffer& offer, std::string rule) {
    Beginning beginning;
    Transfer& transfer = beginning.transfer;
    transfer.kind = Kind::Ibb;
    transfer.to = session.jid;
    transfer.account = session.bare.str();
    transfer.address = session.principal.address;
    transfer.what = offer.request.wish.node;
    transfer.rule = std::move(rule);
    beginning.parties = {party_of(session)};
    // Where the answer begins is not asked again: what is kept may have gone on.
    pubsub::HistoryWish wish = offer.request.wish;
    wish.after.clear();
    beginning.right = [this, actor = session.principal, wish = std::move(wish)] {
        const auto right = controller::gi::right_to_history(
            controller_.state_for_admin(), {actor, now(), {}}, wish, {}
        );
        return right ? pubsub::Verdict{true, right->rule}
                     : pubsub::Verdict{false, right.error().text};
    };
    beginning.cut = [this, key = Key{session.id, offer.request.sid}](State, const std::string&) {
        cut(key);
    };
    return transfers_.begin_now(std::move(beginning));
}

void InBandHistories::open(const Session& session) {
    for (auto at = streams_.lower_bound(Key{session.id, {}});
         at != streams_.end() && at->first.first == session.id; ++at)
        if (at->second->step == Stream::Step::Offered) open(at->second);
}

void InBandHistories::open(const StreamPtr& stream) {
    stream->step = Stream::Step::Opening;
    send(
        stream,
        xml::Element(
            "open", controller::bulk::in_band_ns,
            {{"block-size", std::to_string(stream->block)}, {"sid", stream->sid}, {"stanza", "iq"}}
        )
    );
}

void InBandHistories::answered(
    const Session& session, std::string_view id, std::string_view condition
) {
    const auto found = asked_.find(id);
    if (found == asked_.end() || found->second->session != session.id) return;
    const StreamPtr stream = found->second;
    asked_.erase(found);
    if (!is_there(stream)) return;
    switch (stream->step) {
        case Stream::Step::Offered:
            return;
        case Stream::Step::Opening:
            return opened(stream, condition);
        case Stream::Step::Sending:
            --stream->packets;
            if (condition.empty()) return pump(stream);
            cut({stream->session, stream->sid});
            return finish(
                stream, State::Lost, "the client refused a packet: " + std::string(condition)
            );
        case Stream::Step::Closing:
            return finish(
                stream, State::Complete, std::to_string(stream->reader->items()) + " items"
            );
    }
}

/// XEP-0047 §2.1: a client that wants smaller blocks says resource-constraint.
void InBandHistories::opened(const StreamPtr& stream, std::string_view condition) {
    if (condition.empty()) {
        stream->step = Stream::Step::Sending;
        return pump(stream);
    }
    if (condition == "resource-constraint" && stream->block / 2 >= block_bytes_min) {
        stream->block /= 2;
        return open(stream);
    }
    finish(stream, State::Declined, "the client does not take it: " + std::string(condition));
}

/// Sends what may be sent, reads what is needed next.
void InBandHistories::pump(const StreamPtr& stream) {
    if (stream->step != Stream::Step::Sending) return;
    while (stream->packets < packets_max && Clock::now() >= stream->not_before) {
        const std::size_t left = stream->text.size() - stream->at;
        if (left == 0 || (left < stream->block && !stream->is_read)) break;
        if (!send_packet(stream)) return;
    }
    const std::size_t left = stream->text.size() - stream->at;
    if (!stream->is_read) {
        if (left < stream->block && !stream->is_reading) read(stream);
    } else if (left == 0 && stream->packets == 0) {
        close(stream);
    }
}

/// False: the stream is cut.
bool InBandHistories::send_packet(const StreamPtr& stream) {
    const std::string_view bytes = std::string_view(stream->text).substr(stream->at, stream->block);
    xml::Element data(
        "data", controller::bulk::in_band_ns,
        {{"seq", std::to_string(stream->sequence++)}, {"sid", stream->sid}}
    );
    data.append(xml::to_base64(bytes));
    stream->at += bytes.size();
    ++stream->packets;
    const auto taken = stream->running->take(bytes.size(), Clock::now());
    if (taken.is_over) {
        transfers_.cut(
            stream->running, State::Quota, std::string(controller::bulk::describe(State::Quota))
        );
        return false;
    }
    stream->not_before = Clock::now() + taken.pause;
    send(stream, std::move(data));
    return true;
}

void InBandHistories::read(const StreamPtr& stream) {
    stream->is_reading = true;
    const std::weak_ptr<Stream> weak = stream;
    stream->reader->next(0, [this, weak](HistoryReader::PiecePtr piece) {
        post_([this, weak, piece = std::move(piece)] {
            if (const StreamPtr there = weak.lock(); there && is_there(there))
                take_piece(there, *piece);
        });
    });
}

void InBandHistories::take_piece(const StreamPtr& stream, const HistoryReader::Piece& piece) {
    stream->is_reading = false;
    if (piece.failure) {
        cut({stream->session, stream->sid});
        return finish(stream, *piece.failure, piece.reason);
    }
    stream->text.erase(0, stream->at);
    stream->at = 0;
    stream->text += piece.text;
    stream->is_read = piece.is_last;
    pump(stream);
}

void InBandHistories::close(const StreamPtr& stream) {
    stream->step = Stream::Step::Closing;
    send(stream, xml::Element("close", controller::bulk::in_band_ns, {{"sid", stream->sid}}));
}

void InBandHistories::send(const StreamPtr& stream, xml::Element payload) {
    std::string id = std::string(id_prefix) + std::to_string(++sent_);
    xml::Element iq(
        "iq", xml::ns::client,
        {{"type", "set"}, {"id", id}, {"from", stream->from.str()}, {"to", stream->to.str()}},
        std::move(payload)
    );
    asked_.emplace(std::move(id), stream);
    tell_(stream->session, std::move(iq));
}

/// The client closes the stream before its end, or sends into it.
std::optional<xml::StanzaError> InBandHistories::take(const Session& session, const Offer& offer) {
    if (offer.kind == Offer::Kind::Open)
        return xml::StanzaError{
            "cancel", "not-acceptable", {}, "this server opens in-band streams, and takes none", {}
        };
    const auto found = streams_.find(Key{session.id, offer.sid});
    if (found == streams_.end() || found->second->step == Stream::Step::Offered)
        return no_stream_here();
    if (offer.kind != Offer::Kind::Close)
        return xml::StanzaError{
            "cancel", "unexpected-request", {}, "this server takes nothing in this stream", {}
        };
    finish(found->second, State::Lost, "the client closed the stream");
    return std::nullopt;
}

void InBandHistories::session_ended(const Session& session) {
    std::vector<StreamPtr> ended;
    for (auto at = streams_.lower_bound(Key{session.id, {}});
         at != streams_.end() && at->first.first == session.id; ++at)
        ended.push_back(at->second);
    for (const StreamPtr& stream : ended)
        finish(stream, State::Lost, session.jid.str() + " is gone");
}

void InBandHistories::tick(Clock::time_point time) {
    std::vector<StreamPtr> due;
    for (const auto& [key, stream] : streams_)
        if (stream->step == Stream::Step::Sending && stream->not_before <= time)
            due.push_back(stream);
    for (const StreamPtr& stream : due)
        if (is_there(stream)) pump(stream);
}

bool InBandHistories::is_there(const StreamPtr& stream) const {
    const auto found = streams_.find(Key{stream->session, stream->sid});
    return found != streams_.end() && found->second == stream;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): a reference into the table would end here
void InBandHistories::finish(StreamPtr stream, State why, std::string detail) {
    if (is_there(stream)) streams_.erase(Key{stream->session, stream->sid});
    std::erase_if(asked_, [&](const auto& entry) { return entry.second == stream; });
    transfers_.end(stream->running, why, std::move(detail));
}

/// An answer to what is said here is of no interest.
void InBandHistories::cut(const Key& key) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) return;
    const StreamPtr stream = found->second;
    streams_.erase(found);
    if (stream->step != Stream::Step::Offered) close(stream);
    std::erase_if(asked_, [&](const auto& entry) { return entry.second == stream; });
}

}   // namespace grid::server::bulk
