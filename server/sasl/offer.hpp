// server/sasl/offer.hpp: which mechanisms a stream is offered, and in which order.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.hpp"
#include "server/net/channel_binding.hpp"
#include "server/sasl/mechanism.hpp"
#include "server/tls/certificate.hpp"

namespace grid::server::sasl {

/// Of a stream under TLS.
struct Offer {
    std::vector<std::string> mechanisms;   // the one that we like best first
    net::ChannelBindings bindings;         // XEP-0440; empty where no -PLUS is offered
    std::vector<std::string> tokens;       // mechanisms within SASL2 (XEP-0484)
    net::ChannelBindings channel;          // all that the connection has, for those
    bool has(std::string_view mechanism) const;
    bool has_token(std::string_view mechanism) const;
    bool has_passwords() const;
    bool has_plus() const { return !bindings.empty(); }
};
/// EXTERNAL first, and only if the certificate is acceptable (RFC 6120 §6.3.4); then SCRAM with
/// channel binding, then without, then PLAIN; each if it is switched on (RFC 6120 §13.8.4).
Offer offer(
    const Config::Sasl& settings, const tls::Presented& presented, net::ChannelBindings bindings
);

/// A mechanism of the offer; null for another one. `presented` and `stream_from` as in External;
/// `nonce` as in Scram.
std::unique_ptr<Mechanism> make_mechanism(
    std::string_view name,
    const Offer& offer,
    const tls::Presented& presented,
    const xml::Jid& stream_from,
    const std::string& domain,
    const std::string& nonce
);

}   // namespace grid::server::sasl
