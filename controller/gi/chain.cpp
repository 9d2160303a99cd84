// controller/gi/chain.cpp: base64 DER, leaf first, bounded in number and bytes.
#include "controller/gi/chain.hpp"

#include <algorithm>

#include "xml/base64.hpp"

namespace grid::controller::gi {

namespace {

/// Base64 is broken into lines where people put it into XML.
std::string without_blanks(std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
    return text;
}

const xml::Element* find_chain(const Request& request) {
    for (const xml::Element* child : request.body.children())
        if (child->name() == "param" && child->attr_or("name", "") == "certificateChain")
            return child;
    return nullptr;
}

}   // namespace

std::optional<Failure> verify_chain(const State& state, Request& request) {
    const xml::Element* param = find_chain(request);
    if (param == nullptr) return std::nullopt;
    if (state.chains == nullptr)
        return Failure{
            Errc::UnsupportedOperation, "nobody verifies certificates here: ask with the identity",
            "certificateChain"
        };
    std::vector<std::string> chain;
    std::size_t bytes = 0;
    for (const xml::Element* cert : param->children()) {
        auto der = xml::parse_base64(without_blanks(cert->text()));
        if (cert->name() != "cert" || !der || der->empty())
            return malformed("a certificateChain holds <cert/>s: base64 of DER, the leaf first");
        bytes += der->size();
        chain.push_back(std::move(*der));
        if (chain.size() > chain_certificates_max || bytes > chain_bytes_max)
            return malformed("a certificateChain has at most 8 certificates and 32 KiB");
    }
    if (chain.empty()) return malformed("the certificateChain is empty");
    auto verdict =
        std::make_shared<const CertificateVerifier::Verdict>(state.chains->verify(chain));
    if (!verdict->is_readable)
        return malformed("the certificateChain does not parse: " + verdict->reason);
    request.chain = std::move(verdict);
    return std::nullopt;
}

}   // namespace grid::controller::gi
