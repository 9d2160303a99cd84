// controller/pki/pki.hpp: keys and certificates as PEM text. No files here: the callers write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"
#include "xml/result.hpp"

namespace grid::controller::pki {

struct KeyPair {
    std::string certificate;   // PEM
    std::string key;           // PEM, PKCS#8, to be stored 0600
};

/// What went wrong, for a person.
template <class T>
using PkiResult = Result<T, std::string>;

/// A CA of its own (ECDSA P-256, CA:TRUE, pathlen 0, keyCertSign+cRLSign).
PkiResult<KeyPair> make_ca(std::string_view name, storage::Millis now, int days);
/// serverAuth only; DNS names in subjectAltName, e.g. D, pubsub.D, controller.D, localhost.
PkiResult<KeyPair> make_server(
    const KeyPair& ca, const std::vector<std::string>& dns_names, storage::Millis now, int days
);
/// clientAuth only, no dNSName; `jid` as id-on-xmppAddr (UTF8String, OID 1.3.6.1.5.5.7.8.5).
PkiResult<KeyPair> make_client(
    const KeyPair& ca, std::string_view jid, storage::Millis now, int days
);

}   // namespace grid::controller::pki
