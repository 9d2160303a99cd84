// server/tls/names.cpp: subjectAltName and CN, byte for byte out of the ASN.1.
#include "server/tls/names.hpp"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "server/tls/certificate_text.hpp"
#include "server/tls/member_role.hpp"
#include "server/tls/openssl.hpp"
#include "xml/domain.hpp"

namespace grid::server::tls {
namespace {

/// Each costs a preparation of its text, and a person has one.
constexpr int alternative_names_max = 64;

std::string_view bytes_of(const ASN1_STRING* text) {
    return {
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
        static_cast<std::size_t>(ASN1_STRING_length(text))
    };
}

/// For a log line: the bytes, with everything but printable ASCII escaped.
std::string printable(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes.substr(0, 256)) {
        if (c > 0x20 && c < 0x7f && c != '\\') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
    return out;
}

/// The same with blanks as they are, inside quotes.
std::string shown(std::string_view bytes) {
    std::string out = printable(bytes);
    for (auto at = out.find("\\x20"); at != std::string::npos; at = out.find("\\x20", at + 1))
        out.replace(at, 4, " ");
    return out;
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

/// ASCII case aside. Of a domain the ASCII form (xn--…) is as canonical as the other.
bool is_canonical(std::string_view text, const xml::Jid& jid, const std::string& served) {
    const std::string lower = lower_case(text);
    const auto at = lower.find('@');
    if (at == std::string::npos || std::string_view(lower).substr(0, at) != jid.local())
        return false;
    const auto domain = std::string_view(lower).substr(at + 1);
    const bool is_ascii_form =
        domain.find("xn--") != std::string_view::npos && !domain.ends_with('.') &&
        std::ranges::all_of(domain, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return domain == served || is_ascii_form;
}

/// Why an xmppAddr is no account here; an empty text where the address says so itself.
std::optional<std::string> why_foreign(
    const Result<xml::Jid>& jid, std::string_view text, const std::string& served
) {
    if (!jid) return "";
    if (jid->domain() != served) return "";
    if (!jid->is_bare()) return " (with a resource, which an xmppAddr must not have)";
    // A domain is not an account: `grid.example` alone would be the server itself.
    if (jid->local().empty()) return " (without a local part)";
    // The CA compared what it signed with other names as it stands: an address that only becomes
    // somebody's by preparation (full-width letters, a soft hyphen) may have slipped past it.
    if (!is_canonical(text, *jid, served))
        return " (not in its canonical form, which is " + printable(jid->str()) + ")";
    return std::nullopt;
}

/// RFC 6120 §13.7.1.4: a UTF8String. Any other type is a mistake or a trick.
void read_xmpp_addr(Names& names, const ASN1_TYPE* value, const std::string& served) {
    names.has_xmpp_addr = true;
    if (value->type != V_ASN1_UTF8STRING) {
        names.foreign.emplace_back("(an xmppAddr that is no UTF8String)");
        return;
    }
    const auto text = bytes_of(value->value.utf8string);
    const auto jid =
        has_nul(text) ? Result<xml::Jid>(xml::JidErrc::BadLocal) : xml::Jid::parse(text);
    if (auto why = why_foreign(jid, text, served)) {
        names.foreign.push_back(printable(text) + *why);
        return;
    }
    if (std::find(names.accounts.begin(), names.accounts.end(), *jid) == names.accounts.end())
        names.accounts.push_back(*jid);
}

void read_alternative_name(Names& names, const GENERAL_NAME* name, const std::string& served) {
    switch (name->type) {
        case GEN_OTHERNAME:
            if (OBJ_obj2nid(name->d.otherName->type_id) == NID_XmppAddr)
                read_xmpp_addr(names, name->d.otherName->value, served);
            return;
        case GEN_DNS:
        case GEN_URI:
        case GEN_EMAIL: {
            const auto text = bytes_of(name->d.ia5);
            if (has_nul(text)) {   // "admin.example\0.evil.example"
                names.malformed = "a name in it has an embedded NUL";
                return;
            }
            auto& list = name->type == GEN_DNS   ? names.dns
                         : name->type == GEN_URI ? names.uris
                                                 : names.email;
            list.emplace_back(text);
            return;
        }
        default:
            return;
    }
}

void read_alternative_names(Names& names, const X509* certificate, const std::string& served) {
    int status = 0;
    const NamesPtr found(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, &status, nullptr)
    ));
    if (!found) {
        if (status == -1) return;   // there is none
        names.malformed = status == -2 ? "it has more than one subjectAltName extension"
                                       : "its subjectAltName extension cannot be read";
        return;
    }
    if (sk_GENERAL_NAME_num(found.get()) > alternative_names_max) {
        names.malformed =
            "it has more than " + std::to_string(alternative_names_max) + " alternative names";
        return;
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(found.get()); ++i)
        read_alternative_name(names, sk_GENERAL_NAME_value(found.get(), i), served);
}

}   // namespace

std::vector<std::string> texts_of(const X509_NAME* subject, int attribute) {
    std::vector<std::string> texts;
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, attribute, at)) >= 0) {
        const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
        unsigned char* utf8 = nullptr;
        const int size = ASN1_STRING_to_UTF8(&utf8, value);
        if (size < 0) continue;
        const std::string_view text(
            reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size)
        );
        if (!has_nul(text)) texts.emplace_back(text);
        OPENSSL_free(utf8);
    }
    return texts;
}

