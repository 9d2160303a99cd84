// server/bulk/byte_streams.hpp: the byte streams at the proxy (XEP-0065 §6): connections that wait
// for their other end, and activation.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/bulk/offers.hpp"
#include "server/bulk/permits.hpp"
#include "server/bulk/transfers.hpp"
#include "server/session/registry.hpp"
#include "xml/stanza_error.hpp"

namespace grid::server::bulk {

/// A connection to the proxy that has named its stream. The members may be called from any thread.
class Waiting {
public:
    virtual ~Waiting() = default;
    /// The accounts of the certificate that it showed in TLS; empty without TLS. Constant.
    virtual const std::vector<Party>& proofs() const = 0;
    /// The stream is active: its bytes go to the other one and back, until `running` is cut, or
    /// both have ended.
    virtual void join(std::shared_ptr<Waiting> other, RunningPtr running) = 0;
    /// Of one that has joined: ends both at once.
    virtual void cut(State why) = 0;
};
using WaitingPtr = std::shared_ptr<Waiting>;

/// No byte is relayed before activation, and none of this knows an address to connect to. How many
/// connections wait is the proxy's to bound. Core strand only, unless it says otherwise.
class ByteStreams {
public:
    ByteStreams(
        Transfers& transfers,
        const controller::Controller& controller,
        const SessionRegistry& sessions,
        Permits& permits
    )
        : transfers_(transfers), controller_(controller), sessions_(sessions), permits_(permits) {}

    /// Where clients reach the proxy; before the first client connects. Without it there is none.
    void set_address(std::string host, std::uint16_t port);
    bool is_on() const { return !host_.empty(); }   // any thread

    /// disco#info of the proxy (XEP-0065 §4). Any thread.
    static xml::Element info();
    /// The `<streamhost/>` for a client that may send to somebody.
    Result<xml::Element, xml::StanzaError> address(
        const pubsub::Principal& actor, const xml::Jid& proxy
    ) const;
    /// False: that stream has its two connections already.
    bool arrive(const std::string& hash, WaitingPtr connection);
    /// The connection does not wait any more. One that has joined is not here.
    void leave(const std::string& hash, const Waiting& connection);
    /// The requester wants the bytes to go: an error, or they do.
    std::optional<xml::StanzaError> activate(
        const Session& requester, const controller::bulk::Activation& activation
    );
    std::size_t waiting() const { return waiting_.size(); }

private:
    using Pair = std::array<WaitingPtr, 2>;   // null: not there yet
    std::optional<xml::StanzaError> prove(
        const Pair& pair, const Session& requester, const xml::Jid& target
    ) const;
    Begun begin(
        const Session& requester, const Session& target, const std::string& sid, const Pair& pair
    );

    Transfers& transfers_;
    const controller::Controller& controller_;
    const SessionRegistry& sessions_;
    Permits& permits_;
    std::string host_;
    std::uint16_t port_ = 0;
    std::map<std::string, Pair, std::less<>> waiting_;   // by hash
};

}   // namespace grid::server::bulk
