// xml/precis_class.cpp: the derived property of a code point, and the rules that look at its
// neighbours.
#include "xml/precis_class.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

namespace grid::xml {
namespace {

enum class Derived { Valid, Context, Disallowed, FreeformOnly };

constexpr bool within(UChar32 c, UChar32 first, UChar32 last) { return c >= first && c <= last; }

/// RFC 5892 §2.6, which RFC 8264 §9.6 takes over; nothing said: false.
bool is_exception(UChar32 c, Derived& derived) {
    switch (c) {
        case 0xDF:
        case 0x3C2:
        case 0x6FD:
        case 0x6FE:
        case 0xF0B:
        case 0x3007:
            derived = Derived::Valid;
            return true;
        case 0xB7:
        case 0x375:
        case 0x5F3:
        case 0x5F4:
        case 0x30FB:
            derived = Derived::Context;
            return true;
        case 0x640:
        case 0x7FA:
        case 0x302E:
        case 0x302F:
        case 0x3031:
        case 0x3032:
        case 0x3033:
        case 0x3034:
        case 0x3035:
        case 0x303B:
            derived = Derived::Disallowed;
            return true;
        default:
            derived = Derived::Context;
            return within(c, 0x660, 0x669) || within(c, 0x6F0, 0x6F9);
    }
}

bool is_old_hangul_jamo(UChar32 c) {
    int type = u_getIntPropertyValue(c, UCHAR_HANGUL_SYLLABLE_TYPE);
    return type == U_HST_LEADING_JAMO || type == U_HST_VOWEL_JAMO || type == U_HST_TRAILING_JAMO;
}

bool has_compatibility_mapping(UChar32 c) {
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2* const nfkc = icu::Normalizer2::getNFKCInstance(error);
    return !nfkc->isNormalized(icu::UnicodeString(c), error) || U_FAILURE(error);
}

/// The algorithm of RFC 8264 §8, in its order.
Derived derive(UChar32 c) {
    Derived derived;
    if (is_exception(c, derived)) return derived;
    const auto category = U_GET_GC_MASK(c);
    const bool noncharacter = u_hasBinaryProperty(c, UCHAR_NONCHARACTER_CODE_POINT);
    if ((category & U_GC_CN_MASK) && !noncharacter) return Derived::Disallowed;   // unassigned
    if (within(c, 0x21, 0x7E)) return Derived::Valid;
    if (u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL)) return Derived::Context;
    if (is_old_hangul_jamo(c)) return Derived::Disallowed;
    if (noncharacter || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT))
        return Derived::Disallowed;
    if (category & U_GC_CC_MASK) return Derived::Disallowed;
    if (has_compatibility_mapping(c)) return Derived::FreeformOnly;
    constexpr auto letters_and_digits = U_GC_LL_MASK | U_GC_LU_MASK | U_GC_LO_MASK | U_GC_ND_MASK |
                                        U_GC_LM_MASK | U_GC_MN_MASK | U_GC_MC_MASK;
    if (category & letters_and_digits) return Derived::Valid;
    constexpr auto freeform = U_GC_LT_MASK | U_GC_NL_MASK | U_GC_NO_MASK | U_GC_ME_MASK |
                              U_GC_ZS_MASK | U_GC_S_MASK | U_GC_P_MASK;
    return category & freeform ? Derived::FreeformOnly : Derived::Disallowed;
}

bool has_script(UChar32 c, UScriptCode script) {
    UErrorCode error = U_ZERO_ERROR;
    return uscript_getScript(c, &error) == script && U_SUCCESS(error);
}

bool is_virama(UChar32 c) { return u_getCombiningClass(c) == 9; }

int joining_type(UChar32 c) { return u_getIntPropertyValue(c, UCHAR_JOINING_TYPE); }

/// RFC 5892 A.1: between two letters that join, with only transparent marks in between.
bool joins_around(const icu::UnicodeString& text, int at) {
    int before = at;
    do {
        if (before == 0) return false;
        before = text.moveIndex32(before, -1);
    } while (joining_type(text.char32At(before)) == U_JT_TRANSPARENT);
    int after = at;
    do {
        after = text.moveIndex32(after, 1);
        if (after >= text.length()) return false;
    } while (joining_type(text.char32At(after)) == U_JT_TRANSPARENT);
    const int left = joining_type(text.char32At(before)),
              right = joining_type(text.char32At(after));
    return (left == U_JT_LEFT_JOINING || left == U_JT_DUAL_JOINING) &&
           (right == U_JT_RIGHT_JOINING || right == U_JT_DUAL_JOINING);
}

