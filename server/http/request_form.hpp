// server/http/request_form.hpp: the form of a request, whatever it asks for (RFC 9110, RFC 9112).
#pragma once

#include <optional>
#include <string_view>

#include "server/http/guard.hpp"

namespace grid::server::http {

/// RFC 9112 §3.2.2: of a target in absolute form the authority takes the place of Host, and the
/// rest stays. Refused: a target of any other form, but for `*`, and another scheme than that of
/// the listener, "https" or "http".
std::optional<Refusal> to_origin_form(Head& head, std::string_view scheme);

/// Whether the client waits to be told before it sends the content. RFC 9110 §10.1.1: a client of
/// HTTP/1.0 does not, whatever it says.
bool awaits_continue(const Head& head);
/// Anything but that, in any Expect field, which is refused with 417.
bool expects_more(const Head& head);

}   // namespace grid::server::http
