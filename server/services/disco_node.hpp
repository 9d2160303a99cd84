// server/services/disco_node.hpp: the answer about a disco node that an address does not have.
#pragma once

#include <string>

#include "xml/stanza_error.hpp"

namespace grid::server::services {

inline xml::StanzaError no_disco_node(const std::string& node) {
    return xml::item_not_found("this address has no disco node '" + node + "'");
}

}   // namespace grid::server::services
