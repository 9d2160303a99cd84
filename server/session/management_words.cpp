// server/session/management_words.cpp: see server/session/management_words.hpp.
#include "server/session/management_words.hpp"

#include <charconv>

#include "xml/namespaces.hpp"

namespace grid::server::sm {

using xml::Element;

namespace {

/// xs:unsignedInt.
std::optional<std::uint32_t> number_of(const Element& element, std::string_view name) {
    const std::string* text = element.attr(name);
    if (!text) return std::nullopt;
    std::uint32_t number = 0;
    const char* const end = text->data() + text->size();
    const auto [at, failure] = std::from_chars(text->data(), end, number);
    if (failure != std::errc{} || at != end || text->empty()) return std::nullopt;
    return number;
}

std::variant<Word, xml::StreamError> read_enable(const Element& element) {
    Enable enable;
    const auto resume = element.attr_or("resume", "false");
    enable.wants_resumption = resume == "true" || resume == "1";
    enable.seconds = number_of(element, "max");
    const bool is_right = (enable.wants_resumption || resume == "false" || resume == "0") &&
                          (enable.seconds || !element.attr("max"));
    if (!is_right) return Word{Wrong{"bad-request"}};
    return Word{enable};
}

}   // namespace

std::variant<Word, xml::StreamError> read(const Element& element) {
    const std::string& name = element.name();
    if (name == "r") return Word{Request{}};
    if (name == "enable") return read_enable(element);
    const auto handled = number_of(element, "h");
    if (name == "a") {
        if (handled) return Word{Ack{*handled}};
        return xml::StreamError{"bad-format", "<a/> needs 'h', a number below 2^32", {}};
    }
    if (name == "resume") {
        const std::string* token = element.attr("previd");
        if (!handled || !token || token->empty()) return Word{Wrong{"bad-request"}};
        return Word{Resume{*token, *handled}};
    }
    return xml::StreamError{
        "unsupported-stanza-type", "unknown to stream management: <" + name + "/>", {}
    };
}

Element enabled(const std::string& token, std::uint32_t seconds) {
    Element element("enabled", ns);
    if (token.empty()) return element;
    return element.set("id", token).set("resume", "true").set("max", std::to_string(seconds));
}

Element resumed(const std::string& token, std::uint32_t handled) {
    return Element("resumed", ns, {{"previd", token}, {"h", std::to_string(handled)}});
}

Element failed(const std::string& condition, std::optional<std::uint32_t> handled) {
    Element element("failed", ns);
    if (handled) element.set("h", std::to_string(*handled));
    element.add(Element(condition, xml::ns::stanza_errors));
    return element;
}

Element ack(std::uint32_t handled) { return Element("a", ns, {{"h", std::to_string(handled)}}); }

const xml::Bytes& request() {
    static const auto bytes = std::make_shared<const std::string>("<r xmlns='urn:xmpp:sm:3'/>");
    return bytes;
}

xml::StreamError handled_count_too_high(std::uint32_t handled, std::uint32_t sent) {
    return {
        "undefined-condition",
        "you acknowledged " + std::to_string(handled) + " stanzas, but were sent " +
            std::to_string(sent),
        Element(
            "handled-count-too-high", ns,
            {{"h", std::to_string(handled)}, {"send-count", std::to_string(sent)}}
        )
    };
}

}   // namespace grid::server::sm
