// server/tls/revocation/crl_check.hpp: the configured lists as a start would take them.
#pragma once

#include <vector>

#include "server/tls/own_certificate.hpp"
#include "server/tls/revocation/crl_watch.hpp"

namespace grid::server::tls {

/// Lists that CrlWatch would not use, or not fully. `is_closed`: also the CAs of `authorities` of
/// which no list is in force, so that their clients are refused. Lists and CAs that were kept in
/// the data directory count. Files that cannot be read are said elsewhere.
std::vector<Complaint> check_crls(const CrlSources& sources, bool is_closed);

}   // namespace grid::server::tls
