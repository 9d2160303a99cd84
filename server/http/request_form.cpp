// server/http/request_form.cpp: see server/http/request_form.hpp.
#include "server/http/request_form.hpp"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <string>

namespace grid::server::http {

namespace {

namespace beast = boost::beast;
using FormField = beast::http::field;

}   // namespace

std::optional<Refusal> to_origin_form(Head& head, std::string_view scheme) {
    const std::string target(head.target());
    const bool is_of_server = head.method() == beast::http::verb::options && target == "*";
    if (target.starts_with('/') || is_of_server) return std::nullopt;
    const auto mark = target.find("://");
    if (mark == std::string::npos)
        return Refusal{400, "bad-request", "a target begins with / or with https://", {}, true};
    if (!beast::iequals(target.substr(0, mark), beast::string_view(scheme.data(), scheme.size())))
        return Refusal{
            421, "misdirected-request", "here is nothing but " + std::string(scheme) + "://", {}
        };
    const std::string after = target.substr(mark + 3);
    const auto end = std::min(after.find_first_of("/?"), after.size());
    // A request with no Host, or several, is refused for that (check_framing).
    const auto hosts = head.count(FormField::host);
    if (hosts == 1 || (hosts == 0 && head.version() < 11))
        head.set(FormField::host, after.substr(0, end));
    const std::string rest = after.substr(end);
    const bool is_server = rest.empty() && head.method() == beast::http::verb::options;
    head.target(is_server ? "*" : (rest.starts_with('/') ? "" : "/") + rest);
    return std::nullopt;
}

bool awaits_continue(const Head& head) {
    return head.version() >= 11 && beast::iequals(head[FormField::expect], "100-continue");
}

bool expects_more(const Head& head) {
    const auto [first, last] = head.equal_range(FormField::expect);
    return std::any_of(first, last, [](const auto& field) {
        return !field.value().empty() && !beast::iequals(field.value(), "100-continue");
    });
}

}   // namespace grid::server::http
