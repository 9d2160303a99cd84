// server/stream/negotiation_state.hpp: the state of a Negotiation; seen by its .cpp files only.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "server/sasl/mechanism.hpp"
#include "server/stream/negotiation.hpp"

namespace grid::server::stream {

/// How far the stream is secured; each layer begins with a header of its own.
enum class Layer { Plain, Tls, Authenticated };

/// The element that the negotiation waits for.
enum class Awaits {
    Header,
    Element,     // features were sent
    Handshake,   // on_tls
    Admission,   // on_admitted
    Resource,    // on_bound
    Session,     // on_resumed
    Nothing,     // bound, or closed
};

/// Each member appends to `out` what the connection has to do.
struct Negotiation::State {
    explicit State(Settings given);

    Actions take_actions() { return std::exchange(out, {}); }
    void on_header(const xml::StreamOpen& open);
    void on_element(const xml::Element& element);
    bool may_begin(const xml::Element& element) const;
    void refuse_unknown(const xml::Element& element);
    void on_close();
    void start_tls();
    void refuse_tls();
    /// Closes with a stream error, after a header if this stream has none yet.
    void fail(const xml::StreamError& error);
    void fail(std::string condition, std::string text);
    void fail_injected();
    void send(const xml::Element& element);
    void close(std::string reason);

    // negotiation_sasl.cpp
    void on_sasl(const xml::Element& element);
    void on_auth(const xml::Element& auth);
    void on_response(const xml::Element& response);
    void take_step(sasl::Step step);
    void authenticated(const xml::Jid& account);
    void admitted();
    void refuse_sasl(const std::string& condition, const std::string& text, bool is_final);

    // negotiation_bind.cpp
    void on_bind(const xml::Element& iq);
    void bound(const xml::Jid& full);
    void refuse_bind(const xml::StanzaError& error);
    void on_management(const xml::Element& element);
    void not_resumed(const xml::Element& failed);

    Settings settings;
    Layer layer = Layer::Plain;
    Awaits awaits = Awaits::Header;
    bool is_bound = false;
    bool header_sent = false;   // of the present layer's stream
    std::string lang, stream_id;
    std::string spare_id;   // for a header that has to come before an error
    std::uint32_t elements = 0;
    tls::Presented presented;
    xml::Jid stream_from;   // of the header under TLS
    std::unique_ptr<sasl::Mechanism> exchange;
    std::optional<Negotiation::Refusal> refusal;   // of the last attempt, not yet logged
    std::string asked_for;   // the last authorization identity that a client named
    std::uint32_t attempts_failed = 0;
    controller::Identity identity;
    std::string bind_id;
    bool bind_has_id = false;
    Actions out;
};

}   // namespace grid::server::stream
