// server/bulk/in_band_histories.hpp: in-band streams of which this server is an end (XEP-0047): the
// history of a topic, for a client that asked for that carrier.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "controller/bulk/history.hpp"
#include "controller/bulk/offers.hpp"
#include "controller/controller.hpp"
#include "server/bulk/history_reader.hpp"
#include "server/bulk/transfers.hpp"
#include "server/session/session.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server::bulk {

/// The server opens the stream when its offer has gone out, sends packets as iqs, and closes it.
/// The client's answers are the back-pressure: a few packets wait for theirs, and one piece of the
/// history is read ahead of them. Each stream is a transfer, with its quotas, limits and cuts. Core
/// strand only.
class InBandHistories {
public:
    using Post = std::function<void(std::function<void()>)>;   // to the core strand
    /// Sends that iq to the session, if it is there.
    using Tell = std::function<void(std::uint64_t session, xml::Element iq)>;
    using Clock = Transfers::Clock;

    /// Bytes of a packet: what XEP-0047 §2.1 begins with, and what a client may ask to be less.
    static constexpr std::size_t block_bytes = 4096, block_bytes_min = 256;
    static constexpr std::size_t packets_max = 4;   // that wait for their answers

    InBandHistories(
        Transfers& transfers,
        controller::Controller& controller,
        const pubsub::Broker& broker,
        storage::Store& store,
        Post post,
        Tell tell
    );

    /// Before the offer goes out: takes the place of a transfer, or says why there is none.
    std::optional<xml::StanzaError> prepare(
        const Session& session, const xml::Jid& from, const controller::bulk::HistoryOffer& offer
    );
    /// Behind it: streams that were prepared for the session are opened.
    void open(const Session& session);

    /// Whether an iq of that id is one of this server's, in such a stream.
    static bool is_own_id(std::string_view id) { return id.starts_with(id_prefix); }
    /// The client's answer to it; `condition`: of its error, empty where it is a result.
    void answered(const Session& session, std::string_view id, std::string_view condition);
    /// An iq of a client to this server about a stream: nullopt where it is taken.
    std::optional<xml::StanzaError> take(
        const Session& session, const controller::bulk::Offer& offer
    );
    void session_ended(const Session& session);
    /// A few times a second: streams whose account was too fast go on.
    void tick(Clock::time_point time);
    std::size_t size() const { return streams_.size(); }

private:
    static constexpr std::string_view id_prefix = "in-band-";
    using Key = std::pair<std::uint64_t, std::string>;   // session and the stream's id
    struct Stream;
    using StreamPtr = std::shared_ptr<Stream>;

    Begun begin(
        const Session& session, const controller::bulk::HistoryOffer& offer, std::string rule
    );
    void open(const StreamPtr& stream);
    void pump(const StreamPtr& stream);
    void read(const StreamPtr& stream);
    void take_piece(const StreamPtr& stream, const HistoryReader::Piece& piece);
    bool send_packet(const StreamPtr& stream);
    void close(const StreamPtr& stream);
    void opened(const StreamPtr& stream, std::string_view condition);
    void send(const StreamPtr& stream, xml::Element payload);
    bool is_there(const StreamPtr& stream) const;
    /// Without a word to the client, which knows, or is gone.
    /// By value: what the table holds ends here.
    void finish(StreamPtr stream, State why, std::string detail);
    /// The client hears that it is closed.
    void cut(const Key& key);

    Transfers& transfers_;
    controller::Controller& controller_;
    const pubsub::Broker& broker_;
    storage::Store& store_;
    const Post post_;
    const Tell tell_;
    std::map<Key, StreamPtr> streams_;
    std::map<std::string, StreamPtr, std::less<>> asked_;   // by id of an iq without an answer
    std::uint64_t sent_ = 0;
};

}   // namespace grid::server::bulk
