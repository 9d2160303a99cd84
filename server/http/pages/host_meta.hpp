// server/http/pages/host_meta.hpp: the ways to connect over HTTP, for clients that look (XEP-0156,
// RFC 6415).
#pragma once

#include <string>

#include "server/http/answer.hpp"
#include "server/http/guard.hpp"

namespace grid::server::http {

/// `host`: with its port, as a client wrote it. As JRD, or else as XRD.
Answer host_meta(const std::string& host, const GuardSettings& settings, bool is_json);

}   // namespace grid::server::http
