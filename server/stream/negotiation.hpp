// server/stream/negotiation.hpp: a client stream from its first byte to a bound resource, without
// I/O.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controller/identity.hpp"
#include "server/config/config.hpp"
#include "server/net/channel_binding.hpp"
#include "server/sasl/mechanism.hpp"
#include "server/session/management_words.hpp"
#include "server/session/transport.hpp"
#include "server/tls/certificate.hpp"
#include "xml/jid.hpp"
#include "xml/parser.hpp"
#include "xml/stanza_error.hpp"
#include "xml/stream_error.hpp"

namespace grid::server::stream {

// Actions for the connection, in order. Everything to be sent leaves together, before the
// connection waits.
/// The response header. (RFC 6120 §4.7)
struct OpenStream {
    std::string id;
    xml::Jid to;   // may be empty
};
struct SendElement {
    xml::Element element;
};
/// The end of our stream; the connection goes on until Close.
struct CloseStream {};
/// Before carrying out actions with this one among them: if the parser has a further event or
/// pending bytes, the peer sent something behind `<starttls/>` in the clear (RFC 6120 §5.3.3); then
/// call on_injected and carry out its actions instead, so that no `<proceed/>` goes out. Else
/// handshake and call on_tls; a failed handshake only closes the connection.
struct StartTls {};
/// A new stream header is expected. `keeps_rest`: what came behind the last element belongs to it;
/// else it is dropped.
struct RestartParser {
    bool keeps_rest = false;
};
/// Ask the controller whether this identity may enter, then call on_admitted.
struct Admit {
    controller::IdentityPtr identity = controller::no_identity();
};
/// Ask the controller what it keeps of that name, then call on_keys.
struct FindKeys {
    sasl::Lookup lookup;
};
/// Ask the controller for an account, then call on_registered.
struct Register {
    std::string username, password;
};
/// Ask the controller what becomes of the tokens of this login, then call on_token.
struct IssueToken {
    controller::IdentityPtr identity = controller::no_identity();
    controller::TokenWish wish;
};
/// Ask the session table for a resource (empty: any), then call on_bound.
struct Bind {
    controller::IdentityPtr identity = controller::no_identity();
    std::string resource;   // prepared
    sm::Wishes wishes = {};
};
/// Ask the session table to go on with the session of that token, then call on_resumed.
struct Resume {
    controller::IdentityPtr identity = controller::no_identity();
    std::string token;
    std::uint32_t handled = 0;
    sm::Around around = {};   // `<success/>` of SASL2; empty: `<resumed/>` stands alone
};
/// Flush and close. The line for the log says why.
struct Close {
    std::string reason;
};
using Action = std::variant<
    OpenStream,
    SendElement,
    CloseStream,
    StartTls,
    RestartParser,
    Admit,
    FindKeys,
    Register,
    IssueToken,
    Bind,
    Resume,
    Close>;
using Actions = std::vector<Action>;

/// RFC 6120 §4–§7, RFC 7395, XEP-0178, XEP-0198 §5, XEP-0206, XEP-0368, XEP-0478. One per
/// connection, freed when the resource is bound. Admit, FindKeys, Bind and Resume are answered
/// before the next event is given: a client that does not wait is refused. After Close there are no
/// further actions.
class Negotiation {
public:
    struct Settings {
        std::string domain;
        const Config* config = nullptr;
        /// DirectTls begins with on_tls; WebSocket and Bosh with the certificate of the TLS below.
        TransportKind transport = TransportKind::StartTls;
        std::string caps_hash;   // XEP-0115 `ver` of the server; empty: no caps feature
        /// For the header of an error that comes before the first event (a timeout).
        std::string stream_id = {};
        // Of WebSocket and Bosh.
        tls::Presented presented = {};
        net::ChannelBindings bindings = {};   // as in on_tls
    };
    explicit Negotiation(Settings settings);

    /// `stream_id` must be unpredictable; one is used per header (§4.7.3).
    Actions on_event(xml::StreamEvent event, const std::string& stream_id);
    /// Of an element that is not complete yet: one that is refused for any content is refused now.
    Actions on_start_tag(const xml::Element& element);
    /// `bindings`: of this very connection; empty where no channel binding is to be offered.
    Actions on_tls(tls::Presented presented, net::ChannelBindings bindings = {});
    Actions on_keys(controller::LoginKeys keys);
    /// Empty: there is no new token.
    Actions on_token(std::optional<controller::Token> issued);
    /// Empty: there is the account.
    Actions on_registered(std::optional<xml::StanzaError> error);
    /// Empty error: entered. Else the SASL failure condition (account-disabled, not-authorized …),
    /// text.
    Actions on_admitted(std::optional<std::pair<std::string, std::string>> failure);
    /// The full JID, or a stanza error (conflict, resource-constraint …) after which bind may be
    /// retried. `enabled`, `archive`: what is told of stream management and of the account's
    /// archive of messages, where that was wished for.
    Actions on_bound(
        std::variant<xml::Jid, xml::StanzaError> bound,
        std::optional<xml::Element> enabled = std::nullopt,
        std::optional<xml::Element> archive = std::nullopt
    );
    /// The session goes on; `<resumed/>` was sent with what follows it.
    Actions on_resumed();
    /// The session does not go on, by that element (`<failed/>`): bind or resume may be tried, or
    /// SASL2 goes on to bind.
    Actions on_not_resumed(const xml::Element& failed);
    Actions on_not_resumed(const xml::StreamError& error);
    Actions on_timeout();   // pre_auth_seconds_max
    Actions on_shutdown();
    Actions on_too_many_bytes();
    /// Instead of the handshake: the peer sent bytes behind `<starttls/>`.
    Actions on_injected();

    /// The last refused attempt to authenticate, once; for the log.
    struct Refusal {
        std::string condition, text, subject, issuer;
        std::string claimed;   // the authorization identity that was asked for, if any
        int depth = 0;
        bool by_password = false;
    };
    std::optional<Refusal> take_refusal();

    bool is_bound() const;
    /// From the stream header: language of the stream.
    const std::string& lang() const;
    const std::string& stream_id() const;

    struct State;   // defined in stream/negotiation_state.hpp

private:
    std::shared_ptr<State> state_;
};

}   // namespace grid::server::stream
