// server/bulk/in_band.hpp: the in-band streams between clients (XEP-0047), as far as a server that
// only passes their stanzas on knows them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "controller/bulk/offers.hpp"
#include "server/bulk/permits.hpp"
#include "server/bulk/transfers.hpp"
#include "server/session/session.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server::bulk {

/// A stream is opened under the policy's right, then either side sends in it: the right is that of
/// the one that opened it. Each is a transfer. Of a stream between two members of a cluster the
/// member of the side that accepted it has the table, and the sender's member looks at the rate,
/// since it reads from the sender. Core strand only.
class InBand {
public:
    /// Sends that iq to the session, if it is there.
    using Tell = std::function<void(std::uint64_t session, xml::Element iq)>;

    InBand(Transfers& transfers, Permits& permits, Tell tell)
        : transfers_(transfers), permits_(permits), tell_(std::move(tell)) {}

    using Offer = controller::bulk::Offer;
    /// A stanza of an in-band stream on its way from one session to the other: a refusal, or
    /// nothing, and it is counted.
    std::optional<xml::StanzaError> pass(
        const Session& from, const Session& to, const Offer& offer
    );
    /// A packet goes to the member that has its stream.
    void passes_elsewhere(const Session& from, std::uint64_t bytes);
    /// Whether a packet would pass now.
    bool is_open(const Session& from, const Session& to, std::string_view sid) const;
    /// The iq that opened or closed a stream was answered by `by`, or will not be.
    void answered(const xml::Jid& asker, const xml::Jid& by, const Offer& offer, bool is_error);
    void session_ended(const Session& session);
    /// So long no more is to be read from that session, which sent faster than it may. Each call
    /// tells what has come up since the one before.
    std::chrono::nanoseconds take_pause(const Session& session);
    std::size_t size() const { return streams_.size(); }

private:
    /// Both full addresses, the lesser one first, and the id.
    using Key = std::tuple<std::string, std::string, std::string>;
    struct Stream {
        RunningPtr running;
        std::uint64_t opener = 0, other = 0;   // sessions
        xml::Jid from, to;
        std::uint64_t block_bytes_max = 0;   // of a packet, as the opener has said
        bool is_accepted = false;
    };
    static Key key_of(const xml::Jid& one, const xml::Jid& other, std::string_view sid);
    std::optional<xml::StanzaError> open(
        const Session& from, const Session& to, const Offer& offer
    );
    bool count(Running& running, const Session& from, std::uint64_t bytes);
    void slow_down(const Session& from, std::chrono::nanoseconds pause);
    /// Both ends hear that the stream is closed.
    void cut(const Key& key);
    void tell_closed(
        std::uint64_t session, const xml::Jid& to, const xml::Jid& from, const Key& key
    );

    Transfers& transfers_;
    Permits& permits_;
    Tell tell_;
    std::map<Key, Stream> streams_;
    std::map<std::uint64_t, std::chrono::nanoseconds> pauses_;   // by session
    std::map<std::uint64_t, Pace> paces_;   // of sessions that send to other members
    std::uint64_t told_ = 0;
};

}   // namespace grid::server::bulk
