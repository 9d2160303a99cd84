// controller/identity.hpp: the identity that a client certificate or a password proved.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller {

/// In the place of a CA's key, before the generation of an account's credentials.
inline constexpr std::string_view password_prefix = "password:";
/// The same before the domain of a component, which the operator has given the account.
inline constexpr std::string_view component_prefix = "component:";

/// Kept after the handshake in place of the chain. "The same certificate" means the same account
/// and a CA of its path to which the account is bound: a renewed certificate is the same.
struct Identity {
    xml::Jid account;     // bare
    std::string anchor;   // SHA-256 of the trust anchor's public key (SPKI DER), lower-case hex
    std::string fingerprint;               // SHA-256 of the client's certificate, lower-case hex
    std::string subject, issuer, serial;   // for people; never parsed
    storage::Millis not_before = 0, not_after = 0;
    bool is_mapped = false;   // by a mapping rule, not by an xmppAddr
    std::string key;          // SHA-256 of its own public key (SPKI DER), lower-case hex
    /// The certificates of its path below the anchor, its own first, each as the SHA-256 of the key
    /// that issued it (hex), a colon and its serial number: what a revocation names.
    std::vector<std::string> path;
    /// Keys of CAs by which other paths of it hold: of a CA that two others signed, say.
    std::vector<std::string> other_authorities;
    storage::Millis valid_until = 0;   // the earliest notAfter of the path
    std::uint64_t approvals = 0;       // rules of [accounts] approve that its certificate meets
    /// Of a login by password: the generation of the account's credentials. There is no certificate
    /// then, and what is said of one above is empty.
    std::string password;
    /// Of a component (XEP-0114): its domain. It has shown the operator's secret, and no more.
    std::string component;

    bool is_by_password() const { return !password.empty(); }
    bool is_component() const { return !component.empty(); }
    /// All that vouches for it: the keys of the CAs, those of the path from the issuer to the
    /// anchor, then the others; or the password's generation, behind a prefix that no key has.
    std::vector<std::string> authorities() const {
        if (is_by_password()) return {std::string(password_prefix) + password};
        if (is_component()) return {std::string(component_prefix) + component};
        std::vector<std::string> all;
        for (const std::string& link : path) all.push_back(link.substr(0, link.find(':')));
        if (all.empty() || all.back() != anchor) all.push_back(anchor);
        all.insert(all.end(), other_authorities.begin(), other_authorities.end());
        return all;
    }
};
/// The authorities as one text, for pubsub::Principal: no key has a blank in it.
inline std::string authorities_text(const Identity& identity) {
    std::string text;
    for (const std::string& key : identity.authorities()) text += (text.empty() ? "" : " ") + key;
    return text;
}

/// Never null, and never changed: a stream's login and its session share one.
using IdentityPtr = std::shared_ptr<const Identity>;
inline const IdentityPtr& no_identity() {
    static const IdentityPtr none = std::make_shared<const Identity>();
    return none;
}

}   // namespace grid::controller
