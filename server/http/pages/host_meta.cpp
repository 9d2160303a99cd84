// server/http/pages/host_meta.cpp: see host_meta.hpp.
#include "server/http/pages/host_meta.hpp"

#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "xml/writer.hpp"

namespace grid::server::http {

Answer host_meta(const std::string& host, const GuardSettings& settings, bool is_json) {
    std::vector<std::pair<std::string, std::string>> links;
    if (settings.has_websocket)
        links.emplace_back(
            "urn:xmpp:alt-connections:websocket", "wss://" + host + "/xmpp-websocket"
        );
    if (settings.has_bosh)
        links.emplace_back("urn:xmpp:alt-connections:xbosh", "https://" + host + "/http-bind");
    Answer answer;
    answer.headers = "Access-Control-Allow-Origin: *\r\n";   // XEP-0156 §3
    if (is_json) {
        boost::json::array array;
        for (const auto& [rel, href] : links)
            array.push_back(boost::json::object{{"rel", rel}, {"href", href}});
        answer.body = boost::json::serialize(boost::json::object{{"links", std::move(array)}});
        return answer;
    }
    answer.type = "application/xrd+xml";
    answer.body =
        "<?xml version='1.0' encoding='utf-8'?>\n"
        "<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n";
    for (const auto& [rel, href] : links) {
        answer.body += "  <Link";
        xml::append_attr(answer.body, "rel", rel);
        xml::append_attr(answer.body, "href", href);
        answer.body += "/>\n";
    }
    answer.body += "</XRD>\n";
    return answer;
}

}   // namespace grid::server::http
