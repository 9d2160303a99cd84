// controller/text/nfc.cpp: see controller/text/nfc.hpp.
#include "controller/text/nfc.hpp"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include "xml/utf8.hpp"

namespace grid::controller {

std::string to_nfc(std::string_view text) {
    if (xml::is_ascii(text)) return std::string(text);
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

}   // namespace grid::controller
