// server/pki/pki.hpp: keys and certificates as PEM text. No files here: the callers write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"
#include "xml/result.hpp"

namespace grid::pki {

struct KeyPair {
    std::string certificate;   // PEM
    std::string key;           // PEM, PKCS#8, to be stored 0600
};

/// A result, or the failure in words for a person.
template <class T>
using PkiResult = Result<T, std::string>;

/// A CA of its own (ECDSA P-256, CA:TRUE, pathlen 0, keyCertSign+cRLSign).
PkiResult<KeyPair> make_ca(std::string_view name, storage::Millis now, int days);
/// serverAuth only; DNS names in subjectAltName, e.g. D, pubsub.D, controller.D, localhost. A name
/// that is an IP literal becomes an iPAddress. Never outlives the CA.
PkiResult<KeyPair> make_server(
    const KeyPair& ca, const std::vector<std::string>& dns_names, storage::Millis now, int days
);
/// clientAuth only, no dNSName; `jid` (bare, prepared) as id-on-xmppAddr (UTF8String, OID
/// 1.3.6.1.5.5.7.8.5). Never outlives the CA.
PkiResult<KeyPair> make_client(
    const KeyPair& ca, std::string_view jid, storage::Millis now, int days
);

/// For links between the members of a cluster: serverAuth and clientAuth, `name` as a URI
/// (server/tls/member_role.hpp), `hosts` as for a server; there may be none. No common name, of
/// which a mapping rule could make an account. Never outlives the CA.
PkiResult<KeyPair> make_member(
    const KeyPair& ca,
    std::string_view name,
    const std::vector<std::string>& hosts,
    storage::Millis now,
    int days
);

struct SigningRequest {
    std::string request;   // PEM, PKCS#10
    std::string key;       // PEM, PKCS#8, to be stored 0600
};
/// For a CA elsewhere: a new key (ECDSA P-256) and a request for a certificate as make_client makes
/// it (subject, id-on-xmppAddr, clientAuth, digitalSignature).
PkiResult<SigningRequest> make_client_request(std::string_view jid);

/// Key, certificate and the CAs in `authorities` (PEM) as one file that browsers import, encrypted
/// with the password (PKCS#12, AES-256). DER.
PkiResult<std::string> make_pkcs12(
    const KeyPair& pair,
    std::string_view authorities,
    const std::string& name,
    const std::string& password
);

/// The facts of a certificate, for people and for checks on the operator's own files.
struct Description {
    std::string subject, issuer;   // RFC 2253, for people
    std::string fingerprint;       // SHA-256 of the certificate, lower-case hex
    std::string key;               // SHA-256 of its public key (SPKI, DER), lower-case hex
    storage::Millis not_before = 0, not_after = 0;
    std::vector<std::string> hosts;                             // dNSName and iPAddress
    std::vector<std::string> jids;                              // id-on-xmppAddr
    std::vector<std::string> members;                           // of a cluster: urn:gridd:member:
    bool is_ca = false, is_server = false, is_client = false;   // the latter two by EKU
};
/// The first certificate in `pem`.
PkiResult<Description> describe(std::string_view pem);
/// Is `key` the private key of the first certificate in `certificate`?
bool is_pair(const KeyPair& pair);
/// Chain, dates and purpose (clientAuth or serverAuth) of the first certificate against a bundle of
/// trust anchors. An error text when it would be refused.
PkiResult<void> verify(
    std::string_view certificate, std::string_view anchors, bool as_server, storage::Millis now
);

}   // namespace grid::pki
