// server/tls/paths/path.cpp: see path.hpp.
#include "server/tls/paths/path.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "server/tls/certificate_text.hpp"
#include "server/tls/openssl.hpp"

namespace grid::server::tls {
namespace {

/// A 4,096-bit key costs what a P-256 key costs, and twice its size four times that.
constexpr std::size_t rsa_bits_max = 8'192, rsa_bits_usual = 4'096;
constexpr std::size_t exponent_bits_max = 64, exponent_bits_usual = 17;   // 65,537
/// Of a path that cannot hold, since names prove nothing: so many tries of each anchor.
constexpr int failures_per_anchor_max = 2;
constexpr int steps_max = 200;

bool is_same(const X509* one, const X509* other) { return X509_cmp(one, other) == 0; }

void set_rules(X509_STORE_CTX* context) {
    X509_STORE_CTX_set_default(context, "ssl_client");
    X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_depth(rules, chain_depth_max);
    X509_VERIFY_PARAM_set_auth_level(rules, security_level);
    // A CA may demand a policy of all that it stands above (RFC 5280 §6.1.5), whichever that is;
    // else none is needed.
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_POLICY_CHECK);
    X509_VERIFY_PARAM_add0_policy(rules, OBJ_nid2obj(NID_any_policy));
}

std::vector<X509Ptr> chain_of(X509_STORE_CTX* context) {
    std::vector<X509Ptr> chain;
    STACK_OF(X509)* built = X509_STORE_CTX_get0_chain(context);
    for (int i = 0; built != nullptr && i < sk_X509_num(built); ++i)
        chain.push_back(share(sk_X509_value(built, i)));
    return chain;
}

/// Tries the paths that OpenSSL did not.
class Search {
public:
    Search(X509* leaf, STACK_OF(X509) * sent, X509_STORE_CTX* names, Found& found)
        : sent_(sent), names_(names), found_(found), chain_{leaf} {}

    /// `tried`: the path that OpenSSL took.
    void run(const std::vector<X509Ptr>& tried) {
        tried_ = &tried;
        extend();
    }

private:
    /// Only where there is another path: hashes of keys take longer than all else here.
    void note_tried() {
        if (std::exchange(is_tried_noted_, true)) return;
        if (found_.verdict.error == X509_V_OK)
            note_keys(*tried_);
        else if (tried_->size() > 1)
            ++failures_[key_hash_of(tried_->back().get())];
    }
    void note_keys(const std::vector<X509Ptr>& path) {
        for (std::size_t i = 1; i < path.size(); ++i) known_.push_back(key_hash_of(path[i].get()));
    }
    bool is_known(X509* authority) const {
        return std::ranges::find(known_, key_hash_of(authority)) != known_.end();
    }
    bool is_in_chain(const X509* certificate) const {
        return std::ranges::any_of(chain_, [&](const X509* one) {
            return is_same(one, certificate);
        });
    }
    bool may_issue(X509* issuer) const {
        return !is_in_chain(issuer) && X509_check_issued(issuer, chain_.back()) == X509_V_OK;
    }

    bool was_tried() const {
        return std::ranges::equal(chain_, *tried_, [](const X509* one, const X509Ptr& other) {
            return is_same(one, other.get());
        });
    }
    static bool holds(const OwningStack& all, const X509* certificate) {
        for (int i = 0; all && i < sk_X509_num(all.get()); ++i)
            if (is_same(sk_X509_value(all.get(), i), certificate)) return true;
        return false;
    }

    void extend() {
        if (++steps_ > steps_max || chain_.size() > chain_depth_max + 1) return;
        const bool is_root = (X509_get_extension_flags(chain_.back()) & EXFLAG_SS) != 0;
        if (is_root && chain_.size() > 1) return;   // a root has no other issuer
        const X509_NAME* wanted = X509_get_issuer_name(chain_.back());
        const OwningStack anchors(X509_STORE_CTX_get1_certs(names_, wanted));
        for (int i = 0; anchors && i < sk_X509_num(anchors.get()); ++i) {
            X509* anchor = sk_X509_value(anchors.get(), i);
            if (!may_issue(anchor)) continue;
            chain_.push_back(anchor);
            try_path();
            extend();   // the anchor may be below another one
            chain_.pop_back();
        }
        for (int i = 0; sent_ != nullptr && i < sk_X509_num(sent_); ++i) {
            X509* above = sk_X509_value(sent_, i);
            const bool is_named = X509_NAME_cmp(X509_get_subject_name(above), wanted) == 0;
            if (!is_named || !may_issue(above) || holds(anchors, above)) continue;
            chain_.push_back(above);
            extend();
            chain_.pop_back();
        }
    }

