// xml/precis_class.hpp: which code points a PRECIS string class admits (RFC 8264 §8, §9).
#pragma once

#include <unicode/unistr.h>

namespace grid::xml {

enum class StringClass { Identifier, Freeform };

/// Whether every code point of `text` is valid in that class, contextual rules (RFC 5892 appendix
/// A) included. A code point that this ICU's Unicode has not assigned is not.
bool is_in_class(const icu::UnicodeString& text, StringClass string_class);

/// RFC 5893 §2. A text without right-to-left characters always passes.
bool follows_bidi_rule(const icu::UnicodeString& text);

}   // namespace grid::xml
