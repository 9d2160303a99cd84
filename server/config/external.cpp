// server/config/external.cpp: see server/config/external.hpp.
#include "server/config/external.hpp"

#include <algorithm>
#include <charconv>

namespace grid::server {

namespace {

bool is_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port > 0;
}

bool is_host(std::string_view text) {
    return !text.empty() && text.find_first_of(" \t/?&@'\"<>") == std::string_view::npos;
}

/// The query behind `?`: transport and name.
bool read_parameters(std::string_view text, ExternalService& service) {
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find('&'));
        text = one.size() == text.size() ? std::string_view{} : text.substr(one.size() + 1);
        const auto at = one.find('=');
        const std::string_view name = one.substr(0, at);
        const std::string_view value =
            at == std::string_view::npos ? std::string_view{} : one.substr(at + 1);
        if (name == "transport" && (value == "udp" || value == "tcp"))
            service.transport = value;
        else if (name == "name" && !value.empty())
            service.name = value;
        else
            return false;
    }
    return true;
}

}   // namespace

std::optional<ExternalService> parse_external(std::string_view text) {
    ExternalService service;
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || !is_word(text.substr(0, colon))) return std::nullopt;
    service.type = text.substr(0, colon);
    text.remove_prefix(colon + 1);
    const auto query = text.find('?');
    if (query != std::string_view::npos && !read_parameters(text.substr(query + 1), service))
        return std::nullopt;
    std::string_view place = text.substr(0, query);
    // An IPv6 address stands in brackets.
    const auto end = place.starts_with('[') ? place.find(']') : place.find(':');
    if (place.starts_with('[')) {
        if (end == std::string_view::npos) return std::nullopt;
        service.host = place.substr(1, end - 1);
        place.remove_prefix(end + 1);
    } else {
        service.host = place.substr(0, end);
        place.remove_prefix(std::min(end, place.size()));
    }
    if (!place.empty()) {
        if (!place.starts_with(':') || !is_port(place.substr(1))) return std::nullopt;
        service.port = place.substr(1);
    }
    if (!is_host(service.host)) return std::nullopt;
    return service;
}

}   // namespace grid::server
