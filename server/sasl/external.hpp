// server/sasl/external.hpp: the EXTERNAL mechanism over a client certificate (RFC 4422 A,
// XEP-0178).
#pragma once

#include "server/sasl/mechanism.hpp"
#include "server/tls/certificate.hpp"

namespace grid::server::sasl {

/// Chooses among the identities of the certificate: the authorization identity, which must be one
/// of them; else the `from` of the TLS-protected stream header if it names one (RFC 6120 §13.7.2);
/// else the only one.
class External final : public Mechanism {
public:
    /// `presented` outlives this. `stream_from`: empty when the header had none.
    External(const tls::Presented& presented, xml::Jid stream_from)
        : presented_(presented), stream_from_(std::move(stream_from)) {}

    Step start(const std::optional<std::string>& initial) override;
    Step respond(const std::string& response) override { return authorize(response); }

private:
    /// An empty `authzid` asks for the identity that the certificate stands for.
    Step authorize(const std::string& authzid) const;
    bool owns(const xml::Jid& account) const;

    const tls::Presented& presented_;
    xml::Jid stream_from_;
};

}   // namespace grid::server::sasl
