// xml/stanza_error.cpp: stanza errors as elements, and the common ones.
#include "xml/stanza_error.hpp"

#include "xml/namespaces.hpp"

namespace grid::xml {

Element StanzaError::to_element() const {
    Element defined(condition, ns::stanza_errors);
    defined.append(condition_text);
    Element error("error", ns::client, {{"type", type}}, std::move(defined));
    if (!text.empty()) {
        Element described("text", ns::stanza_errors, {{"xml:lang", "en"}});
        error.add(std::move(described.append(text)));
    }
    if (application) error.add(*application);
    return error;
}

static StanzaError make(std::string type, std::string condition, std::string text) {
    StanzaError error;
    error.type = std::move(type);
    error.condition = std::move(condition);
    error.text = std::move(text);
    return error;
}

// The types are those that RFC 6120 §8.3.3 recommends for each condition.
StanzaError bad_request(std::string text) { return make("modify", "bad-request", std::move(text)); }
StanzaError item_not_found(std::string text) {
    return make("cancel", "item-not-found", std::move(text));
}
StanzaError forbidden(std::string text) { return make("auth", "forbidden", std::move(text)); }
StanzaError not_allowed(std::string text) { return make("cancel", "not-allowed", std::move(text)); }
StanzaError service_unavailable(std::string text) {
    return make("cancel", "service-unavailable", std::move(text));
}
StanzaError feature_not_implemented(std::string text) {
    return make("cancel", "feature-not-implemented", std::move(text));
}
StanzaError internal_server_error(std::string text) {
    return make("cancel", "internal-server-error", std::move(text));
}
StanzaError resource_constraint(std::string text) {
    return make("wait", "resource-constraint", std::move(text));
}
StanzaError jid_malformed(std::string text) {
    return make("modify", "jid-malformed", std::move(text));
}

}   // namespace grid::xml
