// server/services/external.hpp: STUN, TURN and other services beside the grid (XEP-0215).
#pragma once

#include "server/config/external.hpp"
#include "server/router/iq_table.hpp"
#include "xml/element.hpp"

namespace grid::server::services {

inline const xml::Ns external_ns{"urn:xmpp:extdisco:2"};

/// Answers `<services/>` (§3.1, §3.2) and `<credentials/>` (§3.3). Runs on any thread; reads the
/// clock.
IqHandler external_services(const External& configured);

}   // namespace grid::server::services
