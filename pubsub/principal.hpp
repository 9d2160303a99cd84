// pubsub/principal.hpp: on whose behalf a request is made. A value, never a pointer to a session.
#pragma once

#include <cstdint>
#include <string>

#include "xml/jid.hpp"

namespace grid::pubsub {

enum class Origin { Session, Http, System };

struct Principal {
    xml::Jid jid;   // as it came: full JID of a session, bare JID of a REST client
    Origin origin = Origin::Session;
    std::uint64_t session = 0;   // 0: none (HTTP, system)
    std::string address;         // source network address, for policy and audit
    /// SHA-256 of the keys of the CAs that vouch for the certificate, hex, with blanks between
    /// them; empty: no certificate.
    std::string issuer;
    /// The rights of an administrator do not count: at the nodes of accounts.
    bool is_plain = false;
    bool is_mapped = false;   // the name came from a mapping rule, not from an xmppAddr
    /// Local console, start-up, timers: everything is allowed.
    static Principal system() {
        Principal p;
        p.origin = Origin::System;
        return p;
    }
};

}   // namespace grid::pubsub
