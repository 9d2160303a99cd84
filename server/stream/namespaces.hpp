// server/stream/namespaces.hpp: the namespaces of components' streams, and of the ways a stream is
// carried over HTTP.
#pragma once

#include "xml/element.hpp"

namespace grid::server::stream {

inline const xml::Ns component_ns{"jabber:component:accept"};   // XEP-0114

namespace web_ns {

inline const xml::Ns framing{"urn:ietf:params:xml:ns:xmpp-framing"};    // RFC 7395
inline const xml::Ns httpbind{"http://jabber.org/protocol/httpbind"};   // XEP-0124
inline const xml::Ns xbosh{"urn:xmpp:xbosh"};                           // XEP-0206

}   // namespace web_ns

}   // namespace grid::server::stream
