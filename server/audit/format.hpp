// server/audit/format.hpp: an audit record as a JSON line, and as a syslog message (RFC 5424).
#pragma once

#include <string>
#include <string_view>

#include "controller/audit/query.hpp"

namespace grid::server::audit {

/// As the REST interface shows it, with a line feed.
std::string to_json_line(const controller::audit::Entry& entry);
/// Facility 13 (log audit); a denial is a warning, all else a notice. Without framing.
std::string to_syslog(const controller::audit::Entry& entry, std::string_view host);

}   // namespace grid::server::audit