    /// The chain ends at an anchor.
    void try_path() {
        if (was_tried()) return;
        note_tried();
        const bool is_new = std::any_of(chain_.begin() + 1, chain_.end(), [this](X509* one) {
            return !is_known(one);
        });
        int& failures = failures_[key_hash_of(chain_.back())];
        if (!is_new || failures >= failures_per_anchor_max) return;
        const Stack between(sk_X509_new_null()), anchor(sk_X509_new_null());
        for (std::size_t i = 1; i + 1 < chain_.size(); ++i) sk_X509_push(between.get(), chain_[i]);
        sk_X509_push(anchor.get(), chain_.back());
        const StoreContext context(X509_STORE_CTX_new());
        if (X509_STORE_CTX_init(context.get(), nullptr, chain_.front(), between.get()) != 1) return;
        X509_STORE_CTX_set0_trusted_stack(context.get(), anchor.get());
        set_rules(context.get());
        X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
        if (X509_verify_cert(context.get()) != 1) {
            ++failures;
            take_better(context.get());
            return;
        }
        auto path = chain_of(context.get());
        if (found_.verdict.error != X509_V_OK) {   // the first that holds
            note_keys(path);
            found_.verdict = {};
            found_.path = std::move(path);
            return;
        }
        for (std::size_t i = 1; i < path.size(); ++i) {
            if (is_known(path[i].get())) continue;
            known_.push_back(key_hash_of(path[i].get()));
            found_.others.push_back(known_.back());
        }
    }

    /// "Another key signed" says little when the right CA of that name was tried, too, and said
    /// more.
    void take_better(X509_STORE_CTX* context) {
        if (found_.verdict.error == X509_V_ERR_CERT_SIGNATURE_FAILURE &&
            X509_STORE_CTX_get_error(context) != X509_V_ERR_CERT_SIGNATURE_FAILURE)
            found_.verdict = to_verdict(context);
    }

    STACK_OF(X509) * sent_;
    X509_STORE_CTX* names_;
    Found& found_;
    const std::vector<X509Ptr>* tried_ = nullptr;
    bool is_tried_noted_ = false;
    std::vector<X509*> chain_;         // from the leaf up
    std::vector<std::string> known_;   // keys of CAs of paths that hold
    std::map<std::string, int> failures_;
    int steps_ = 0;
};

/// A fault of the leaf itself is one on every path.
bool may_another_hold(const Verdict& verdict) {
    switch (verdict.error) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_EE_KEY_TOO_SMALL:
            return false;
        case X509_V_ERR_CERT_HAS_EXPIRED:
        case X509_V_ERR_CERT_NOT_YET_VALID:
        case X509_V_ERR_INVALID_PURPOSE:
        case X509_V_ERR_CA_MD_TOO_WEAK:
            return verdict.depth > 0;
        default:
            return true;
    }
}

std::string why_costly_key(X509* certificate, bool is_leaf) {
    EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr) return "its key cannot be read, or is neither RSA nor of an elliptic curve";
    const int kind = EVP_PKEY_get_base_id(key);
    if (kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448) return {};
    if (kind == EVP_PKEY_EC) {
        std::array<char, 64> name{};
        std::size_t size = 0;
        if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1)
            return "its elliptic curve has no name";
        static constexpr std::array usual{"prime256v1", "secp384r1", "secp521r1"};
        const bool is_usual =
            std::ranges::find(usual, std::string_view(name.data(), size)) != usual.end();
        return is_usual || !is_leaf ? std::string()
                                    : "its elliptic curve is " + std::string(name.data(), size) +
                                          "; P-256, P-384 and P-521 are taken";
    }
    if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS)
        return "its key is neither RSA nor of an elliptic curve";
    BIGNUM* exponent = nullptr;
    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent);
    const int exponent_bits = exponent != nullptr ? BN_num_bits(exponent) : 0;
    BN_free(exponent);
    return why_costly_rsa(
        static_cast<std::size_t>(EVP_PKEY_get_bits(key)), static_cast<std::size_t>(exponent_bits)
    );
}

}   // namespace

std::string why_costly_rsa(std::size_t bits, std::size_t exponent_bits) {
    if (bits > rsa_bits_max) return "its RSA key has more than 8192 bits";
    if (exponent_bits > (bits > rsa_bits_usual ? exponent_bits_usual : exponent_bits_max))
        return "the public exponent of its RSA key has " + std::to_string(exponent_bits) +
               " bits (65537 is usual; at most 64 bits are taken, 17 of keys beyond 4096 bits)";
    return {};
}

std::string why_too_costly(X509* leaf, STACK_OF(X509) * sent) {
    const int count = sent != nullptr ? sk_X509_num(sent) : 0;
    if (count > static_cast<int>(certificates_max))
        return "the chain has " + std::to_string(count) + " certificates; at most " +
               std::to_string(certificates_max) + " are taken";
    if (auto why = why_costly_key(leaf, true); !why.empty())
        return "the certificate is refused: " + why;
    for (int i = 0; i < count; ++i)
        if (auto why = why_costly_key(sk_X509_value(sent, i), false); !why.empty())
            return "certificate " + std::to_string(i + 1) + " of the chain is refused: " + why;
    return {};
}

Found find_paths(X509* leaf, STACK_OF(X509) * sent, X509_STORE* anchors) {
    Found found;
    const StoreContext context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), anchors, leaf, sent) != 1) {
        found.verdict.error = X509_V_ERR_OUT_OF_MEM;
        return found;
    }
    set_rules(context.get());
    // Without a callback it ends at the first error: a path that leads nowhere costs no signature,
    // and signatures are verified from the anchor down, so never with a key that no anchor vouches
    // for.
    if (X509_verify_cert(context.get()) == 1)
        found.path = chain_of(context.get());
    else
        found.verdict = to_verdict(context.get());
    ERR_clear_error();
    if (found.verdict.error != X509_V_OK && !may_another_hold(found.verdict)) return found;
    Search(leaf, sent, context.get(), found).run(chain_of(context.get()));
    ERR_clear_error();
    return found;
}

}   // namespace grid::server::tls
