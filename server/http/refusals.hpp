// server/http/refusals.hpp: the answers to requests that the parser did not take.
#pragma once

#include <boost/system/error_code.hpp>
#include <optional>

#include "server/http/guard.hpp"

namespace grid::server::http {

/// nullopt when there is no client left to answer: the connection failed or its time was over.
std::optional<Refusal> to_refusal(boost::system::error_code error);

}   // namespace grid::server::http
