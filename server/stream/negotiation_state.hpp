// server/stream/negotiation_state.hpp: the state of a Negotiation; seen by its .cpp files only.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "server/sasl/offer.hpp"
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
    Keys,        // on_keys
    Account,     // on_registered
    Token,       // on_token
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
    /// As the router looks at those of a bound session. False: the iq was refused or dropped.
    bool is_fit(const xml::Element& iq);
    void refuse_iq(const xml::StanzaError& error);
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
    /// False: it was refused.
    bool choose_mechanism(std::string_view name);
    void begin_exchange(const std::optional<std::string>& initial);
    void on_response(const xml::Element& response);
    void take_step(sasl::Step step);
    void authenticated(sasl::Success success);
    void admitted();
    void refuse_sasl(const std::string& condition, const std::string& text, bool is_final);

    // negotiation_sasl2.cpp
    void on_sasl2(const xml::Element& element);
    void on_authenticate(const xml::Element& request);
    bool choose_token(const xml::Element& request);
    void admitted_by_sasl2();
    void go_on_by_sasl2();
    bool resume_by_sasl2();
    void succeed_by_sasl2(const xml::Jid& as, xml::Element* bound);

    // negotiation_register.cpp
    bool may_register() const;
    void on_register(const xml::Element& iq);
    void registered(const std::optional<xml::StanzaError>& error);

    // negotiation_component.cpp
    void on_component_header(const xml::StreamOpen& open);
    void on_handshake(const xml::Element& element);
    void component_bound();

    // negotiation_bind.cpp
    void on_bind(const xml::Element& iq);
    void bound(
        const xml::Jid& full,
        std::optional<xml::Element> enabled,
        std::optional<xml::Element> archive
    );
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
    xml::Jid stream_from;                                // of the header under TLS
    sasl::Offer offer;                                   // under TLS
    std::unique_ptr<sasl::Mechanism> chosen, exchange;   // exchange: begun
    bool by_password = false;                            // the last attempt
    std::string success_data;                            // what the mechanism says with its success
    /// The `<authenticate/>` that is going on (XEP-0388); null: none, or SASL as in RFC 6120.
    struct Sasl2 {
        bool binds = false;          // XEP-0386
        std::string tag;             // of the resource
        bool takes_copies = false;   // of messages: with the resource
        bool is_inactive = false;    // XEP-0352: from the resource on
        // XEP-0198 §9; Wrong: not as it should be.
        std::optional<std::variant<sm::Enable, sm::Wrong>> enable;
        std::optional<std::variant<sm::Resume, sm::Wrong>> resume;
        std::optional<xml::Element> not_resumed;   // `<failed/>`
        controller::TokenWish wish;                // XEP-0484; with the client's id
        std::optional<controller::Token> issued;
    };
    std::unique_ptr<Sasl2> sasl2;
    std::optional<Negotiation::Refusal> refusal;   // of the last attempt, not yet logged
    std::string asked_for;   // the last authorization identity that a client named
    std::uint32_t attempts_failed = 0;
    controller::IdentityPtr identity = controller::no_identity();
    std::optional<Component> component;   // of the header, where one may log in
    std::string bind_id;
    bool bind_has_id = false;
    Actions out;
};

}   // namespace grid::server::stream