template <class Predicate>
bool any_of(const icu::UnicodeString& text, Predicate predicate) {
    for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1))
        if (predicate(text.char32At(at))) return true;
    return false;
}

bool is_japanese(UChar32 c) {
    return has_script(c, USCRIPT_HIRAGANA) || has_script(c, USCRIPT_KATAKANA) ||
           has_script(c, USCRIPT_HAN);
}

/// RFC 5892 appendix A.
bool is_valid_in_context(const icu::UnicodeString& text, int at) {
    constexpr UChar32 none = 0xFFFF;
    const UChar32 c = text.char32At(at);
    const UChar32 before = at > 0 ? text.char32At(text.moveIndex32(at, -1)) : none;
    const int next = text.moveIndex32(at, 1);
    const UChar32 after = next < text.length() ? text.char32At(next) : none;
    switch (c) {
        case 0x200C:
            return is_virama(before) || joins_around(text, at);   // zero width non-joiner
        case 0x200D:
            return is_virama(before);   // zero width joiner
        case 0xB7:
            return before == 'l' && after == 'l';   // middle dot
        case 0x375:
            return has_script(after, USCRIPT_GREEK);   // lower numeral sign
        case 0x5F3:
        case 0x5F4:
            return has_script(before, USCRIPT_HEBREW);   // geresh, gershayim
        case 0x30FB:
            return any_of(text, is_japanese);   // katakana middle dot
        default:
            break;
    }
    // Arabic-Indic digits and their extended twins look alike and do not mix.
    if (within(c, 0x660, 0x669))
        return !any_of(text, [](UChar32 other) { return within(other, 0x6F0, 0x6F9); });
    return !any_of(text, [](UChar32 other) { return within(other, 0x660, 0x669); });
}

}   // namespace

bool is_in_class(const icu::UnicodeString& text, StringClass string_class) {
    for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
        switch (derive(text.char32At(at))) {
            case Derived::Valid:
                break;
            case Derived::Context:
                if (!is_valid_in_context(text, at)) return false;
                break;
            case Derived::FreeformOnly:
                if (string_class == StringClass::Identifier) return false;
                break;
            case Derived::Disallowed:
                return false;
        }
    }
    return true;
}

bool follows_bidi_rule(const icu::UnicodeString& text) {
    constexpr auto bit = [](int direction) { return 1u << direction; };
    constexpr unsigned right_to_left =
        bit(U_RIGHT_TO_LEFT) | bit(U_RIGHT_TO_LEFT_ARABIC) | bit(U_ARABIC_NUMBER);
    constexpr unsigned neutral = bit(U_EUROPEAN_NUMBER) | bit(U_EUROPEAN_NUMBER_SEPARATOR) |
                                 bit(U_COMMON_NUMBER_SEPARATOR) |
                                 bit(U_EUROPEAN_NUMBER_TERMINATOR) | bit(U_OTHER_NEUTRAL) |
                                 bit(U_BOUNDARY_NEUTRAL) | bit(U_DIR_NON_SPACING_MARK);
    unsigned present = 0, first = 0, last = 0;
    for (int at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
        const unsigned direction = bit(u_charDirection(text.char32At(at)));
        if (at == 0) first = direction;
        if (direction != bit(U_DIR_NON_SPACING_MARK)) last = direction;
        present |= direction;
    }
    if (!(present & right_to_left)) return true;
    if (first & (bit(U_RIGHT_TO_LEFT) | bit(U_RIGHT_TO_LEFT_ARABIC))) {   // conditions 2, 3, 4
        constexpr unsigned both_numbers = bit(U_EUROPEAN_NUMBER) | bit(U_ARABIC_NUMBER);
        return !(present & ~(right_to_left | neutral)) &&
               (last & (right_to_left | bit(U_EUROPEAN_NUMBER))) &&
               (present & both_numbers) != both_numbers;
    }
    return false;   // begins left-to-right (5) or with neither (1), yet has right-to-left in it
}

}   // namespace grid::xml
