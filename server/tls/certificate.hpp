// server/tls/certificate.hpp: the facts of a peer's certificate, read from its ASN.1, never from
// a printed DN.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "controller/accounts/approval.hpp"
#include "controller/identity.hpp"
#include "server/config/config.hpp"
#include "server/tls/openssl.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::server::tls {

/// The certificate that a client presented, judged once after the handshake; the chain is not kept.
struct Presented {
    bool present = false;
    bool acceptable = false;   // chain, dates, EKU clientAuth: EXTERNAL may be offered
    /// Why it cannot log in, for a person: "expired on 2026-01-01, our clock says …". Also set when
    /// the certificate is acceptable but names no account here.
    std::string reason;
    std::string subject, issuer, serial, fingerprint, anchor;
    int depth = 0;   // of the certificate that failed
    storage::Millis not_before = 0, not_after = 0;
    /// Bare JIDs that it may claim in the served domain: all xmppAddr, else what mapping rules
    /// give.
    std::vector<xml::Jid> identities;
    bool is_mapped = false;
    /// xmppAddr that are of no served domain or malformed, for the log.
    std::vector<std::string> foreign;

    std::string key;                 // SHA-256 of its public key
    std::vector<std::string> path;   // see controller::Identity
    std::vector<std::string> other_authorities;
    storage::Millis valid_until = 0;   // the earliest notAfter of the path
    controller::CertificateFacts facts;
    std::uint64_t approvals = 0;   // see controller::Identity
    /// Of the SASL failure when it cannot log in.
    std::string condition = "not-authorized";

    /// Acceptable, and with an account of the served domain: EXTERNAL can succeed.
    bool can_log_in() const { return acceptable && !identities.empty(); }
};

/// `served` is the grid domain. Accepts any chain in the handshake; the verdict is in the result,
/// so that the failure can be answered in XMPP. `now` is for the text of the reason: OpenSSL has
/// compared the dates with the system's clock.
Presented judge(
    SSL* ssl,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    storage::Millis now
);

controller::Identity to_identity(const Presented& presented, const xml::Jid& account);

}   // namespace grid::server::tls
