// server/bulk/in_band.cpp: see in_band.hpp.
#include "server/bulk/in_band.hpp"

#include <algorithm>

#include "xml/namespaces.hpp"

namespace grid::server::bulk {

namespace {

xml::StanzaError no_such_stream() {
    return xml::item_not_found("no in-band stream of this id is open between the two of you");
}

/// As the refusal of XEP-0047 §2.1 to begin a stream.
xml::StanzaError in_band_refusal(const Refusal& refusal) {
    if (refusal.state == State::Quota) return xml::resource_constraint(refusal.text);
    return xml::forbidden("the policy of this grid does not allow this stream");
}

}   // namespace

InBand::Key InBand::key_of(const xml::Jid& one, const xml::Jid& other, std::string_view sid) {
    const bool is_first = one.str() < other.str();
    return {(is_first ? one : other).str(), (is_first ? other : one).str(), std::string(sid)};
}

std::optional<xml::StanzaError> InBand::pass(
    const Session& from, const Session& to, const Offer& offer
) {
    if (!offer.wrong.empty()) return xml::bad_request(offer.wrong);
    if (offer.kind == Offer::Kind::Open) return open(from, to, offer);
    const auto found = streams_.find(key_of(from.jid, to.jid, offer.sid));
    if (found == streams_.end()) return no_such_stream();
    const bool is_packet = offer.kind == Offer::Kind::Data;
    if (is_packet && !found->second.is_accepted)
        return xml::StanzaError{
            "cancel", "unexpected-request", {}, "the stream has not been accepted yet", {}
        };
    if (is_packet && offer.bytes > found->second.block_bytes_max)
        return xml::bad_request(
            "the packet is larger than the block-size of its stream, " +
            std::to_string(found->second.block_bytes_max) + " bytes"
        );
    const RunningPtr running = found->second.running;
    if (!count(*running, from, offer.counted)) return std::nullopt;
    transfers_.cut(running, State::Quota, std::string(controller::bulk::describe(State::Quota)));
    return xml::resource_constraint(controller::bulk::told_bytes_bound(transfers_.settings()));
}

/// True: the bytes are used up.
bool InBand::count(Running& running, const Session& from, std::uint64_t bytes) {
    const auto now = Transfers::Clock::now();
    if (from.other_member) return running.count(bytes, now);
    const auto taken = running.take(bytes, now);
    slow_down(from, taken.pause);
    return taken.is_over;
}

void InBand::passes_elsewhere(const Session& from, std::uint64_t bytes) {
    auto pace = paces_.find(from.id);
    if (pace == paces_.end())
        pace = paces_.emplace(from.id, transfers_.pace_of(from.bare.str())).first;
    slow_down(from, pace->second.take(bytes, Transfers::Clock::now()));
}

void InBand::slow_down(const Session& from, std::chrono::nanoseconds pause) {
    if (pause.count() > 0) pauses_[from.id] = std::max(pauses_[from.id], pause);
}

bool InBand::is_open(const Session& from, const Session& to, std::string_view sid) const {
    const auto found = streams_.find(key_of(from.jid, to.jid, sid));
    return found != streams_.end() && found->second.is_accepted;
}

std::optional<xml::StanzaError> InBand::open(
    const Session& from, const Session& to, const Offer& offer
) {
    if (offer.sid.empty() || offer.bytes == 0 || offer.bytes > UINT16_MAX)
        return xml::bad_request("an in-band stream needs a 'sid' and a 'block-size' up to 65535");
    const Key key = key_of(from.jid, to.jid, offer.sid);
    if (streams_.contains(key))
        return xml::StanzaError{
            "cancel", "not-acceptable", {}, "a stream of this id is open between the two of you", {}
        };
    auto right = permits_.right_to(from, to, offer.sid, Transfers::Clock::now());
    Beginning beginning;
    Transfer& transfer = beginning.transfer;
    transfer.kind = Kind::Ibb;
    transfer.from = from.jid;
    transfer.to = to.jid;
    transfer.account = std::move(right.account);
    transfer.address = std::move(right.address);
    transfer.what = offer.sid;
    beginning.parties = {party_of(from), party_of(to)};
    beginning.right = std::move(right.check);
    beginning.cut = [this, key](State, const std::string&) { cut(key); };
    Begun begun = transfers_.begin_now(std::move(beginning));
    if (!begun) return in_band_refusal(begun.error());
    permits_.use(from, to, offer.sid);
    streams_.emplace(key, Stream{*begun, from.id, to.id, from.jid, to.jid, offer.bytes});
    return std::nullopt;
}

void InBand::answered(
    const xml::Jid& asker, const xml::Jid& by, const Offer& offer, bool is_error
) {
    const auto found = streams_.find(key_of(asker, by, offer.sid));
    if (found == streams_.end()) return;
    if (offer.kind == Offer::Kind::Open && found->second.from != asker) return;
    if (offer.kind == Offer::Kind::Open && !is_error) {
        found->second.is_accepted = true;
        return;
    }
    transfers_.end(
        found->second.running, offer.kind == Offer::Kind::Open ? State::Declined : State::Complete
    );
    streams_.erase(found);
}

std::chrono::nanoseconds InBand::take_pause(const Session& session) {
    const auto found = pauses_.find(session.id);
    if (found == pauses_.end()) return {};
    const auto pause = found->second;
    pauses_.erase(found);
    return pause;
}

void InBand::session_ended(const Session& session) {
    pauses_.erase(session.id);
    paces_.erase(session.id);
    std::erase_if(streams_, [&](const auto& entry) {
        const Stream& stream = entry.second;
        if (stream.opener != session.id && stream.other != session.id) return false;
        transfers_.end(stream.running, State::Lost, session.jid.str() + " is gone");
        return true;
    });
}

void InBand::cut(const Key& key) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) return;
    const Stream stream = found->second;
    streams_.erase(found);
    tell_closed(stream.opener, stream.from, stream.to, key);
    tell_closed(stream.other, stream.to, stream.from, key);
}

void InBand::tell_closed(
    std::uint64_t session, const xml::Jid& to, const xml::Jid& from, const Key& key
) {
    xml::Element iq(
        "iq", xml::ns::client,
        {{"type", "set"},
         {"id", "bulk-" + std::to_string(++told_)},
         {"from", from.str()},
         {"to", to.str()}},
        xml::Element("close", controller::bulk::in_band_ns, {{"sid", std::get<2>(key)}})
    );
    tell_(session, std::move(iq));
}

}   // namespace grid::server::bulk
