// server/tls/revocation/crl_set.cpp: see crl_set.hpp.
#include "server/tls/revocation/crl_set.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <functional>

#include "server/tls/certificate_text.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace {

void lacks(Crl& crl, std::string why) {
    crl.covers_clients = crl.covers_authorities = false;
    if (crl.gap.empty()) crl.gap = std::move(why);
}

std::string digest_of(const X509_CRL* list) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (X509_CRL_digest(list, EVP_sha256(), digest, &size) != 1) return {};
    return to_hex(digest, size);
}

using PointPtr = std::unique_ptr<ISSUING_DIST_POINT, Deleter<ISSUING_DIST_POINT_free>>;

/// RFC 5280 §5.2.5.
void read_distribution_point(Crl& crl, const X509_CRL* list) {
    const PointPtr point(static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, nullptr, nullptr)
    ));
    if (!point) return lacks(crl, "its issuingDistributionPoint cannot be read");
    if (point->indirectCRL > 0) lacks(crl, "it is an indirect list");
    if (point->onlysomereasons != nullptr) lacks(crl, "it is for some reasons of revocation only");
    if (point->onlyattr > 0) lacks(crl, "it is for attribute certificates only");
    if (point->onlyuser > 0) {
        crl.covers_authorities = false;
        if (crl.gap.empty()) crl.gap = "it is for certificates of users only";
    }
    if (point->onlyCA > 0) {
        crl.covers_clients = false;
        if (crl.gap.empty()) crl.gap = "it is for certificates of CAs only";
    }
}

/// The extension that makes a list another one than "all that this CA revoked".
std::string scope_of(const X509_CRL* list, int kind) {
    const int at = X509_CRL_get_ext_by_NID(list, kind, -1);
    if (at < 0) return {};
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_CRL_get_ext(list, at));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    EVP_Digest(
        ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)), digest,
        &size, EVP_sha256(), nullptr
    );
    return to_hex(digest, 8);
}

/// A number of RFC 5280 §5.2, hex; empty: none.
std::string number_in(const X509_CRL* list, int kind) {
    using NumberPtr = std::unique_ptr<ASN1_INTEGER, Deleter<ASN1_INTEGER_free>>;
    const NumberPtr number(
        static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, kind, nullptr, nullptr))
    );
    return number ? to_text(number.get()) : std::string();
}

/// Deltas of one base say everything since then; those of another one do not (RFC 5280 §5.2.4).
std::string base_of(const X509_CRL* list) { return number_in(list, NID_delta_crl).substr(0, 40); }

/// The list's coverage, by its extensions (RFC 5280 §5.2). One that is critical and not understood
/// may narrow it down in a way that is not known here.
void read_extensions(Crl& crl, const X509_CRL* list) {
    for (int i = 0; i < X509_CRL_get_ext_count(list); ++i) {
        X509_EXTENSION* extension = X509_CRL_get_ext(list, i);
        const int kind = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (kind == NID_delta_crl) {
            crl.scope += "delta" + base_of(list);   // each says what that base did not
            lacks(crl, "it is a delta list, which says only what changed");
        } else if (kind == NID_issuing_distribution_point) {
            crl.scope += scope_of(list, kind);
            read_distribution_point(crl, list);
        } else if (X509_EXTENSION_get_critical(extension) == 1 &&
                   kind != NID_authority_key_identifier && kind != NID_crl_number) {
            crl.scope += "critical";
            lacks(crl, "it has a critical extension that is not known here");
        }
    }
    crl.number = number_in(list, NID_crl_number);
}

/// RFC 5280 §5.3: an entry may be of another CA, and of a delta it may end a hold.
class Entries {
public:
    Entries(Crl& crl, const X509_CRL* list, X509* signer, std::span<const KnownCa> authorities)
        : crl_(crl), list_(list), signer_(signer), authorities_(authorities) {}

    void read(STACK_OF(X509_REVOKED) * revoked) {
        const int count = revoked != nullptr ? sk_X509_REVOKED_num(revoked) : 0;
        crl_.serials.reserve(static_cast<std::size_t>(std::max(count, 0)));
        for (int i = 0; i < count; ++i) read(sk_X509_REVOKED_value(revoked, i));
        std::ranges::sort(crl_.serials);
        std::ranges::sort(crl_.others);
    }

private:
    void read(X509_REVOKED* entry) {
        if (X509_REVOKED_get_ext_count(entry) > 0 && !read_extensions(entry)) return;
        const std::string serial = to_text(X509_REVOKED_get0_serialNumber(entry));
        if (is_own_) crl_.serials.push_back(serial);
        for (const std::string& key : keys_) crl_.others.push_back(key + ":" + serial);
    }

