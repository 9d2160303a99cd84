// controller/identity.hpp: what a client certificate proved.
#pragma once

#include <string>

#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// Kept after the handshake in place of the chain. "The same certificate" means the same trust
/// anchor and the same account: a renewed certificate is the same.
struct Identity {
    xml::Jid account;     // bare
    std::string anchor;   // SHA-256 of the trust anchor's public key (SPKI DER), lower-case hex
    std::string fingerprint;               // SHA-256 of the client's certificate, lower-case hex
    std::string subject, issuer, serial;   // for people; never parsed
    storage::Millis not_before = 0, not_after = 0;
    bool is_mapped = false;   // by a mapping rule, not by an xmppAddr
};

}   // namespace grid::controller
