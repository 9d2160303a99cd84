// server/sasl/hashed_token.hpp: the mechanisms of tokens, one round trip each (XEP-0484,
// draft-schmaus-kitten-sasl-ht).
#pragma once

#include <string>
#include <vector>

#include "server/net/channel_binding.hpp"
#include "server/sasl/mechanism.hpp"
#include "server/tls/certificate.hpp"

namespace grid::server::sasl {

/// Offered within SASL2 alone: those with channel binding that the connection has, then NONE. A
/// token stands for the password that its client has logged in with; or it is of use with the
/// certificate alone that its client has shown, so that it ends with that.
std::vector<std::string> token_mechanisms(const net::ChannelBindings& bindings);

class HashedToken final : public Mechanism {
public:
    /// `name`: one of token_mechanisms. `client`: the id of the installation. `presented`: the
    /// certificate of this connection, judged.
    HashedToken(
        std::string name,
        std::string client,
        std::string domain,
        const net::ChannelBindings& bindings,
        const tls::Presented& presented
    );
    Step start(const std::optional<std::string>& initial) override;
    Step respond(const std::string& response) override;
    Step found(controller::LoginKeys keys) override;

private:
    std::string name_, client_, domain_, binding_;
    xml::Jid account_;
    std::string proof_;
    const tls::Presented& presented_;
};

}   // namespace grid::server::sasl
