// server/bulk/byte_streams.cpp: see byte_streams.hpp.
#include "server/bulk/byte_streams.hpp"

#include <algorithm>

#include "server/bulk/socks5.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::bulk {

namespace {

xml::StanzaError activation_refusal(const Refusal& refusal) {
    if (refusal.state == State::Quota) return xml::resource_constraint(refusal.text);
    if (refusal.state == State::Stopped) return xml::service_unavailable(refusal.text);
    return xml::forbidden("the policy of this grid does not allow this byte stream");
}

bool is_of(const Party& party, const xml::Jid& address) {
    return party.principal.jid.bare_view() == address.bare_view();
}

}   // namespace

void ByteStreams::set_address(std::string host, std::uint16_t port) {
    host_ = std::move(host);
    port_ = port;
}

xml::Element ByteStreams::info() {
    xml::Element query("query", xml::ns::disco_info);
    query.add(xml::Element(
        "identity", {{"category", "proxy"}, {"type", "bytestreams"}, {"name", "Byte streams"}}
    ));
    for (const xml::Ns* feature :
         {&xml::ns::disco_info, &xml::ns::disco_items, &controller::bulk::bytestreams_ns})
        query.add(xml::Element("feature", {{"var", std::string(feature->uri())}}));
    return query;
}

Result<xml::Element, xml::StanzaError> ByteStreams::address(
    const pubsub::Principal& actor, const xml::Jid& proxy
) const {
    if (!controller_.may_send_bulk(actor) && !permits_.has_any(actor.jid, Transfers::Clock::now()))
        return xml::forbidden("the policy of this grid lets this account send no bulk data");
    return xml::Element(
        "query", controller::bulk::bytestreams_ns, {},
        xml::Element(
            "streamhost", controller::bulk::bytestreams_ns,
            {{"jid", proxy.str()}, {"host", host_}, {"port", std::to_string(port_)}}
        )
    );
}

bool ByteStreams::arrive(const std::string& hash, WaitingPtr connection) {
    Pair& pair = waiting_[hash];
    const auto free = std::ranges::find(pair, nullptr);
    if (free == pair.end()) return false;
    *free = std::move(connection);
    return true;
}

void ByteStreams::leave(const std::string& hash, const Waiting& connection) {
    const auto found = waiting_.find(hash);
    if (found == waiting_.end()) return;
    for (WaitingPtr& one : found->second)
        if (one.get() == &connection) one = nullptr;
    if (std::ranges::count(found->second, nullptr) == 2) waiting_.erase(found);
}

/// A connection with a certificate belongs to one of the two accounts, and two of them to both.
std::optional<xml::StanzaError> ByteStreams::prove(
    const Pair& pair, const Session& requester, const xml::Jid& target
) const {
    const auto fits = [&](const WaitingPtr& connection, const xml::Jid& address) {
        const auto& proofs = connection->proofs();
        return proofs.empty() || std::ranges::any_of(proofs, [&](const Party& party) {
                   return is_of(party, address) &&
                          controller_.state(party.principal) == controller::AccountState::Enabled;
               });
    };
    const bool is_proved = (fits(pair[0], requester.jid) && fits(pair[1], target)) ||
                           (fits(pair[1], requester.jid) && fits(pair[0], target));
    if (is_proved) return std::nullopt;
    return xml::StanzaError{
        "auth",
        "not-authorized",
        {},
        "a connection of this stream showed the certificate of another account",
        {}
    };
}

Begun ByteStreams::begin(
    const Session& requester, const Session& target, const std::string& sid, const Pair& pair
) {
    auto right = permits_.right_to(requester, target, sid, Transfers::Clock::now());
    Beginning beginning;
    Transfer& transfer = beginning.transfer;
    transfer.kind = Kind::S5b;
    transfer.from = requester.jid;
    transfer.to = target.jid;
    transfer.account = std::move(right.account);
    transfer.address = std::move(right.address);
    transfer.what = sid;
    beginning.parties = {party_of(requester), party_of(target)};
    for (const WaitingPtr& connection : pair)
        for (const Party& party : connection->proofs())
            if (is_of(party, requester.jid) || is_of(party, target.jid))
                beginning.parties.push_back(party);
    beginning.right = std::move(right.check);
    beginning.cut = [connection = pair[0]](State why, const std::string&) { connection->cut(why); };
    return transfers_.begin_now(std::move(beginning));
}

std::optional<xml::StanzaError> ByteStreams::activate(
    const Session& requester, const controller::bulk::Activation& activation
) {
    const auto target = xml::Jid::parse(activation.target);
    if (activation.sid.empty() || !target || target->is_bare())
        return xml::bad_request(
            "<activate/> names the target's full address, and <query/> the 'sid' of the stream"
        );
    // Of the requester's own address: whoever else asks, names another stream.
    const auto found =
        waiting_.find(stream_hash(activation.sid, requester.jid.str(), activation.target));
    if (found == waiting_.end())
        return xml::item_not_found("no connection waits for this stream of yours");
    const Pair pair = found->second;
    if (std::ranges::find(pair, nullptr) != pair.end())
        return xml::not_allowed("only one of the two has connected to this proxy");
    const SessionPtr other = sessions_.find(*target);
    if (!other || other->is_ended) return xml::item_not_found("the target is not online");
    if (auto error = prove(pair, requester, *target)) return error;
    const Begun begun = begin(requester, *other, activation.sid, pair);
    if (!begun) return activation_refusal(begun.error());
    permits_.use(requester, *other, activation.sid);
    waiting_.erase(found);
    pair[0]->join(pair[1], *begun);
    return std::nullopt;
}

}   // namespace grid::server::bulk
