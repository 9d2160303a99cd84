// server/tls/names.cpp: subjectAltName and CN, byte for byte out of the ASN.1.
#include "server/tls/names.hpp"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <optional>
#include <string_view>

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

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

/// RFC 6120 §13.7.1.4: a UTF8String. Anything else is somebody's mistake or a trick.
void read_xmpp_addr(Names& names, const ASN1_TYPE* value, const std::string& served) {
    names.has_xmpp_addr = true;
    if (value->type != V_ASN1_UTF8STRING) {
        names.foreign.emplace_back("(an xmppAddr that is no UTF8String)");
        return;
    }
    const auto text = bytes_of(value->value.utf8string);
    const auto jid =
        has_nul(text) ? Result<xml::Jid>(xml::JidErrc::BadLocal) : xml::Jid::parse(text);
    // A domain is not an account: `grid.example` alone would be the server itself.
    if (!jid || !jid->is_bare() || jid->local().empty() || jid->domain() != served) {
        names.foreign.push_back(printable(text));
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

/// The local part of an e-mail address of our own house: `ann@example.com` is ann for the grid
/// `grid.example.com` and for `example.com`, nobody for another domain, lest two Anns be one
/// account.
std::optional<std::string> local_of(const std::string& email, const std::string& served) {
    const auto at = email.rfind('@');
    if (at == std::string::npos || at == 0) return std::nullopt;
    const auto domain = xml::prepare_domain(email.substr(at + 1), false);   // A-labels, capitals
    if (!domain || domain->empty() || (served != *domain && !served.ends_with("." + *domain)))
        return std::nullopt;
    return email.substr(0, at);
}

/// What one rule makes of the certificate, as local parts.
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

}   // namespace

Names read_names(const X509* certificate, const std::string& served) {
    Names names;
    read_alternative_names(names, certificate, served);
    names.common_names = texts_of(X509_get_subject_name(certificate), NID_commonName);
    return names;
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
            const auto jid = xml::Jid::make(local, served);
            if (jid && std::find(accounts.begin(), accounts.end(), *jid) == accounts.end())
                accounts.push_back(*jid);
        }
        if (!accounts.empty()) break;   // the first rule that fits
    }
    return accounts;
}

}   // namespace grid::server::tls
