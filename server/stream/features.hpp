// server/stream/features.hpp: the content of `<stream:features/>` at each stage (RFC 6120
// §4.3.2).
#pragma once

#include <string>

#include "server/config/config.hpp"
#include "server/sasl/offer.hpp"
#include "xml/element.hpp"

namespace grid::server::stream {

/// STARTTLS, required and alone (§5.3.1).
xml::Element plain_features();
/// The mechanisms (§6.3.4), types of channel binding (XEP-0440), and the limits until login
/// (XEP-0478). Without a mechanism there is no empty `<mechanisms/>`: the schema wants at least
/// one.
/// `registers`: in-band registration (XEP-0077 §8).
xml::Element sasl_features(
    const sasl::Offer& offer, const Config::Limits& limits, bool registers = false
);
/// Bind, the legacy session as optional, stream management, limits, and capabilities if there is a
/// hash (XEP-0115 §6.3).
xml::Element bound_features(
    const Config::Limits& limits, const std::string& domain, const std::string& caps_hash
);

/// The same without bind and session, when the resource is bound already (XEP-0386).
/// `is_managed`: with stream management, which is not offered twice.
xml::Element session_features(
    const Config::Limits& limits,
    const std::string& domain,
    const std::string& caps_hash,
    bool is_managed
);

/// XEP-0115 `node`: disco#info is asked for `NODE#HASH`.
std::string caps_node(const std::string& domain);

}   // namespace grid::server::stream