    /// False: the entry revokes nothing.
    bool read_extensions(X509_REVOKED* entry) {
        using ReasonPtr = std::unique_ptr<ASN1_ENUMERATED, Deleter<ASN1_ENUMERATED_free>>;
        const ReasonPtr reason(static_cast<ASN1_ENUMERATED*>(
            X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)
        ));
        const NamesPtr issuer(static_cast<GENERAL_NAMES*>(
            X509_REVOKED_get_ext_d2i(entry, NID_certificate_issuer, nullptr, nullptr)
        ));
        if (issuer) turn_to(issuer.get());
        crl_.is_indirect = crl_.is_indirect || issuer;
        for (int i = 0; i < X509_REVOKED_get_ext_count(entry); ++i) {
            X509_EXTENSION* extension = X509_REVOKED_get_ext(entry, i);
            const int kind = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
            if (X509_EXTENSION_get_critical(extension) == 1 && kind != NID_crl_reason &&
                kind != NID_certificate_issuer && kind != NID_invalidity_date)
                lacks(crl_, "an entry has a critical extension that is not known here");
        }
        return !reason || ASN1_ENUMERATED_get(reason.get()) != CRL_REASON_REMOVE_FROM_CRL;
    }

    /// §5.3.3: from this entry on. A CA is believed about those that it certified itself.
    void turn_to(const GENERAL_NAMES* names) {
        is_own_ = false;
        keys_.clear();
        for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
            const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
            if (name->type != GEN_DIRNAME) continue;
            const X509_NAME* issuer = name->d.directoryName;
            if (X509_NAME_cmp(issuer, X509_CRL_get_issuer(list_)) == 0) is_own_ = true;
            for (const KnownCa& one : authorities_) {
                X509* certificate = one.certificate.get();
                if (one.key != crl_.issuer_key &&
                    X509_NAME_cmp(X509_get_subject_name(certificate), issuer) == 0 &&
                    X509_verify(certificate, X509_get0_pubkey(signer_)) == 1)
                    keys_.push_back(one.key);
            }
        }
        ERR_clear_error();
    }

    Crl& crl_;
    const X509_CRL* list_;
    X509* signer_;
    std::span<const KnownCa> authorities_;
    bool is_own_ = true;
    std::vector<std::string> keys_;
};

/// RFC 5280 §4.2.1.3: a CA that says what its key is for must say that it signs lists.
bool may_sign_lists(X509* authority) {
    const std::uint32_t usage = X509_get_key_usage(authority);
    return usage == UINT32_MAX || (usage & KU_CRL_SIGN) != 0;
}

}   // namespace

bool Crl::revokes(std::string_view serial) const {
    return std::ranges::binary_search(serials, serial, std::less<>{});
}

/// Numbers are unsigned and of any length.
int compare_numbers(std::string_view one, std::string_view other) {
    const auto trim = [](std::string_view& text) {
        text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
    };
    trim(one);
    trim(other);
    if (one.size() != other.size()) return one.size() < other.size() ? -1 : 1;
    return one.compare(other);
}

Crl::Order Crl::order_to(const Crl& other) const {
    const bool are_numbered = !number.empty() && !other.number.empty();
    const int by_number = are_numbered ? compare_numbers(number, other.number) : 0;
    if (by_number >= 0 && this_update > other.this_update) return Order::Newer;
    if (by_number <= 0 && this_update < other.this_update) return Order::Older;
    if (this_update != other.this_update || by_number == 0) return Order::Unclear;
    return by_number > 0 ? Order::Newer : Order::Older;
}

