// server/stream/features.hpp: the content of `<stream:features/>` at each stage (RFC 6120
// §4.3.2).
#pragma once

#include <string>

#include "server/config/config.hpp"
#include "xml/element.hpp"

namespace grid::server::stream {

/// STARTTLS, required and alone (§5.3.1).
xml::Element plain_features();
/// EXTERNAL if it can succeed (§6.3.4), and the limits until login (XEP-0478). Without a mechanism
/// there is no empty `<mechanisms/>`: the schema wants at least one.
xml::Element sasl_features(bool offers_external, const Config::Limits& limits);
/// Bind, the legacy session as optional, stream management, limits, and capabilities if there is a
/// hash (XEP-0115 §6.3).
xml::Element bound_features(
    const Config::Limits& limits, const std::string& domain, const std::string& caps_hash
);

/// XEP-0115 `node`: disco#info is asked for `NODE#HASH`.
std::string caps_node(const std::string& domain);

}   // namespace grid::server::stream
