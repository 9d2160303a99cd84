// server/net/channel_binding.hpp: data that ties an authentication to the TLS connection that it
// came over (RFC 5056).
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <string>
#include <string_view>

namespace grid::server::net {

/// By the name of the type, as SASL has it: `tls-exporter` (RFC 9266), `tls-server-end-point` (RFC
/// 5929 §4), and `tls-unique` (RFC 5929 §3), which is not offered.
using ChannelBindings = std::map<std::string, std::string>;

/// After the handshake. A type that this connection cannot have is not among them: `tls-exporter`
/// of TLS 1.2 without the extended master secret (RFC 9266 §2), `tls-server-end-point` of a
/// certificate whose signature names no hash (Ed25519).
ChannelBindings channel_bindings(SSL* ssl);
/// COMPAT(slixmpp 1.8): it knows no type but `tls-unique` and takes it unasked, also in TLS 1.3,
/// for which no RFC defines it: the client's Finished message, which covers the handshake there,
/// too.
inline bool is_offered_binding(std::string_view type) { return type != "tls-unique"; }

}   // namespace grid::server::net