CrlRead verify_crl(X509_CRL* list, std::span<const KnownCa> authorities) {
    const std::string issuer = to_text(X509_CRL_get_issuer(list));
    std::string why = ": it revokes nothing until a client of that CA comes";
    for (const KnownCa& authority : authorities) {
        X509* certificate = authority.certificate.get();
        if (X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(certificate)) != 0)
            continue;
        why = ", the key usage of the CA of that name lacks cRLSign: it revokes nothing";
        if (!may_sign_lists(certificate)) continue;
        const int verified = X509_CRL_verify(list, X509_get0_pubkey(certificate));
        ERR_clear_error();
        why = ", its signature is not by the key of the CA of that name: it revokes nothing";
        if (verified != 1) continue;   // the name alone proves nothing
        auto crl = std::make_shared<Crl>();
        crl->issuer_key = authority.key;
        crl->issuer_name = issuer;
        crl->digest = digest_of(list);
        crl->this_update = to_millis(X509_CRL_get0_lastUpdate(list));
        crl->next_update = to_millis(X509_CRL_get0_nextUpdate(list));
        read_extensions(*crl, list);
        Entries(*crl, list, certificate, authorities).read(X509_CRL_get_REVOKED(list));
        ERR_clear_error();
        std::string complaint;
        if (!crl->gap.empty())
            complaint = issuer + ": " + crl->gap +
                        ": what it revokes is revoked, but it makes nobody else good";
        return {std::move(crl), std::move(complaint)};
    }
    return {nullptr, issuer + ": no CA that is known here signed it" + why, true};
}

std::shared_ptr<const Crl> not_yet(const Crl& crl) {
    auto later = std::make_shared<Crl>(crl);
    later->scope += "-later";
    lacks(*later, "its thisUpdate is in the future");
    return later;
}

CrlRead read_crl(X509_CRL* list, std::span<const KnownCa> authorities, storage::Millis now) {
    // A clock that goes wrong by more puts a list off.
    constexpr storage::Millis early_max = 3'600'000;
    CrlRead read = verify_crl(list, authorities);
    if (!read.crl || read.crl->this_update <= now + early_max) return read;
    read.crl = not_yet(*read.crl);
    read.complaint = read.crl->issuer_name + ": " + read.crl->gap + ", " +
                     xml::to_datetime(read.crl->this_update) +
                     ": what it revokes is revoked, but it makes nobody else good";
    return read;
}

bool is_certified(const KnownCa& one, std::span<const KnownCa> authorities) {
    const bool is_so = std::ranges::any_of(authorities, [&one](const KnownCa& issuer) {
        X509* above = issuer.certificate.get();
        return X509_NAME_cmp(
                   X509_get_subject_name(above), X509_get_issuer_name(one.certificate.get())
               ) == 0 &&
               X509_verify(one.certificate.get(), X509_get0_pubkey(above)) == 1;
    });
    ERR_clear_error();
    return is_so;
}

Namesakes find_namesakes(std::span<const KnownCa> authorities) {
    Namesakes found;
    const auto certified = [](const KnownCa& issuer, const KnownCa& one) {
        return is_certified(one, std::span(&issuer, 1));
    };
    const auto are_one = [&](const KnownCa& a, const KnownCa& b) {
        return certified(a, b) || certified(b, a) ||
               std::ranges::any_of(authorities, [&](const KnownCa& above) {
                   return certified(above, a) && certified(above, b);
               });
    };
    for (const KnownCa& a : authorities)
        for (const KnownCa& b : authorities)
            if (a.key != b.key &&
                X509_NAME_cmp(
                    X509_get_subject_name(a.certificate.get()),
                    X509_get_subject_name(b.certificate.get())
                ) == 0 &&
                are_one(a, b))
                found[a.key].push_back(b.key);
    ERR_clear_error();
    return found;
}

bool CrlSet::add(List crl) {
    constexpr std::size_t unclear_max = 8;
    Scope& scope = by_key_[crl->issuer_key][crl->scope];
    for (List& held : scope)
        if (held->digest == crl->digest) {
            if (!(*held == *crl)) held = std::move(crl);   // more CAs are known than before
            note_indirect();
            return held == scope.front();
        }
    const auto order = [&crl](const List& held) { return crl->order_to(*held); };
    if (std::ranges::find(scope, Crl::Order::Older, order) != scope.end()) return false;
    std::erase_if(scope, [&](const List& held) { return order(held) == Crl::Order::Newer; });
    // The highest number covers the CA; of equal ones, the last that came.
    const bool is_first = scope.empty() || compare_numbers(crl->number, scope.front()->number) >= 0;
    scope.insert(is_first ? scope.begin() : scope.begin() + 1, std::move(crl));
    if (scope.size() > unclear_max) {
        const auto oldest = std::ranges::min_element(
            scope.begin() + 1, scope.end(), {}, [](const List& one) { return one->this_update; }
        );
        scope.erase(oldest);
    }
    note_indirect();
    return is_first;
}

void CrlSet::note_indirect() {
    indirect_.clear();
    for (const List& one : all())
        if (!one->others.empty()) indirect_.push_back(one);
}

