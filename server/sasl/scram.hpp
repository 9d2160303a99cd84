// server/sasl/scram.hpp: the SCRAM mechanisms (RFC 5802, RFC 7677), with channel binding and
// XEP-0474.
#pragma once

#include <memory>

#include "server/net/channel_binding.hpp"
#include "server/sasl/mechanism.hpp"

namespace grid::server::sasl {

/// An exchange that fails tells nothing of the account: one that is not there, or has no password,
/// gets a salt and fails at the proof, after the same number of digests.
class Scram final : public Mechanism {
public:
    struct Setup {
        controller::ScramHash hash = controller::ScramHash::Sha256;
        bool is_plus = false;         // the mechanism's name ends in -PLUS
        bool may_be_unbound = true;   // the mechanism without -PLUS is offered, too
        bool offers_plus = false;     // a client that says it saw none was lied to (RFC 5802 §6)
        std::string domain;           // of the accounts
        std::string nonce;            // ours: unpredictable, printable, no comma
        net::ChannelBindings bindings;
        std::string offer;   // to be hashed for XEP-0474; empty: no hash is sent
    };
    explicit Scram(Setup setup) : setup_(std::move(setup)) {}

    Step start(const std::optional<std::string>& initial) override;
    Step respond(const std::string& response) override;
    Step found(controller::LoginKeys keys) override;

private:
    Step take_first(const std::string& message);
    Step take_final(const std::string& message);
    std::optional<Failure> take_binding(std::string_view flag);
    bool proves(const std::string& proof, const std::string& auth_message) const;

    Setup setup_;
    enum class Awaits { First, Keys, Final, Nothing } awaits_ = Awaits::First;
    std::string name_;       // as Lookup has it
    xml::Jid account_;       // empty: the name is none
    std::string expected_;   // of `c=`: the GS2 header and the channel binding
    std::string client_first_bare_, server_first_, nonce_;
    controller::LoginKeys keys_;
};

/// The text that XEP-0474 §4.1 has hashed: mechanisms and types of channel binding as they were
/// offered.
std::string downgrade_input(
    std::vector<std::string> mechanisms, const net::ChannelBindings& bindings
);

}   // namespace grid::server::sasl
