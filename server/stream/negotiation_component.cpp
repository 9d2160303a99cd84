// server/stream/negotiation_component.cpp: a component shows that it knows its secret (XEP-0114
// §3).
#include <openssl/evp.h>

#include <array>
#include <limits>
#include <span>

#include "controller/credentials/scram.hpp"
#include "server/stream/namespaces.hpp"
#include "server/stream/negotiation_state.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {

namespace {

std::optional<Component> component_at(const Config& config, const std::string& name) {
    const auto jid = xml::Jid::parse(name);
    if (!jid) return std::nullopt;
    for (const std::string& text : config.components.known) {
        auto component = parse_component(text, config.domain);
        if (component && component->domain == *jid) return std::move(*component);
    }
    return std::nullopt;
}

/// Hexadecimal, in lower case.
std::string handshake_of(const std::string& stream_id, const std::string& secret) {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::string text = stream_id + secret;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    std::string hex;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1)
        return hex;
    for (const unsigned char byte : std::span(digest).first(length)) {
        hex += digits[byte >> 4U];
        hex += digits[byte & 15U];
    }
    return hex;
}

}   // namespace

void Negotiation::State::on_component_header(const xml::StreamOpen& open) {
    stream_id = spare_id;
    component = component_at(*settings.config, std::string(open.header.attr_or("to", "")));
    out.emplace_back(OpenStream{stream_id, component ? component->domain : xml::Jid()});
    header_sent = true;
    if (open.header.ns() != xml::ns::streams || open.header.name() != "stream" ||
        open.content_ns != component_ns.uri())
        return fail(
            "invalid-namespace", "components speak xmlns='jabber:component:accept' at this port"
        );
    if (!component) return fail("host-unknown", "no component of that name is known here");
    awaits = Awaits::Element;
}

void Negotiation::State::on_handshake(const xml::Element& element) {
    if (awaits != Awaits::Element) return fail("not-authorized", "sent before the answer came");
    if (!element.is("handshake", xml::ns::client)) return refuse_unknown(element);
    const std::string expected = handshake_of(stream_id, component->secret);
    if (expected.empty() || !controller::are_equal(element.text(), expected)) {
        refusal = {
            "not-authorized",
            "not the secret of " + component->domain.str(),
            {},
            {},
            component->account.str(),
            0,
            true
        };
        return fail("not-authorized", "that is not the handshake of " + component->domain.str());
    }
    controller::Identity proved;
    proved.account = component->account;
    proved.component = component->domain.str();
    proved.subject = "component " + proved.component;
    proved.valid_until = std::numeric_limits<storage::Millis>::max();
    identity = std::make_shared<const controller::Identity>(std::move(proved));
    out.emplace_back(Bind{identity, identity->component});
    awaits = Awaits::Resource;
}

void Negotiation::State::component_bound() {
    send(xml::Element("handshake", xml::ns::client));
    awaits = Awaits::Nothing;
    is_bound = true;
}

}   // namespace grid::server::stream
