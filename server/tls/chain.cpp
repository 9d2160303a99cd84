// server/tls/chain.cpp: DER to a verified path, and whose certificate its leaf is.
#include "server/tls/chain.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <utility>

#include "server/clock.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/names.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/paths/path.hpp"
#include "server/tls/verdict.hpp"

namespace grid::server::tls {

namespace {

/// Exactly one certificate, nothing behind it.
X509Ptr parse(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = at + der.size();
    X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    return at == end ? std::move(certificate) : X509Ptr();
}

/// Each certificate below the anchor as revocation names it, and the anchor's key.
struct Path {
    std::vector<std::string> links;
    std::string anchor;
};
Path links_of(const std::vector<X509Ptr>& chain) {
    Path path;
    for (std::size_t i = 1; i < chain.size(); ++i)
        path.links.push_back(key_hash_of(chain[i].get()) + ":" + serial_of(chain[i - 1].get()));
    if (!chain.empty()) path.anchor = key_hash_of(chain.back().get());
    return path;
}

}   // namespace

void TrustedChains::use(SSL_CTX* context) {
    Context next = share(context);
    const std::lock_guard lock(mutex_);
    std::swap(context_, next);
}

Context TrustedChains::current() const {
    const std::lock_guard lock(mutex_);
    return share(context_.get());
}

bool TrustedChains::trusts(std::string_view key) const {
    const Context context = current();
    STACK_OF(X509_OBJECT)* all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context.get()));
    for (int i = 0; i < sk_X509_OBJECT_num(all); ++i)
        if (X509* one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)))
            if (key_hash_of(one) == key) return true;
    return false;
}

controller::CertificateVerifier::Verdict TrustedChains::verify(const std::vector<std::string>& chain
) const {
    Verdict verdict;
    std::vector<X509Ptr> certificates;
    const Stack others(sk_X509_new_null());
    for (const std::string& der : chain) {
        certificates.push_back(parse(der));
        if (!certificates.back()) {
            verdict.reason = "certificate " + std::to_string(certificates.size()) + " is no DER";
            return verdict;
        }
        if (certificates.size() > 1) sk_X509_push(others.get(), certificates.back().get());
    }
    verdict.is_readable = !certificates.empty();
    if (!verdict.is_readable) return verdict;
    X509* leaf = certificates.front().get();
    verdict.reason = why_too_costly(leaf, others.get());
    if (!verdict.reason.empty()) return verdict;
    const Context context = current();
    Found found = find_paths(leaf, others.get(), SSL_CTX_get_cert_store(context.get()));
    if (found.verdict.error != X509_V_OK) {
        verdict.reason = to_reason(found.verdict, now());
        return verdict;
    }
    const Path path = links_of(found.path);
    Names names = read_names(leaf, config_.domain);
    apply_constraints(names, found.path);
    if (!names.malformed.empty()) verdict.reason = "refused: " + names.malformed;
    if (is_for_servers_only(leaf, names)) verdict.reason = "it is a server's certificate";
    if (verdict.reason.empty() && revoked_) verdict.reason = revoked_(path.links);
    if (!verdict.reason.empty()) return verdict;
    const bool is_mapped = !names.has_xmpp_addr;
    for (const xml::Jid& account :
         is_mapped ? map_names(names, config_.domain, config_.sasl.mappings, path.anchor)
                   : names.accounts) {
        controller::Identity identity;
        identity.account = account.bare();
        identity.anchor = path.anchor;
        identity.path = path.links;
        identity.other_authorities = found.others;
        identity.fingerprint = fingerprint_of(leaf);
        identity.key = key_hash_of(leaf);
        identity.serial = serial_of(leaf);
        identity.not_after = to_millis(X509_get0_notAfter(leaf));
        identity.is_mapped = is_mapped;
        verdict.identities.push_back(std::move(identity));
    }
    return verdict;
}

}   // namespace grid::server::tls
