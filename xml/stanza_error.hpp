// xml/stanza_error.hpp: a stanza error as a value (RFC 6120 §8.3).
#pragma once

#include <optional>
#include <string>

#include "xml/element.hpp"

namespace grid::xml {

/// `<error type=…><condition/>[<text/>][<application condition/>]</error>`, in the order of §8.3.2.
struct StanzaError {
    std::string type;                     // auth, cancel, continue, modify, wait
    std::string condition;                // a defined condition of RFC 6120 §8.3.3
    std::optional<Element> application;   // with its own namespace, comes last
    std::string text;                     // for a person: what was wrong and what would be right
    std::string condition_text;           // content of <gone/> and <redirect/>: a URI

    /// The `<error/>` element, in jabber:client.
    Element to_element() const;
};

/// Shorthands for the common ones.
StanzaError bad_request(std::string text);
StanzaError item_not_found(std::string text);
StanzaError forbidden(std::string text);
StanzaError not_allowed(std::string text);
StanzaError service_unavailable(std::string text);
StanzaError feature_not_implemented(std::string text);
StanzaError internal_server_error(std::string text);
StanzaError resource_constraint(std::string text);   // wait
StanzaError jid_malformed(std::string text);

}   // namespace grid::xml
