// xml/namespaces.hpp: every namespace that gridd speaks, by its usual short name.
#pragma once

#include "xml/element.hpp"

namespace grid::xml::ns {

inline const Ns client{"jabber:client"};
inline const Ns streams{"http://etherx.jabber.org/streams"};
inline const Ns stream_errors{"urn:ietf:params:xml:ns:xmpp-streams"};
inline const Ns stanza_errors{"urn:ietf:params:xml:ns:xmpp-stanzas"};
inline const Ns tls{"urn:ietf:params:xml:ns:xmpp-tls"};
inline const Ns sasl{"urn:ietf:params:xml:ns:xmpp-sasl"};
inline const Ns channel_binding{"urn:xmpp:sasl-cb:0"};
inline const Ns sasl2{"urn:xmpp:sasl:2"};
inline const Ns bind2{"urn:xmpp:bind:0"};
inline const Ns fast{"urn:xmpp:fast:0"};
inline const Ns register_feature{"http://jabber.org/features/iq-register"};
inline const Ns bind{"urn:ietf:params:xml:ns:xmpp-bind"};
inline const Ns session{"urn:ietf:params:xml:ns:xmpp-session"};
inline const Ns limits{"urn:xmpp:stream-limits:0"};

inline const Ns data{"jabber:x:data"};
inline const Ns rsm{"http://jabber.org/protocol/rsm"};
inline const Ns delay{"urn:xmpp:delay"};
inline const Ns disco_info{"http://jabber.org/protocol/disco#info"};
inline const Ns disco_items{"http://jabber.org/protocol/disco#items"};
inline const Ns commands{"http://jabber.org/protocol/commands"};
inline const Ns caps{"http://jabber.org/protocol/caps"};
inline const Ns ping{"urn:xmpp:ping"};
inline const Ns version{"jabber:iq:version"};
inline const Ns roster{"jabber:iq:roster"};
inline const Ns in_band_registration{"jabber:iq:register"};
inline const Ns shim{"http://jabber.org/protocol/shim"};

inline const Ns pubsub{"http://jabber.org/protocol/pubsub"};
inline const Ns pubsub_owner{"http://jabber.org/protocol/pubsub#owner"};
inline const Ns pubsub_event{"http://jabber.org/protocol/pubsub#event"};
inline const Ns pubsub_errors{"http://jabber.org/protocol/pubsub#errors"};

// The Grid protocol: the two wrappers, the service elements in both spellings, errors, xgrid
// children.
inline const Ns gi{"gi"};
inline const Ns xgrid{"xgrid"};
inline const Ns gi_controller{"com.domain.gi.gcl.controller"};
inline const Ns gi_controller_draft{"com.domain.gi.gcl.Controller"};
inline const Ns gi_errors{"gi#errors"};
inline const Ns gi_grid{"com.domain.gi.grid"};

// Payloads that are met so often that they should cost nothing.
inline const Ns iodef_1{"urn:ietf:params:xml:ns:iodef-1.0"};
inline const Ns iodef_2{"urn:ietf:params:xml:ns:iodef-2.0"};

}   // namespace grid::xml::ns

namespace grid::xml {

inline constexpr const char* node_config_form = "http://jabber.org/protocol/pubsub#node_config";
inline constexpr const char* meta_data_form = "http://jabber.org/protocol/pubsub#meta-data";
inline constexpr const char* subscribe_options_form =
    "http://jabber.org/protocol/pubsub#subscribe_options";
inline constexpr const char* subscribe_authorization_form =
    "http://jabber.org/protocol/pubsub#subscribe_authorization";
inline constexpr const char* publish_options_form =
    "http://jabber.org/protocol/pubsub#publish-options";

}   // namespace grid::xml
