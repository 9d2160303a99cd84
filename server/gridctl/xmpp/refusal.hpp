// server/gridctl/xmpp/refusal.hpp: errors of a server, read and put into words. Pure.
#pragma once

#include <string>

#include "xml/element.hpp"

namespace grid::gridctl::xmpp {

/// An error of a stanza (RFC 6120 §8.3) or of a stream (§4.9).
struct Refusal {
    std::string type;        // of a stanza's: auth, cancel, continue, modify, wait
    std::string condition;   // empty: there was none
    std::string text;
    std::string application;   // local name of the condition that the application adds

    bool is(std::string_view name) const { return condition == name; }
    /// "item-not-found: there is no such node", printable.
    std::string words() const;
};

/// Of the `<error/>` in a stanza, or of a `<stream:error/>` or `<failure/>` itself.
Refusal refusal_in(const xml::Element& stanza);
Refusal read_refusal(const xml::Element& error);

/// Why a client has no session.
struct Failure {
    bool is_final = false;   // trying again would end the same way
    std::string text;
};

}   // namespace grid::gridctl::xmpp
