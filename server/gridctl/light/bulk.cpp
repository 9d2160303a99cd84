// server/gridctl/light/bulk.cpp: see server/gridctl/light/bulk.hpp.
#include "server/gridctl/light/bulk.hpp"

#include <charconv>

namespace grid::gridctl::light {

namespace {

/// RFC 9110 §10.2.3, of which gridd says seconds; 0: nothing is said.
long seconds_after(const HttpAnswer& answer) {
    const std::string text = answer.header("retry-after");
    long seconds = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, seconds);
    return error == std::errc() && at == end && seconds > 0 ? seconds : 0;
}

}   // namespace

xml::Jid account_on(const Door& door, const Options& common, const std::string& text) {
    const bool is_bare_name = text.find('@') == std::string::npos;
    return account_of(common, is_bare_name ? text + "@" + door.login.domain : text);
}

void fail_if_passing(const HttpAnswer& answer) {
    if (answer.status != 503 && answer.status != 429 && answer.status != 408) return;
    Broken broken("the server says " + answer.words());
    broken.after_seconds = seconds_after(answer);
    throw broken;
}

Target target_of(const Door& door, const Options& common, const HttpsUrl& url) {
    Target target = door.target;
    target.port = url.port;
    if (common.server_name.empty()) target.name = to_dns(url.host);
    if (target.found_by == "the domain") target.hosts = {target.host = target.name};
    target.found_by = "the link";
    return target;
}

bool is_of_grid(const HttpsUrl& url, const std::string& domain) {
    const std::string host = to_dns(url.host), own = to_dns(domain);
    const bool is_host = host == own || host == "bulk." + own;
    return is_host && url.path.starts_with("/bulk/");
}

}   // namespace grid::gridctl::light
