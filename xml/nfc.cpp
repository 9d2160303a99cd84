// xml/nfc.cpp: see xml/nfc.hpp.
#include "xml/nfc.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>

namespace grid::xml {

std::string to_nfc(std::string_view text) {
    const bool is_ascii =
        std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (is_ascii) return std::string(text);
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2* const nfc = icu::Normalizer2::getNFCInstance(error);
    std::string out;
    icu::StringByteSink<std::string> sink(&out);
    if (nfc != nullptr)
        nfc->normalizeUTF8(
            0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr,
            error
        );
    return nfc == nullptr || U_FAILURE(error) ? std::string(text) : out;
}

}   // namespace grid::xml
