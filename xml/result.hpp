// xml/result.hpp: the one type that says "a value, or why not".
#pragma once

#include <boost/system/result.hpp>

namespace grid {

/// A value or an error code. For protocol errors that carry text, `Result<T, xml::StanzaError>`.
template <class T, class E = boost::system::error_code>
using Result = boost::system::result<T, E>;

}   // namespace grid
