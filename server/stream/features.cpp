// server/stream/features.cpp: the three sets of features.
#include "server/stream/features.hpp"

#include <algorithm>

#include "server/session/management_words.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {
namespace {

using xml::Element;
namespace ns = xml::ns;

Element features() {
    Element out("features", ns::streams);
    out.set_prefix("stream");
    return out;
}

/// XEP-0478 3.1.
Element limits_of(std::size_t bytes_max) {
    return Element(
        "limits", ns::limits, {}, Element::with_text("max-bytes", std::to_string(bytes_max))
    );
}

}   // namespace

Element plain_features() {
    auto out = features();
    out.add(Element("starttls", ns::tls, {}, Element("required")));
    return out;
}

Element sasl_features(bool offers_external, const Config::Limits& limits) {
    auto out = features();
    if (offers_external)
        out.add(Element("mechanisms", ns::sasl, {}, Element::with_text("mechanism", "EXTERNAL")));
    const std::size_t before_login = limits.pre_auth_bytes_max;
    out.add(limits_of(std::min(before_login, limits.pre_auth_stanza_bytes_max)));
    return out;
}

Element bound_features(
    const Config::Limits& limits, const std::string& domain, const std::string& caps_hash
) {
    auto out = features();
    out.add(Element("bind", ns::bind));
    // RFC 6121 dropped it, old clients look for it; optional, so that no client needs the round
    // trip.
    out.add(Element("session", ns::session, {}, Element("optional")));
    out.add(Element("sm", sm::ns));
    auto stream_limits = limits_of(limits.xml.stanza_bytes_max);
    stream_limits.add(Element::with_text("idle-seconds", std::to_string(limits.idle_seconds_max)));
    out.add(std::move(stream_limits));
    if (!caps_hash.empty())
        out.add(Element(
            "c", ns::caps, {{"hash", "sha-1"}, {"node", caps_node(domain)}, {"ver", caps_hash}}
        ));
    return out;
}

std::string caps_node(const std::string& domain) { return "https://" + domain + "/"; }

}   // namespace grid::server::stream
