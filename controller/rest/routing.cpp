// controller/rest/routing.cpp: matching patterns, reading queries and bodies.
#include "controller/rest/routing.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "controller/text/strict.hpp"
#include "xml/percent.hpp"

namespace grid::controller::rest {

namespace {

using Variables = Parameters;

/// At raw slashes; an encoded slash is part of a segment.
std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> segments;
    while (true) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        segments.push_back(path.substr(0, slash));
        if (slash == path.size()) return segments;
        path.remove_prefix(slash + 1);
    }
}

/// The variables as they stand in the path, still encoded. A name is never changed, so that two
/// names are never taken for one: no slash is stripped, nor is an empty segment.
bool matches(
    std::string_view pattern, const std::vector<std::string_view>& path, Variables& variables
) {
    variables.clear();
    const auto wanted = segments_of(pattern);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (i >= path.size()) return false;
        const std::string_view expected = wanted[i];
        if (expected.ends_with("...}")) {
            const char* begin = path[i].data();
            const std::string_view rest(
                begin, static_cast<std::size_t>(path.back().data() - begin) + path.back().size()
            );
            variables[std::string(expected.substr(1, expected.size() - 5))] = rest;
            return !rest.empty();
        }
        if (path[i].empty()) return false;
        if (expected.front() == '{')
            variables[std::string(expected.substr(1, expected.size() - 2))] = path[i];
        else if (expected != path[i])
            return false;
    }
    if (path.size() == wanted.size()) return true;
    // A slash behind a word of the interface is no part of a name.
    return path.size() == wanted.size() + 1 && path.back().empty() &&
           !wanted.back().starts_with('{');
}

HttpResponse bad(std::string_view text) { return refuse(400, "malformed-request", text); }

std::string joined(const std::vector<std::string_view>& names) {
    std::string text;
    for (std::string_view name : names) text += (text.empty() ? "" : ", ") + std::string(name);
    return text.empty() ? "none" : text;
}

/// HEAD goes where GET does.
std::string to_allow(const std::vector<std::string_view>& methods) {
    if (methods.empty()) return {};
    const bool is_read = std::ranges::find(methods, "GET") != methods.end();
    return joined(methods) + (is_read ? ", HEAD, OPTIONS" : ", OPTIONS");
}

/// RFC 9110 §15.5.6: with the methods in Allow.
HttpResponse wrong_method(const std::vector<std::string_view>& methods) {
    HttpResponse response = refuse(405, "wrong-method", "this path takes " + joined(methods));
    response.headers = "Allow: " + to_allow(methods) + "\r\n";
    return response;
}

std::string_view below_root(std::string_view path) {
    if (path.starts_with('/')) path.remove_prefix(1);
    return path;
}

std::optional<HttpResponse> read_query(std::string_view text, const Route& route, Variables& into) {
    auto parameters = parse_parameters(text);
    if (!parameters) return bad(parameters.error());
    for (const auto& [name, value] : *parameters)
        if (std::ranges::find(route.query, name) == route.query.end())
            return bad("unknown parameter '" + name + "'; known: " + joined(route.query));
    into = std::move(*parameters);
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
    auto object = parse_object(text);
    if (!object) return bad(object.error());
    for (const auto& member : *object)
        if (std::ranges::find(route.body, std::string_view(member.key())) == route.body.end())
            return bad(
                "unknown member '" + std::string(member.key()) + "'; known: " + joined(route.body)
            );
    into = std::move(*object);
    return std::nullopt;
}

}   // namespace

std::array<std::span<const Route>, 12> all_routes() {
    return {account_routes(), act_routes(),   audit_routes(),  backup_routes(),
            cluster_routes(), file_routes(),  policy_routes(), schema_routes(),
            store_routes(),   trace_routes(), grid_routes(),   view_routes()};
}

std::string allowed_at(std::string_view path) {
    const auto segments = segments_of(below_root(path));
    std::vector<std::string_view> methods;
    Variables variables;
    for (std::span<const Route> table : all_routes())
        for (const Route& route : table)
            if (std::ranges::find(methods, route.method) == methods.end() &&
                matches(route.pattern, segments, variables))
                methods.push_back(route.method);
    return to_allow(methods);
}

Result<Routed, HttpResponse> to_route(const HttpRequest& http) {
    const auto path = segments_of(below_root(http.path));
    Routed routed;
    routed.request.if_match = http.if_match;
    routed.request.if_none_match = http.if_none_match;
    std::vector<std::string_view> methods;
    for (std::span<const Route> table : all_routes())
        for (const Route& route : table) {
            Variables variables;
            if (!matches(route.pattern, path, variables)) continue;
            if (std::ranges::find(methods, route.method) == methods.end())
                methods.push_back(route.method);
            if (route.method != http.method || routed.route != nullptr) continue;
            routed.route = &route;
            routed.request.path = std::move(variables);
        }
    if (methods.empty()) return refuse(404, "unknown-path", "there is nothing at this path");
    if (routed.route == nullptr) return wrong_method(methods);
    for (auto& [name, value] : routed.request.path) {
        auto decoded = xml::percent_decoded(value);
        if (!decoded) return bad("the path is not percent-encoded");
        value = std::move(*decoded);
    }
    if (auto error = read_query(http.query, *routed.route, routed.request.query)) return *error;
    if (auto error = read_body(http.body, *routed.route, routed.request.body)) return *error;
    return routed;
}

}   // namespace grid::controller::rest