namespace {

/// The local part of an e-mail address in the grid domain: `ann@example.com` is ann for the grid
/// `grid.example.com` and for `example.com`, and no account for another domain, lest two Anns be
/// one account.
std::optional<std::string> local_of(const std::string& email, const std::string& served) {
    const auto at = email.rfind('@');
    if (at == std::string::npos || at == 0) return std::nullopt;
    const auto domain = xml::prepare_domain(email.substr(at + 1), false);   // A-labels, capitals
    if (!domain || domain->empty() || (served != *domain && !served.ends_with("." + *domain)))
        return std::nullopt;
    return email.substr(0, at);
}

/// The local parts that one rule makes of the certificate.
std::vector<std::string> locals_of(
    const Names& names, const std::string& source, const std::string& served
) {
    // Two CNs: the CA need not have checked the first one.
    if (source == "cn")
        return names.common_names.size() == 1 ? names.common_names : std::vector<std::string>{};
    std::vector<std::string> locals;
    if (source == "dns") {
        for (const auto& host : names.dns)   // a wildcard names no host
            if (host.find('*') == std::string::npos) locals.push_back(host);
    } else if (source == "email") {
        for (const auto& email : names.email)
            if (auto local = local_of(email, served)) locals.push_back(*local);
    }
    return locals;
}

/// An empty name is no name: without a local part the address is the server's own.
std::optional<xml::Jid> account_of(const std::string& local, const std::string& served) {
    if (local.empty()) return std::nullopt;
    auto jid = xml::Jid::make(local, served);
    if (!jid || jid->local().empty()) return std::nullopt;
    return *jid;
}

/// RFC 5280 §4.2.1.10: the host itself and all below it; with a leading dot only those below.
bool is_within(std::string_view host, std::string_view constraint) {
    if (constraint.empty()) return true;
    if (!host.ends_with(constraint)) return false;
    const auto before = host.size() - constraint.size();
    return constraint.front() == '.' ? before > 0 : before == 0 || host[before - 1] == '.';
}

bool any_within(STACK_OF(GENERAL_SUBTREE) * trees, std::string_view host, bool if_none) {
    bool has_any = false;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); ++i) {
        const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(trees, i)->base;
        if (base->type != GEN_DNS) continue;
        has_any = true;
        if (is_within(host, lower_case(bytes_of(base->d.dNSName)))) return true;
    }
    return !has_any && if_none;
}

using ConstraintsPtr = std::unique_ptr<NAME_CONSTRAINTS, Deleter<NAME_CONSTRAINTS_free>>;

bool permits(const X509* authority, const std::string& domain) {
    const ConstraintsPtr given(static_cast<NAME_CONSTRAINTS*>(
        X509_get_ext_d2i(authority, NID_name_constraints, nullptr, nullptr)
    ));
    if (!given) return true;
    return any_within(given->permittedSubtrees, domain, true) &&
           !any_within(given->excludedSubtrees, domain, false);
}

}   // namespace

bool is_for_servers_only(X509* certificate, const Names& names) {
    // Whatever else it says: a mapping rule would make an account of a member's name.
    if (std::ranges::any_of(names.uris, [](const std::string& uri) {
            return uri.starts_with(member_urn);
        }))
        return true;
    const bool has_usage = (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0;
    return !has_usage && !names.dns.empty() && !names.has_xmpp_addr;
}

Names read_names(const X509* certificate, const std::string& served) {
    Names names;
    read_alternative_names(names, certificate, served);
    names.common_names = texts_of(X509_get_subject_name(certificate), NID_commonName);
    return names;
}

void apply_constraints(Names& names, const std::vector<X509Ptr>& path) {
    // Addresses beside each other are all of one domain; the anchor's own constraints count too.
    std::erase_if(names.accounts, [&](const xml::Jid& account) {
        const std::string domain = lower_case(account.domain());
        for (std::size_t i = 1; i < path.size(); ++i) {
            if (permits(path[i].get(), domain)) continue;
            names.foreign.push_back(
                printable(account.str()) + " (the CA " +
                printable(to_text(X509_get_subject_name(path[i].get()))) +
                " may not issue names of that domain: name constraints)"
            );
            return true;
        }
        return false;
    });
}

std::string why_unmapped(
    const Names& names,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    const std::string& anchor
) {
    const std::string none = "the certificate has no xmppAddr, and ";
    if (mappings.empty())
        return none + "there is no mapping rule (sasl.mappings) that makes an account of it";
    std::string why;
    for (const auto& rule : mappings) {
        const auto add = [&](const std::string& text) {
            why += (why.empty() ? "" : "; ") + ("the rule '" + rule.source + "' ") + text;
        };
        if (!rule.ca.empty() && rule.ca != anchor) {
            add("is for another CA");
            continue;
        }
        if (rule.source == "cn" && names.common_names.size() > 1) {
            add("needs exactly one common name, and it has " +
                std::to_string(names.common_names.size()));
            continue;
        }
        const auto locals = locals_of(names, rule.source, served);
        if (locals.empty())
            add("finds nothing in it");
        else
            add("gives '" + shown(locals.front()) +
                "', which is no local part of an address (not empty, no blanks, none of \"&'/:<>@)"
            );
    }
    return none + "no mapping rule makes an account of it: " + why;
}

std::vector<xml::Jid> map_names(
    const Names& names,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    const std::string& anchor
) {
    std::vector<xml::Jid> accounts;
    if (names.has_xmpp_addr) return accounts;
    for (const auto& rule : mappings) {
        if (!rule.ca.empty() && rule.ca != anchor) continue;
        for (const auto& local : locals_of(names, rule.source, served)) {
            const auto jid = account_of(local, served);
            if (jid && std::find(accounts.begin(), accounts.end(), *jid) == accounts.end())
                accounts.push_back(*jid);
        }
        if (!accounts.empty()) break;   // the first rule that fits
    }
    return accounts;
}

}   // namespace grid::server::tls
