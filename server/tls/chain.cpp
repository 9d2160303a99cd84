// server/tls/chain.cpp: DER to a verified path, and whose certificate its leaf is.
#include "server/tls/chain.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <memory>

#include "server/stamp.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/names.hpp"
#include "server/tls/openssl.hpp"
#include "server/tls/reason.hpp"

namespace grid::server::tls {

namespace {

/// As in a handshake (context.cpp).
constexpr int chain_depth_max = 8;
constexpr int security_level = 2;

using StoreContext = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;
/// Does not own what is in it.
void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
using Stack = std::unique_ptr<STACK_OF(X509), Deleter<free_stack>>;

/// Exactly one certificate, nothing behind it.
X509Ptr parse(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const auto* end = at + der.size();
    X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    return at == end ? std::move(certificate) : X509Ptr();
}

/// The same rule as at login (certificate.cpp): a host's own certificate is no client's.
bool is_for_servers_only(X509* certificate, const Names& names) {
    const bool has_usage = (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0;
    return !has_usage && !names.dns.empty() && !names.has_xmpp_addr;
}

/// Empty when trust store, dates and purpose hold.
std::string why_unsound(X509_STORE_CTX* context, storage::Millis now) {
    if (X509_verify_cert(context) == 1) return {};
    tls::Verdict verdict;
    verdict.error = X509_STORE_CTX_get_error(context);
    verdict.depth = X509_STORE_CTX_get_error_depth(context);
    if (const X509* certificate = X509_STORE_CTX_get_current_cert(context)) {
        verdict.subject = to_text(X509_get_subject_name(certificate));
        verdict.issuer = to_text(X509_get_issuer_name(certificate));
        verdict.not_before = to_millis(X509_get0_notBefore(certificate));
        verdict.not_after = to_millis(X509_get0_notAfter(certificate));
    }
    ERR_clear_error();
    return to_reason(verdict, now);
}

/// Each certificate below the anchor as revocation names it, and the anchor's key.
struct Path {
    std::vector<std::string> links;
    std::string anchor;
};
Path read_path(X509_STORE_CTX* context) {
    STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
    const int size = chain ? sk_X509_num(chain) : 0;
    Path path;
    for (int i = 1; i < size; ++i)
        path.links.push_back(
            key_hash_of(sk_X509_value(chain, i)) + ":" + serial_of(sk_X509_value(chain, i - 1))
        );
    if (size > 0) path.anchor = key_hash_of(sk_X509_value(chain, size - 1));
    return path;
}

}   // namespace

controller::Chains::Verdict TrustedChains::verify(const std::vector<std::string>& chain) const {
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
    const StoreContext context(X509_STORE_CTX_new());
    X509_STORE* store = SSL_CTX_get_cert_store(context_);
    if (X509_STORE_CTX_init(context.get(), store, leaf, others.get()) != 1 ||
        X509_STORE_CTX_set_default(context.get(), "ssl_client") != 1) {
        ERR_clear_error();
        verdict.reason = "the chain cannot be verified now";
        return verdict;
    }
    X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_depth(rules, chain_depth_max);
    X509_VERIFY_PARAM_set_auth_level(rules, security_level);
    verdict.reason = why_unsound(context.get(), now());
    if (!verdict.reason.empty()) return verdict;
    const Path path = read_path(context.get());
    const Names names = read_names(leaf, config_.domain);
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
