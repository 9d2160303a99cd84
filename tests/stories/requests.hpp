// tests/stories/requests.hpp: requests of Grid clients, in both dialects, and the errors that
// answer them.
#pragma once

#include <string>

namespace grid::test::requests {

inline std::string iq(
    const std::string& body,
    const std::string& to = "controller.grid.example",
    const std::string& type = "get"
) {
    return "<iq xmlns='jabber:client' id='e' type='" + type + "' to='" + to + "'>" + body + "</iq>";
}

/// An operation of the dialect `xgrid`.
inline std::string xgrid(const std::string& operation, const std::string& type = "get") {
    return iq(
        "<grid xmlns='xgrid' type='request'>" + operation + "</grid>", "controller.grid.example",
        type
    );
}

/// A method of the dialect `gi`.
inline std::string gi(const std::string& service, const std::string& method) {
    return iq(
        "<grid xmlns='gi'><" + service + " xmlns='com.domain.gi.gcl.controller'>" + method + "</" +
        service + "></grid>"
    );
}
inline std::string account_query(const std::string& method) { return gi("AccountQuery", method); }
inline std::string find(const std::string& name) {
    return gi("DiscoveryQuery", "<find><param>" + name + "</param></find>");
}

/// Of an owner, to the broker.
inline std::string owner_iq(const std::string& inside) {
    return iq(
        "<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>" + inside + "</pubsub>",
        "pubsub.grid.example", "set"
    );
}

/// The answer to a request that is refused, with the application's condition where there is one.
inline std::string error(
    const std::string& type, const std::string& condition, const std::string& application
) {
    return "<iq xmlns='jabber:client' type='error' id='e'><error type='" + type + "'><" +
           condition + " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" +
           (application.empty() ? "" : "<" + application + " xmlns='gi#errors'/>") +
           "</error></iq>";
}

}   // namespace grid::test::requests
