// controller/rest/http.cpp: see controller/rest/http.hpp.
#include "controller/rest/http.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "xml/utf8.hpp"

namespace grid::controller {

namespace {

/// RFC 9457 §4.2.1: the title of a problem without a type of its own is the status's name.
std::string_view title_of(int status) {
    static constexpr std::array<std::pair<int, std::string_view>, 24> titles{{
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    }};
    const auto found = std::ranges::find(titles, status, &std::pair<int, std::string_view>::first);
    return found == titles.end() ? "Refused" : found->second;
}

}   // namespace

HttpResponse http_problem(
    int status, std::string_view code, std::string_view text, const boost::json::object& more
) {
    boost::json::object body{
        {"type", "about:blank"},
        {"title", title_of(status)},
        {"status", status},
        {"detail", text},
        {"code", code}
    };
    for (const auto& member : more) body[member.key()] = member.value();
    return {status, xml::valid_utf8(boost::json::serialize(body)), std::string(problem_type)};
}

HttpResponse http_error(int status, std::string_view code, std::string_view text) {
    return http_problem(status, code, text, {});
}

}   // namespace grid::controller
