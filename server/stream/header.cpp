// server/stream/header.cpp: which headers are answered with an error, and with which.
#include "server/stream/header.hpp"

#include <algorithm>
#include <string_view>

#include "server/stream/namespaces.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::stream {
namespace {

using xml::StreamError;
using Verdict = std::optional<StreamError>;

Verdict refuse(std::string condition, std::string text) {
    return StreamError{std::move(condition), std::move(text), std::nullopt};
}

/// "1.0" or higher: the numbers are compared one by one, "1.10" is above "1.9". (§4.7.5)
bool is_version_supported(std::string_view text) {
    const auto is_number = [](std::string_view part) {
        return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    };
    const auto dot = text.find('.');
    if (dot == std::string_view::npos || !is_number(text.substr(dot + 1))) return false;
    const std::string_view major = text.substr(0, dot);
    return is_number(major) && major.find_first_not_of('0') != std::string_view::npos;
}

Verdict check_namespaces(const xml::StreamOpen& open) {
    if (open.header.ns() != xml::ns::streams)   // §4.8.1
        return refuse("invalid-namespace", "the stream element is not in the streams namespace");
    if (open.header.name() != "stream")
        return refuse("bad-format", "a stream begins with <stream:stream>");
    if (open.header.prefix().empty())   // §4.8.5
        return refuse("bad-namespace-prefix", "the stream element needs a prefix: stream:stream");
    if (open.content_ns != xml::ns::client.uri())   // §4.8.3
        return refuse("invalid-namespace", "clients speak xmlns='jabber:client' here");
    return std::nullopt;
}

/// RFC 7395 §3.3.2, §3.4.
Verdict check_open_element(const xml::StreamOpen& open) {
    if (open.header.ns() != web_ns::framing)
        return refuse(
            "invalid-namespace",
            "the first message is <open/> in urn:ietf:params:xml:ns:xmpp-framing"
        );
    if (open.header.name() != "open")
        return refuse("bad-format", "a stream over a WebSocket begins with <open/>");
    return std::nullopt;
}

Verdict check_version(const xml::Element& header) {
    const std::string* version = header.attr("version");
    if (version == nullptr)
        return refuse("unsupported-version", "the header has no version: 1.0 is needed");
    if (!is_version_supported(*version))
        return refuse("unsupported-version", "the version of the header is not 1.0 or higher");
    return std::nullopt;
}

/// §4.9.3.6: no `to` and an empty one are an unknown host, too.
Verdict check_to(const xml::Element& header, const std::string& domain) {
    const auto to = header.attr_or("to", "");
    if (to.empty())
        return refuse("host-unknown", "the header has no 'to': say to='" + domain + "'");
    const auto jid = xml::Jid::parse(to);
    if (!jid || !jid->local().empty() || !jid->resource().empty())
        return refuse("improper-addressing", "the header's 'to' is not the address of a server");
    if (jid->domain() != domain)
        return refuse("host-unknown", "this server serves " + domain + " only");
    return std::nullopt;
}

Verdict read_from(const xml::Element& header, xml::Jid& from) {
    const std::string* text = header.attr("from");
    if (text == nullptr) return std::nullopt;
    const auto jid = xml::Jid::parse(*text);
    if (!jid) return refuse("improper-addressing", "the header's 'from' is not an address");
    from = *jid;
    return std::nullopt;
}

/// The tag is written into stanzas later, so it has to look like one (RFC 5646 §2.1).
std::string read_lang(const xml::Element& header) {
    constexpr std::size_t lang_bytes_max = 35;
    const auto lang = header.attr_or("xml:lang", "");
    const bool is_tag = std::all_of(lang.begin(), lang.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-';
    });
    return is_tag && lang.size() <= lang_bytes_max ? std::string(lang) : std::string();
}

}   // namespace

ClientHeader read_header(
    const xml::StreamOpen& open, const std::string& domain, TransportKind transport
) {
    ClientHeader read;
    read.lang = read_lang(open.header);
    auto from_error = read_from(open.header, read.from);   // first: the answer is addressed to it
    const bool is_framed =
        transport == TransportKind::WebSocket || transport == TransportKind::Bosh;
    read.error = is_framed ? check_open_element(open) : check_namespaces(open);
    if (!read.error) read.error = check_version(open.header);
    if (!read.error) read.error = check_to(open.header, domain);
    if (!read.error) read.error = std::move(from_error);
    return read;
}

}   // namespace grid::server::stream
