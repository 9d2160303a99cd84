// server/net/channel_binding.hpp: data that ties an authentication to the TLS connection that it
// came over (RFC 5056).
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <string>

namespace grid::server::net {

/// By the name of the type, as SASL has it: `tls-exporter` (RFC 9266), `tls-server-end-point` (RFC
/// 5929 §4).
using ChannelBindings = std::map<std::string, std::string>;

/// After the handshake. A type that this connection cannot have is not among them: `tls-exporter`
/// of TLS 1.2 without the extended master secret (RFC 9266 §2), `tls-server-end-point` of a
/// certificate whose signature names no hash (Ed25519).
ChannelBindings channel_bindings(SSL* ssl);

}   // namespace grid::server::net
