// server/gridctl/xmpp/scram_login.hpp: the client's side of SCRAM (RFC 5802, RFC 7677, XEP-0474).
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/credentials/scram.hpp"
#include "server/net/channel_binding.hpp"

namespace grid::gridctl::xmpp {

/// The mechanisms and types of channel binding that a server offers.
struct SaslOffer {
    std::vector<std::string> mechanisms;
    std::vector<std::string> bindings;

    bool has(std::string_view mechanism) const;
    bool has_binding(std::string_view type) const;
};

/// One exchange. The nonce is printable, has no comma, and is used once.
class ScramLogin {
public:
    struct Setup {
        std::string mechanism;   // as offered: "SCRAM-SHA-256-PLUS"
        std::string user;        // the local part of the account
        std::string password;    // prepared (RFC 4013)
        std::string nonce;
        std::string binding;   // `tls-exporter` (RFC 9266); empty: this connection has none
        SaslOffer offer;
    };
    explicit ScramLogin(Setup setup);

    /// The best of the mechanisms that are offered: bound to the channel before unbound, then the
    /// longer hash. nullopt: SCRAM is not offered.
    static std::optional<std::string> choose(const SaslOffer& offer, bool has_binding);

    std::string first() const { return header_ + bare_; }
    /// The answer to the server's first message; nullopt with `why()` where that is wrong, or where
    /// the offer that the server made differs from the one that came.
    std::optional<std::string> respond(std::string_view challenge);
    /// Whether the server knows the password, too.
    bool is_proved(std::string_view final_message) const;
    const std::string& why() const { return why_; }

private:
    std::optional<std::string> refuse(std::string why);
    bool is_offer_genuine(std::string_view hashed) const;

    Setup setup_;
    controller::ScramHash hash_;
    std::string header_, bare_, server_signature_, why_;
};

}   // namespace grid::gridctl::xmpp
