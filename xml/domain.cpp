// xml/domain.cpp: host names, internationalized ones and IP addresses as domain parts.
#include "xml/domain.hpp"

#include <arpa/inet.h>
#include <unicode/idna.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <memory>

#include "xml/precis_class.hpp"
#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

constexpr std::size_t label_bytes_max = 63;

/// RFC 5890 §2.3.1: letters, digits and hyphens, no hyphen at either end, and two hyphens at the
/// third place only in an A-label, which is not dealt with here.
bool is_ldh_label(std::string_view label, bool lenient) {
    if (label.empty() || label.size() > label_bytes_max) return false;
    if (label.front() == '-' || label.back() == '-') return false;
    if (label.size() >= 4 && label.substr(2, 2) == "--") return false;
    return std::ranges::all_of(label, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
               (c == '_' && lenient);
    });
}

template <class Predicate>
bool all_labels(std::string_view name, Predicate is_good) {
    while (true) {
        const std::size_t dot = name.find('.');
        if (!is_good(name.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        name.remove_prefix(dot + 1);
    }
}

/// A U-label that ICU has mapped and found good by UTS 46, which admits more than IDNA2008 does.
bool is_u_label(std::string_view label) {
    if (is_ascii(label)) return is_ldh_label(label, false);
    const bool ldh = std::ranges::all_of(label, [](char c) {
        return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') ||
               (c >= '0' && c <= '9') || c == '-';
    });
    if (!ldh) return false;
    auto text = icu::UnicodeString::fromUTF8(
        icu::StringPiece(label.data(), static_cast<int32_t>(label.size()))
    );
    // RFC 5892 §2.4 IgnorableBlocks; otherwise what is valid is what PRECIS calls valid.
    for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
        switch (ublock_getCode(text.char32At(at))) {
            case UBLOCK_COMBINING_MARKS_FOR_SYMBOLS:
            case UBLOCK_MUSICAL_SYMBOLS:
            case UBLOCK_ANCIENT_GREEK_MUSICAL_NOTATION:
                return false;
            default:
                break;
        }
    }
    return is_in_class(text, StringClass::Identifier);
}

const icu::IDNA* idna() {
    UErrorCode error = U_ZERO_ERROR;
    static const std::unique_ptr<icu::IDNA> instance(icu::IDNA::createUTS46Instance(
        UIDNA_USE_STD3_RULES | UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_CHECK_CONTEXTO |
            UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
        error
    ));
    return instance.get();
}

/// RFC 7622 §3.2.1: U-labels, and A-labels turned into them, so that equal names are equal bytes.
std::optional<std::string> prepare_international(std::string_view text) {
    const icu::IDNA* converter = idna();
    if (!converter || !is_utf8(text)) return std::nullopt;
    icu::StringPiece piece(text.data(), static_cast<int32_t>(text.size()));
    std::string out, in_dns;
    icu::StringByteSink<std::string> sink(&out), dns_sink(&in_dns);
    icu::IDNAInfo info, dns_info;
    UErrorCode error = U_ZERO_ERROR;
    converter->nameToUnicodeUTF8(piece, sink, info, error);
    converter->nameToASCII_UTF8(piece, dns_sink, dns_info, error);   // for the lengths in DNS
    if (U_FAILURE(error) || info.hasErrors() || dns_info.hasErrors()) return std::nullopt;
    if (out.ends_with('.')) out.pop_back();   // an ideographic full stop was one until now
    if (!all_labels(out, is_u_label)) return std::nullopt;
    return out;
}

/// `[…]` in the one spelling of RFC 5952.
std::optional<std::string> prepare_ipv6(std::string_view text) {
    if (!text.ends_with(']')) return std::nullopt;
    const std::string inner(text.substr(1, text.size() - 2));
    std::array<unsigned char, 16> address;
    if (inner.find('\0') != std::string::npos ||
        inet_pton(AF_INET6, inner.c_str(), address.data()) != 1)
        return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> canonical;
    if (!inet_ntop(AF_INET6, address.data(), canonical.data(), canonical.size()))
        return std::nullopt;
    return "[" + std::string(canonical.data()) + "]";
}

}   // namespace

std::optional<std::string> prepare_domain(std::string_view text, bool lenient) {
    if (text.starts_with('[')) return prepare_ipv6(text);
    if (!is_ascii(text)) return prepare_international(text);
    if (text.ends_with('.')) text.remove_suffix(1);   // RFC 7622 §3.2
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (out.starts_with("xn--") || out.find(".xn--") != std::string::npos)
        return prepare_international(out);
    if (!all_labels(out, [&](std::string_view label) { return is_ldh_label(label, lenient); }))
        return std::nullopt;
    return out;
}

std::string domain_to_ascii(std::string_view prepared) {
    if (is_ascii(prepared)) return std::string(prepared);
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    icu::IDNAInfo info;
    UErrorCode error = U_ZERO_ERROR;
    const icu::StringPiece piece(prepared.data(), static_cast<int32_t>(prepared.size()));
    if (idna() != nullptr) idna()->nameToASCII_UTF8(piece, sink, info, error);
    return U_FAILURE(error) || info.hasErrors() ? std::string(prepared) : out;
}

}   // namespace grid::xml
