// controller/text/strict.hpp: queries and bodies of strangers, read in one way alone.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <string_view>

#include "xml/result.hpp"

namespace grid::controller {

/// The object in a body; an empty body is an empty object. Of a member that is there twice readers
/// take the first or the last (RFC 8259 §4), so that what one of them has checked is not what
/// another one does: it is refused, however deep. The error is for the asker. Any thread.
Result<boost::json::object, std::string> parse_object(std::string_view text);

/// Names and values, decoded. The error is for the asker: no percent-encoding, or a name that is
/// there twice. Any thread.
using Parameters = std::map<std::string, std::string, std::less<>>;
Result<Parameters, std::string> parse_parameters(std::string_view query);

}   // namespace grid::controller