void CrlSet::add_all(const CrlSet& before) {
    for (const List& one : before.all()) add(one);
}

void CrlSet::drop_replaced(storage::Millis now) {
    // A whole list says all about the certificates of its CA, and nothing about those of others.
    const auto is_replaced = [&](const Crl& one) {
        const Crl* whole = of(one.issuer_key);
        if (one.scope.empty() || whole == nullptr || !one.others.empty()) return false;
        if (one.scope.starts_with("delta")) return whole->this_update > one.this_update;
        const bool is_over = one.next_update != 0 && one.next_update < now;
        return is_over && whole->this_update > one.next_update;
    };
    for (const List& one : all()) {
        if (!is_replaced(*one)) continue;
        auto& scopes = by_key_[one->issuer_key];
        Scope& scope = scopes[one->scope];
        std::erase(scope, one);
        if (scope.empty()) scopes.erase(one->scope);
    }
}

const Crl* CrlSet::of(std::string_view issuer_key, std::string_view scope) const {
    const auto found = by_key_.find(issuer_key);
    if (found == by_key_.end()) return nullptr;
    const auto lists = found->second.find(scope);
    return lists == found->second.end() ? nullptr : lists->second.front().get();
}

bool CrlSet::has_list(std::string_view digest) const {
    const auto lists = all();
    return std::ranges::find(lists, digest, [](const List& one) {
               return std::string_view(one->digest);
           }) != lists.end();
}

std::vector<CrlSet::List> CrlSet::all() const {
    std::vector<List> lists;
    for (const auto& [key, scopes] : by_key_)
        for (const auto& [scope, of_scope] : scopes)
            lists.insert(lists.end(), of_scope.begin(), of_scope.end());
    return lists;
}

const Crl* CrlSet::revoking(std::string_view key, std::string_view serial) const {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    for (const auto& [scope, lists] : found->second)
        for (const List& list : lists)
            if (list->revokes(serial)) return list.get();
    return nullptr;
}

const Crl* CrlSet::revoking(std::string_view link) const {
    const auto colon = link.find(':');
    const auto key = link.substr(0, colon), serial = link.substr(colon + 1);
    if (const Crl* own = revoking(key, serial)) return own;
    if (const auto found = namesakes_.find(key); found != namesakes_.end())
        for (const std::string& other : found->second)
            if (const Crl* list = revoking(other, serial)) return list;
    for (const List& list : indirect_)
        if (std::ranges::binary_search(list->others, link, std::less<>{})) return list.get();
    return nullptr;
}

CrlSet::Finding CrlSet::check(std::span<const std::string> path, storage::Millis now) const {
    Finding unknown;
    for (std::size_t depth = 0; depth < path.size(); ++depth) {
        const std::string_view link = path[depth];
        // Past its nextUpdate a list is not complete any more, but what it revokes is revoked.
        if (const Crl* crl = revoking(link)) return {Standing::Revoked, depth, crl};
        if (unknown.standing != Standing::Good) continue;
        unknown = check_key(link.substr(0, link.find(':')), depth, now);
    }
    return unknown;
}

CrlSet::Finding CrlSet::check_key(
    std::string_view issuer_key, std::size_t depth, storage::Millis now
) const {
    const auto found = by_key_.find(issuer_key);
    const Crl* nearest = nullptr;   // an old list that covers it, else one that does not
    if (found != by_key_.end())
        for (const auto& [scope, lists] : found->second) {
            const List& list = lists.front();
            const bool covers = list->covers(depth);
            if (covers && (list->next_update == 0 || now <= list->next_update)) return {};
            if (nearest == nullptr || (covers && !nearest->covers(depth))) nearest = list.get();
        }
    return {Standing::Unknown, depth, nearest};
}

std::vector<std::string> CrlSet::newly_revoked(const CrlSet& before) const {
    std::vector<std::string> links;
    const auto note = [&](std::string link) {
        if (before.revoking(link) == nullptr) links.push_back(std::move(link));
    };
    for (const List& list : all()) {
        if (before.has(*list) && list->others.empty()) continue;
        std::vector<std::string> keys{list->issuer_key};
        if (const auto found = namesakes_.find(list->issuer_key); found != namesakes_.end())
            keys.insert(keys.end(), found->second.begin(), found->second.end());
        for (const std::string& key : keys)
            for (const std::string& serial : list->serials) note(key + ":" + serial);
        for (const std::string& link : list->others) note(link);
    }
    return links;
}

}   // namespace grid::server::tls
