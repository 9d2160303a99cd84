// xml/stream_error.cpp: stream errors as elements, and the one for each parse error.
#include "xml/stream_error.hpp"

#include "xml/namespaces.hpp"

namespace grid::xml {

Element StreamError::to_element() const {
    Element defined(condition, ns::stream_errors);
    if (!condition_text.empty()) defined.append(condition_text);
    Element error("error", ns::streams, {}, std::move(defined));
    error.set_prefix("stream");
    if (!text.empty()) {
        Element described("text", ns::stream_errors, {{"xml:lang", "en"}});
        error.add(std::move(described.append(text)));
    }
    if (application) error.add(*application);
    return error;
}

static const char* condition_of(ParseError error) {
    switch (error) {
        case ParseError::NotWellFormed:
            return "not-well-formed";
        case ParseError::RestrictedXml:
            return "restricted-xml";
        case ParseError::UnsupportedEncoding:
            return "unsupported-encoding";
        case ParseError::BadNamespacePrefix:
            return "bad-namespace-prefix";
        case ParseError::InvalidNamespace:
            return "invalid-namespace";
        case ParseError::BadFormat:
            return "bad-format";
        case ParseError::TooLarge:
            return "policy-violation";
    }
    return "undefined-condition";
}

StreamError to_stream_error(const StreamBroken& broken) {
    return {condition_of(broken.error), broken.text, std::nullopt};
}

}   // namespace grid::xml
