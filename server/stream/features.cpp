// server/stream/features.cpp: the three sets of features.
#include "server/stream/features.hpp"

#include <algorithm>

#include "controller/messages/message.hpp"
#include "server/session/client_state.hpp"

#include "server/session/management_words.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {
namespace {

using xml::Attrs;
using xml::Element;
namespace ns = xml::ns;

const xml::Ns roster_versioning{"urn:xmpp:features:rosterver"};
const xml::Ns pre_approval{"urn:xmpp:features:pre-approval"};

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

/// With what can be switched on together with a resource (XEP-0386 §3.1).
Element bind_feature() {
    Element at_once("inline");
    for (const auto& feature : {controller::carbons_ns, csi_ns, sm::ns})
        at_once.add(Element("feature", {{"var", std::string(feature.uri())}}));
    return Element("bind", ns::bind2, {}, std::move(at_once));
}

/// Features of a stream that is logged in, before its resource and after.
void add_what_stays(
    Element& out,
    const Config::Limits& limits,
    const std::string& domain,
    const std::string& caps_hash
) {
    auto stream_limits = limits_of(limits.xml.stanza_bytes_max);
    stream_limits.add(Element::with_text("idle-seconds", std::to_string(limits.idle_seconds_max)));
    out.add(std::move(stream_limits));
    // RFC 6121 §2.6.1, §3.4: they tell of what there is, and are not negotiated.
    out.add(Element("ver", roster_versioning));
    out.add(Element("sub", pre_approval));
    out.add(Element("csi", csi_ns));   // XEP-0352 §3
    if (!caps_hash.empty())
        out.add(Element(
            "c", ns::caps, {{"hash", "sha-1"}, {"node", caps_node(domain)}, {"ver", caps_hash}}
        ));
}

}   // namespace

Element plain_features() {
    auto out = features();
    out.add(Element("starttls", ns::tls, {}, Element("required")));
    return out;
}

Element sasl_features(const sasl::Offer& offer, const Config::Limits& limits, bool registers) {
    auto out = features();
    Element mechanisms("mechanisms", ns::sasl);
    for (const std::string& one : offer.mechanisms)
        mechanisms.add(Element::with_text("mechanism", one));
    if (!offer.mechanisms.empty()) out.add(std::move(mechanisms));
    Element authentication("authentication", ns::sasl2);
    for (const std::string& one : offer.mechanisms)
        authentication.add(Element::with_text("mechanism", one));
    Element fast("fast", ns::fast);
    for (const std::string& one : offer.tokens) fast.add(Element::with_text("mechanism", one));
    Element at_once("inline", Attrs{}, bind_feature());
    at_once.add(Element("sm", sm::ns));   // XEP-0198 §9.2
    if (!offer.tokens.empty()) at_once.add(std::move(fast));
    authentication.add(std::move(at_once));
    if (!offer.mechanisms.empty()) out.add(std::move(authentication));
    Element types("sasl-channel-binding", ns::channel_binding);
    for (const auto& [type, data] : offer.bindings)
        if (net::is_offered_binding(type)) types.add(Element("channel-binding", {{"type", type}}));
    if (offer.has_plus()) out.add(std::move(types));
    if (registers) out.add(Element("register", ns::register_feature));
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
    add_what_stays(out, limits, domain, caps_hash);
    return out;
}

Element session_features(
    const Config::Limits& limits,
    const std::string& domain,
    const std::string& caps_hash,
    bool is_managed
) {
    auto out = features();
    if (!is_managed) out.add(Element("sm", sm::ns));
    add_what_stays(out, limits, domain, caps_hash);
    return out;
}

std::string caps_node(const std::string& domain) { return "https://" + domain + "/"; }

}   // namespace grid::server::stream
