// server/session/client_state.hpp: clients say whether a person looks at them (XEP-0352).
#pragma once

#include "xml/element.hpp"

namespace grid::server {

inline const xml::Ns csi_ns{"urn:xmpp:csi:0"};

/// `<active/>` and `<inactive/>` are no stanzas: they are neither counted nor answered. While a
/// client is inactive others' presence waits (HeldPresence); messages and iqs never do.
inline bool is_client_state(const xml::Element& element) {
    return element.ns() == csi_ns && (element.name() == "active" || element.name() == "inactive");
}

}   // namespace grid::server
