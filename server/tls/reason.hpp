// server/tls/reason.hpp: why a chain was refused, in words that tell a person what to do.
#pragma once

#include <string>

#include "server/tls/verdict.hpp"

namespace grid::server::tls {

/// `now` is what our clock says: half of all date problems are a wrong clock.
std::string to_reason(const Verdict& verdict, storage::Millis now);

}   // namespace grid::server::tls
