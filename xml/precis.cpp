// xml/precis.cpp: the two PRECIS profiles that addresses use, and SASLprep.
#include "xml/precis.hpp"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/usprep.h>

#include <algorithm>
#include <array>

#include "xml/precis_class.hpp"
#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

// RFC 8264 §7: rules are applied until nothing changes any more, so often at most.
constexpr int rounds_max = 4;

/// Characters that RFC 7622 §3.3.1 excludes from the local part, though the class admits them.
constexpr std::string_view excluded = "\"&'/:<>@";

enum Ascii : unsigned char { InResource = 1, InLocal = 2 };

constexpr std::array<unsigned char, 128> ascii = [] {
    std::array<unsigned char, 128> made{};
    for (std::size_t c = 0x20; c < 0x7F; ++c) made[c] = InResource | InLocal;
    made[' '] = InResource;
    for (char c : excluded) made[static_cast<unsigned char>(c)] = InResource;
    return made;
}();

bool admits(std::string_view text, Ascii part) {
    return std::ranges::all_of(text, [&](char c) {
        return ascii[static_cast<unsigned char>(c)] & part;
    });
}

std::string to_utf8(const icu::UnicodeString& text) {
    std::string out;
    text.toUTF8String(out);
    return out;
}

icu::UnicodeString composed(const icu::UnicodeString& text) {
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(error);
    icu::UnicodeString out = nfc->normalize(text, error);
    if (U_FAILURE(error)) out.setToBogus();
    return out;
}

/// Full-width and half-width forms become what they are a form of (RFC 8264 §5.2.1).
icu::UnicodeString map_width(const icu::UnicodeString& text) {
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2* const nfkc = icu::Normalizer2::getNFKCInstance(error);
    icu::UnicodeString out, plain;
    for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
        const UChar32 c = text.char32At(at);
        const int type = u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE);
        const bool is_form = type == U_DT_WIDE || type == U_DT_NARROW;
        if (is_form && nfkc->getRawDecomposition(c, plain))
            out.append(plain);
        else
            out.append(c);
    }
    return out;
}

icu::UnicodeString map_spaces(const icu::UnicodeString& text) {
    icu::UnicodeString out;
    for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
        const UChar32 c = text.char32At(at);
        out.append(u_charType(c) == U_SPACE_SEPARATOR ? UChar32(' ') : c);
    }
    return out;
}

template <class Rules>
std::optional<icu::UnicodeString> until_stable(std::string_view text, Rules rules) {
    if (!is_utf8(text)) return std::nullopt;
    icu::UnicodeString now = icu::UnicodeString::fromUTF8(
        icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))
    );
    for (int round = 0; round < rounds_max; ++round) {
        icu::UnicodeString mapped = rules(now);
        if (mapped.isBogus()) return std::nullopt;
        if (mapped == now) return now;
        now = std::move(mapped);
    }
    return std::nullopt;
}

}   // namespace

std::optional<std::string> username_case_mapped(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (is_ascii(text)) {
        if (!admits(text, InLocal)) return std::nullopt;
        std::string out(text);
        for (char& c : out)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        return out;
    }
    auto mapped = until_stable(text, [](const icu::UnicodeString& in) {
        return composed(map_width(in).toLower(icu::Locale::getRoot()));
    });
    if (!mapped || mapped->isEmpty() || !is_in_class(*mapped, StringClass::Identifier) ||
        !follows_bidi_rule(*mapped))
        return std::nullopt;
    std::string out = to_utf8(*mapped);
    if (out.find_first_of(excluded) != std::string::npos) return std::nullopt;
    return out;
}

std::optional<std::string> opaque_string(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (is_ascii(text)) {
        if (!admits(text, InResource)) return std::nullopt;
        return std::string(text);
    }
    auto mapped =
        until_stable(text, [](const icu::UnicodeString& in) { return composed(map_spaces(in)); });
    if (!mapped || !is_in_class(*mapped, StringClass::Freeform)) return std::nullopt;
    return to_utf8(*mapped);
}

std::optional<std::string> saslprep(std::string_view text) {
    if (is_ascii(text)) {
        if (!admits(text, InResource)) return std::nullopt;
        return std::string(text);
    }
    if (!is_utf8(text)) return std::nullopt;
    UErrorCode error = U_ZERO_ERROR;
    static const UStringPrepProfile* const profile =
        usprep_openByType(USPREP_RFC4013_SASLPREP, &error);
    if (profile == nullptr || U_FAILURE(error)) return std::nullopt;
    const icu::UnicodeString given = icu::UnicodeString::fromUTF8(
        icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))
    );
    // NFKC makes of one unit 18 at most.
    icu::UnicodeString prepared;
    const int32_t room = 18 * given.length() + 1;
    const int32_t size = usprep_prepare(
        profile, given.getBuffer(), given.length(), prepared.getBuffer(room), room, USPREP_DEFAULT,
        nullptr, &error
    );
    prepared.releaseBuffer(U_FAILURE(error) ? 0 : size);
    if (U_FAILURE(error)) return std::nullopt;
    return to_utf8(prepared);
}

}   // namespace grid::xml
