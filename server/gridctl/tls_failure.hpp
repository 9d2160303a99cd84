// server/gridctl/tls_failure.hpp: why TLS failed, said so that a person knows which file to
// change.
#pragma once

#include <openssl/ssl.h>
#include <string>

#include "server/gridctl/target.hpp"

namespace grid::gridctl {

/// Whether a failure's text is an alert by which the server refuses for good what we show: the same
/// again ends the same way, until a person changes something.
bool is_refusal(const std::string& text);
/// `text` is the library's own; it is kept where nothing better is known.
std::string tls_failure(SSL* ssl, const std::string& text, const Target& target);

}   // namespace grid::gridctl
