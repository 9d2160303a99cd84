// tests/unit/server/stream/script.hpp: a client's negotiation as a script: what comes in, what is
// done.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/config/config.hpp"
#include "server/stream/negotiation.hpp"
#include "server/stream/stream_codec.hpp"

namespace grid::test {

namespace stream = server::stream;

// The inputs of a negotiation. A string is bytes from the client.
struct Tls {
    server::tls::Presented presented;
};
struct Keys {
    controller::LoginKeys keys;
};
struct Registered {
    std::optional<xml::StanzaError> error;
};
struct Issued {
    std::optional<controller::Token> token;
};
struct Admitted {};
struct Refused {
    std::string condition, text;
};
struct Bound {
    std::string jid;
    bool is_managed = false;   // `<enabled/>`, with the token t
};
struct NotBound {
    xml::StanzaError error;
};
struct Resumed {};
/// Without an error: `<failed/>`, item-not-found, three stanzas were handled.
struct NotResumed {
    std::optional<xml::StreamError> error;
};
using Input = std::variant<
    std::string,
    Tls,
    Keys,
    Registered,
    Issued,
    Admitted,
    Refused,
    Bound,
    NotBound,
    Resumed,
    NotResumed>;

/// An input and what it must lead to, one string per action, what is sent at once as one:
///   `{header}<features/>`   bytes to send; the response header is written {header}
///   starttls · restart · find NAME · register NAME · admit JID · bind [RESOURCE][ with copies]
///   [ managed] · resume TOKEN COUNT[ in ELEMENT] · close REASON (the beginning of it)
struct Line {
    Input input;
    std::vector<std::string> actions;
};
using Script = std::vector<Line>;

/// A negotiation with a parser in front, as a connection has it.
class Stage {
public:
    explicit Stage(bool direct_tls = false, std::string caps_hash = {});
    /// The actions of the negotiation, rendered as in Line.
    std::vector<std::string> play(const Input& input);
    std::vector<std::string> render(const stream::Actions& actions);

    stream::Negotiation& negotiation() { return negotiation_; }
    /// Everything sent since the last header was due.
    const std::string& sent() const { return sent_; }

    server::Config config;

private:
    std::vector<std::string> feed(const std::string& bytes);

    xml::StreamParser parser_;
    stream::Negotiation negotiation_;
    stream::StreamCodec framer_{"grid.example", xml::Limits{}};
    std::string sent_;
    int ids_ = 0;
};

/// Plays it, and then again for every step up to which it can be played, with each kind of end.
void check(const Script& script, bool direct_tls = false);

// Common parts.
std::string client_header(const std::string& more = "to='grid.example' version='1.0'");
server::tls::Presented certificate_of(const std::vector<std::string>& jids);
std::string auth(const std::string& text);
/// Up to the features that offer EXTERNAL.
Script secured(
    const server::tls::Presented& presented,
    const std::string& header_more = "to='grid.example' version='1.0'"
);
Script operator+(Script first, const Script& second);

extern const std::string offer_starttls, offer_external, offer_bind;
std::string error_of(const std::string& condition, const std::string& text);
std::string failure_of(const std::string& condition, const std::string& text);

}   // namespace grid::test
