// server/http/upgrade.cpp: see upgrade.hpp.
#include "server/http/upgrade.hpp"

#include <boost/beast/http/rfc7230.hpp>

#include "server/net/websocket_frame.hpp"
#include "xml/base64.hpp"

namespace grid::server::http {
namespace {

namespace beast = boost::beast;
using Field = beast::http::field;

constexpr const char* sub_protocol = "xmpp";

/// Over all fields of that name.
template <class Matches>
bool has_token(const Head& head, Field field, const Matches& matches) {
    const auto [first, last] = head.equal_range(field);
    for (auto at = first; at != last; ++at)
        for (const auto& token : beast::http::token_list(at->value()))
            if (matches(token)) return true;
    return false;
}

bool lists(const Head& head, Field field, beast::string_view wanted) {
    return has_token(head, field, [&](beast::string_view token) {
        return beast::iequals(token, wanted);
    });
}

/// RFC 6455 §4.1, §11.5: names of sub-protocols are compared with their case.
bool offers_sub_protocol(const Head& head) {
    return has_token(head, Field::sec_websocket_protocol, [](beast::string_view token) {
        return token == sub_protocol;
    });
}

Refusal no_upgrade(const char* text) {
    Refusal refusal{426, "upgrade-required", text, {}};
    refusal.headers = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    return refusal;
}

}   // namespace

Result<std::string, Refusal> accept_websocket(const Head& head) {
    if (head.version() < 11 || !lists(head, Field::connection, "upgrade") ||
        !lists(head, Field::upgrade, "websocket"))
        return no_upgrade("this is for WebSockets: Connection: Upgrade and Upgrade: websocket");
    if (head[Field::sec_websocket_version] != "13")
        return no_upgrade("the version of WebSockets here is 13");
    const auto key = head[Field::sec_websocket_key];
    const auto decoded = xml::parse_base64({key.data(), key.size()});
    if (head.count(Field::sec_websocket_key) != 1 || !decoded || decoded->size() != 16)
        return Refusal{400, "bad-request", "Sec-WebSocket-Key is base64 of 16 bytes", {}};
    if (!offers_sub_protocol(head))
        return Refusal{
            400, "bad-request", "the sub-protocol here is xmpp: Sec-WebSocket-Protocol: xmpp", {}
        };
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           net::websocket::accept_key({key.data(), key.size()}) +
           "\r\nSec-WebSocket-Protocol: " + sub_protocol + "\r\n\r\n";
}

}   // namespace grid::server::http
