// controller/rest/routing.hpp: from method, path and query to a row of the table.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "controller/rest/call.hpp"

namespace grid::controller::rest {

inline constexpr std::size_t body_bytes_max = 1024 * 1024;

struct Routed {
    const Route* route = nullptr;
    Request request;
};
/// The methods of a path, as the header Allow has them; empty: there is nothing at that path.
std::string allowed_at(std::string_view path);
/// 404, 405 and 400 for what no row answers, unknown parameters and members, and bad JSON.
Result<Routed, HttpResponse> to_route(const HttpRequest& request);

}   // namespace grid::controller::rest
