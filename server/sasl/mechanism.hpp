// server/sasl/mechanism.hpp: a SASL mechanism, server side, as a machine without I/O (RFC 4422).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "controller/credentials/credentials.hpp"
#include "xml/jid.hpp"

namespace grid::server::sasl {

/// The peer is to answer this; empty is a challenge too.
struct Challenge {
    std::string data;
};
/// The controller's answer is needed: `Mechanism::found` is called with it.
using Lookup = controller::LoginQuestion;
/// Authenticated, and authorized to act as `account`. Whether that account may enter is asked
/// later.
struct Success {
    xml::Jid account;   // bare
    std::string data;
    std::string password = {};   // see controller::Identity; empty: by certificate
    std::string token = {};      // by which it came (XEP-0484); empty: none
};
struct Failure {
    std::string condition;   // of RFC 6120 §6.5
    std::string text;        // for a person
    bool is_final = false;   // no further attempt on this connection can succeed
};
using Step = std::variant<Challenge, Lookup, Success, Failure>;

/// One exchange. Strings are the bytes that SASL carries, base64 already removed.
class Mechanism {
public:
    virtual ~Mechanism() = default;
    /// `initial` is nothing when the client sent no initial response, which is not an empty one.
    virtual Step start(const std::optional<std::string>& initial) = 0;
    virtual Step respond(const std::string& response) = 0;
    /// After Lookup, once.
    virtual Step found(controller::LoginKeys) { return Failure{"malformed-request", {}}; }
};

/// Character data of `<auth/>` or `<response/>`: absent, `=` (an empty message, RFC 6120 §6.4.2),
/// or strict base64.
struct Decoded {
    bool is_valid = true;   // false: <incorrect-encoding/>
    std::optional<std::string> message;
};
Decoded decode(std::string_view text);

}   // namespace grid::server::sasl
