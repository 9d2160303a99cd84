// controller/admin/routing.cpp: matching patterns, reading queries and bodies.
#include "controller/admin/routing.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace grid::controller::admin {

namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

/// The first segment; the path keeps the rest.
std::string_view take_segment(std::string_view& path) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    return segment;
}

bool matches(std::string_view pattern, std::string_view path, Variables& variables) {
    variables.clear();
    while (!pattern.empty()) {
        const std::string_view expected = take_segment(pattern);
        if (expected.ends_with("...}")) {
            if (path.empty()) return false;
            variables[std::string(expected.substr(1, expected.size() - 5))] = path;
            return true;
        }
        const std::string_view segment = take_segment(path);
        if (segment.empty()) return false;
        if (expected.front() == '{')
            variables[std::string(expected.substr(1, expected.size() - 2))] = segment;
        else if (expected != segment)
            return false;
    }
    return path.empty();
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

HttpResponse bad(std::string_view text) { return refuse(400, "malformed-request", text); }

std::string joined(const std::vector<std::string_view>& names) {
    std::string text;
    for (std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
    return text.empty() ? "none" : text;
}

std::optional<HttpResponse> read_query(std::string_view text, const Route& route, Variables& into) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view part = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (part.empty()) continue;
        const std::size_t equals = std::min(part.find('='), part.size());
        const auto name = percent_decoded(part.substr(0, equals));
        const auto value = percent_decoded(part.substr(std::min(equals + 1, part.size())));
        if (!name || !value) return bad("the query is not percent-encoded");
        if (std::ranges::find(route.query, *name) == route.query.end())
            return bad("unknown parameter '" + *name + "'; known: " + joined(route.query));
        into[*name] = *value;
    }
    const auto max = into.find("max");
    if (max == into.end()) return std::nullopt;
    std::size_t number = 0;
    const char* last = max->second.data() + max->second.size();
    const auto [at, error] = std::from_chars(max->second.data(), last, number);
    if (error != std::errc{} || at != last || number == 0) return bad("max is a number from 1 on");
    return std::nullopt;
}

std::optional<HttpResponse> read_body(
    const std::string& text, const Route& route, json::object& into
) {
    if (text.size() > body_bytes_max)
        return refuse(413, "too-large", "a request has at most 1 MiB");
    if (text.empty()) return std::nullopt;
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    if (error || !value.is_object()) return bad("the body is no JSON object");
    for (const auto& member : value.get_object())
        if (std::ranges::find(route.body, std::string_view(member.key())) == route.body.end())
            return bad(
                "unknown member '" + std::string(member.key()) + "'; known: " + joined(route.body)
            );
    into = std::move(value.get_object());
    return std::nullopt;
}

}   // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i] == '+' ? ' ' : text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

Result<Routed, HttpResponse> to_route(const HttpRequest& http) {
    std::string_view path = http.path;
    while (path.starts_with('/')) path.remove_prefix(1);
    while (path.ends_with('/')) path.remove_suffix(1);
    Routed routed;
    std::vector<std::string_view> methods;
    for (std::span<const Route> table :
         {account_routes(), act_routes(), audit_routes(), policy_routes(), schema_routes(),
          store_routes(), view_routes()})
        for (const Route& route : table) {
            Variables variables;
            if (!matches(route.pattern, path, variables)) continue;
            methods.push_back(route.method);
            if (route.method != http.method || routed.route != nullptr) continue;
            routed.route = &route;
            routed.request.path = std::move(variables);
        }
    if (methods.empty()) return refuse(404, "unknown-path", "there is nothing at this path");
    if (routed.route == nullptr)
        return refuse(405, "wrong-method", "this path takes " + joined(methods));
    if (auto error = read_query(http.query, *routed.route, routed.request.query)) return *error;
    if (auto error = read_body(http.body, *routed.route, routed.request.body)) return *error;
    return routed;
}

}   // namespace grid::controller::admin
