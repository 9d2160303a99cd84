// server/tls/certificate.cpp: the verdict on a peer's certificate.
#include "server/tls/certificate.hpp"

#include <openssl/x509v3.h>

#include <algorithm>

#include "server/tls/certificate_text.hpp"
#include "server/tls/names.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/verdict.hpp"
#include "server/tls/verify.hpp"

namespace grid::server::tls {
namespace {

/// Reads the facts of OpenSSL's path that revocation, expiry and approval rules need.
void read_path(Presented& presented, const std::vector<X509Ptr>& chain, const Names& names) {
    presented.valid_until = presented.not_after;
    auto& facts = presented.facts;
    for (std::size_t i = 1; i < chain.size(); ++i) {
        const X509* issuer = chain[i].get();
        const std::string key = key_hash_of(issuer);
        presented.path.push_back(key + ":" + serial_of(chain[i - 1].get()));
        presented.valid_until =
            std::min(presented.valid_until, to_millis(X509_get0_notAfter(issuer)));
        facts.authorities.push_back(key);
    }
    const X509* own = chain.front().get();
    const X509_NAME* subject = X509_get_subject_name(own);
    facts.issuers = texts_of(X509_get_issuer_name(own), NID_commonName);
    facts.organizations = texts_of(subject, NID_organizationName);
    facts.units = texts_of(subject, NID_organizationalUnitName);
    for (const auto& jid : names.accounts) facts.names.push_back("xmpp:" + jid.str());
    for (const auto& host : names.dns) facts.names.push_back("dns:" + host);
    for (const auto& email : names.email) facts.names.push_back("email:" + email);
    for (const auto& uri : names.uris) facts.names.push_back("uri:" + uri);
}

std::string why_nobody(
    const Names& names,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    const std::string& anchor
) {
    if (!names.has_xmpp_addr) return why_unmapped(names, served, mappings, anchor);
    std::string found;
    for (const auto& address : names.foreign) found += (found.empty() ? "" : ", ") + address;
    return "the certificate has no xmppAddr of " + served + ", only " + found;
}

/// Empty when the chain is sound.
std::string why_unsound(SSL* ssl, Presented& presented, storage::Millis now) {
    if (const Verdict* verdict = verdict_of(ssl)) {
        presented.depth = verdict->depth;
        return to_reason(*verdict, now);
    }
    const long result = SSL_get_verify_result(ssl);
    if (result == X509_V_OK || is_verified_again(ssl)) return {};
    Verdict verdict;
    verdict.error = static_cast<int>(result);
    return to_reason(verdict, now);
}

void describe(Presented& presented, const X509* certificate) {
    presented.subject = to_text(X509_get_subject_name(certificate));
    presented.issuer = to_text(X509_get_issuer_name(certificate));
    presented.serial = serial_of(certificate);
    presented.fingerprint = fingerprint_of(certificate);
    presented.key = key_hash_of(certificate);
    presented.not_before = to_millis(X509_get0_notBefore(certificate));
    presented.not_after = to_millis(X509_get0_notAfter(certificate));
}

}   // namespace

Presented judge(
    SSL* ssl,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    storage::Millis now
) {
    Presented presented;
    const X509Ptr certificate = ssl ? certificate_of(ssl) : nullptr;
    if (!certificate) {
        presented.reason = "no client certificate was presented";
        return presented;
    }
    presented.present = true;
    describe(presented, certificate.get());
    presented.reason = why_unsound(ssl, presented, now);
    if (!presented.reason.empty()) return presented;

    const auto path = verified_path_of(ssl);
    auto names = read_names(certificate.get(), served);
    apply_constraints(names, path);
    presented.foreign = names.foreign;
    if (!names.malformed.empty())
        presented.reason = "the certificate is refused: " + names.malformed;
    else if (is_for_servers_only(certificate.get(), names))
        presented.reason =
            "the certificate is a server's: it names a host (dNSName), and no extended key usage "
            "clientAuth, or a member of a cluster; a client's has that usage, or an xmppAddr";
    if (!presented.reason.empty()) return presented;

    if (path.empty()) {
        presented.reason = "the certificate's trust anchor is unknown";
        return presented;
    }
    presented.anchor = key_hash_of(path.back().get());
    presented.other_authorities = other_authorities_of(ssl);
    presented.acceptable = true;
    read_path(presented, path, names);
    presented.identities = names.accounts;
    if (!names.has_xmpp_addr) {
        presented.identities = map_names(names, served, mappings, presented.anchor);
        presented.is_mapped = !presented.identities.empty();
    }
    if (presented.identities.empty())
        presented.reason = why_nobody(names, served, mappings, presented.anchor);
    return presented;
}

controller::Identity to_identity(const Presented& presented, const xml::Jid& account) {
    return {
        .account = account.bare(),
        .anchor = presented.anchor,
        .fingerprint = presented.fingerprint,
        .subject = presented.subject,
        .issuer = presented.issuer,
        .serial = presented.serial,
        .not_before = presented.not_before,
        .not_after = presented.not_after,
        .is_mapped = presented.is_mapped,
        .key = presented.key,
        .path = presented.path,
        .other_authorities = presented.other_authorities,
        .valid_until = presented.valid_until,
        .approvals = presented.approvals,
        .password = {},
        .component = {},
    };
}

}   // namespace grid::server::tls
