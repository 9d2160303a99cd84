// server/tls/revocation/crl_set.cpp: see crl_set.hpp.
#include "server/tls/revocation/crl_set.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>

#include "server/tls/certificate_text.hpp"

namespace grid::server::tls {

namespace {

/// RFC 5280 §5.2: an extension that is critical and not understood makes the list unusable; a list
/// of a part of the certificates, a delta or an indirect one would be misread.
std::string unusable_extension(const X509_CRL* list) {
    for (int i = 0; i < X509_CRL_get_ext_count(list); ++i) {
        X509_EXTENSION* extension = X509_CRL_get_ext(list, i);
        const int kind = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (kind == NID_delta_crl) return "it is a delta list, which is not supported";
        if (kind == NID_issuing_distribution_point)
            return "it covers a part of the CA's certificates only, or is indirect, which is not "
                   "supported: give the CA's complete list";
        if (X509_EXTENSION_get_critical(extension) == 1 && kind != NID_authority_key_identifier &&
            kind != NID_crl_number)
            return "it has a critical extension that is not supported";
    }
    return {};
}

std::vector<std::string> serials_of(X509_CRL* list) {
    std::vector<std::string> serials;
    STACK_OF(X509_REVOKED)* revoked = X509_CRL_get_REVOKED(list);
    const int count = revoked ? sk_X509_REVOKED_num(revoked) : 0;
    serials.reserve(static_cast<std::size_t>(std::max(count, 0)));
    for (int i = 0; i < count; ++i)
        serials.push_back(to_text(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, i)))
        );
    std::ranges::sort(serials);
    return serials;
}

/// RFC 5280 §4.2.1.3: a CA that says what its key is for must say that it signs lists.
bool may_sign(X509* authority) {
    const std::uint32_t usage = X509_get_key_usage(authority);
    return usage == UINT32_MAX || (usage & KU_CRL_SIGN) != 0;
}

}   // namespace

bool Crl::revokes(std::string_view serial) const {
    return std::ranges::binary_search(serials, serial, std::less<>{});
}

CrlRead verify_crl(X509_CRL* list, std::span<const KnownCa> authorities) {
    const std::string issuer = to_text(X509_CRL_get_issuer(list));
    if (auto why = unusable_extension(list); !why.empty()) return {nullptr, issuer + ": " + why};
    for (const KnownCa& authority : authorities) {
        X509* certificate = authority.certificate.get();
        if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(certificate)) != 0)
            continue;
        if (!may_sign(certificate)) continue;
        const int verified = X509_CRL_verify(list, X509_get0_pubkey(certificate));
        ERR_clear_error();
        if (verified != 1) continue;   // the name alone proves nothing
        auto crl = std::make_shared<Crl>();
        crl->issuer_key = authority.key;
        crl->issuer_name = issuer;
        crl->this_update = to_millis(X509_CRL_get0_lastUpdate(list));
        crl->next_update = to_millis(X509_CRL_get0_nextUpdate(list));
        crl->serials = serials_of(list);
        return {std::move(crl), {}};
    }
    return {nullptr, issuer + ": no CA that is known here signed it", true};
}

void CrlSet::add(std::shared_ptr<const Crl> crl) {
    auto& held = by_key_[crl->issuer_key];
    if (!held || held->this_update <= crl->this_update) held = std::move(crl);
}

const Crl* CrlSet::of(std::string_view issuer_key) const {
    const auto found = by_key_.find(issuer_key);
    return found == by_key_.end() ? nullptr : found->second.get();
}

CrlSet::Finding CrlSet::check(std::span<const std::string> path, storage::Millis now) const {
    Finding unknown;
    for (std::size_t depth = 0; depth < path.size(); ++depth) {
        const std::string_view link = path[depth];
        const auto colon = link.find(':');
        const Crl* crl = of(link.substr(0, colon));
        // Past its nextUpdate a list is not complete any more, but what it revokes is revoked.
        if (crl != nullptr && crl->revokes(link.substr(colon + 1)))
            return {Standing::Revoked, depth, crl};
        const bool is_current =
            crl != nullptr && (crl->next_update == 0 || now <= crl->next_update);
        if (!is_current && unknown.standing == Standing::Good)
            unknown = {Standing::Unknown, depth, crl};
    }
    return unknown;
}

std::vector<std::string> CrlSet::keep_newer(const CrlSet& before) {
    std::vector<std::string> kept;
    for (auto& [key, crl] : by_key_) {
        const auto known = before.by_key_.find(key);
        if (known == before.by_key_.end() || known->second->this_update <= crl->this_update)
            continue;
        crl = known->second;
        kept.push_back(crl->issuer_name);
    }
    return kept;
}

std::vector<std::string> CrlSet::newly_revoked(const CrlSet& before) const {
    std::vector<std::string> links;
    for (const auto& [key, crl] : by_key_) {
        const Crl* old = before.of(key);
        if (old == crl.get()) continue;
        static const std::vector<std::string> none;
        const auto& known = old != nullptr ? old->serials : none;
        std::vector<std::string> fresh;
        std::ranges::set_difference(crl->serials, known, std::back_inserter(fresh));
        for (const std::string& serial : fresh) links.push_back(key + ":" + serial);
    }
    return links;
}

}   // namespace grid::server::tls
